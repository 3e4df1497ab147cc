"""The portal as one asker may see it: the port through which everything is read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from portal_rag.backstage.entities import Entity
from portal_rag.backstage.search import SearchHit
from portal_rag.corpus.documents import Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import Visibility
from portal_rag.domain.questions import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The entities that the asker may read, slim; `complete` unless there are too many."""

    entities: tuple[Entity, ...]
    complete: bool


class Portal(Protocol):
    """The portal as one asker may see it; every method acts with that asker's rights alone."""

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        """Read entities now, whole; what is hidden or missing is absent."""
        ...

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        """Find entities by exact name or title, in any namespace, whatever the case."""
        ...

    async def listing(self) -> Listing:
        """List what the asker may read; at most a minute old, so never the last word."""
        ...

    async def matching(self, selection: Selection, *, most: int) -> Listing:
        """Find now what is selected, with its relations, by reference; the first `most` of it."""
        ...

    async def visibility(self) -> Visibility:
        """Say what a query may return before the gate decides; up to a minute old."""
        ...

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        """The gate: ask now, uncached, which of these exist and may be read."""
        ...

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        """The gate for documents: ask, as `readable` does, for all that governs each of them."""
        ...

    async def search(self, text: str, *, most: int) -> Sequence[SearchHit]:
        """Ask the portal's own Search, best first; the gate has yet to decide on each hit.

        Raises:
            NotFoundError: it has none.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoPortal:
    """The view of those about whom Backstage cannot be asked: nothing of the portal applies."""
