"""The portal of an index that was built from files: the catalog snapshot kept beside it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.backstage.search import SearchHit
from portal_rag.corpus.documents import Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import OnlyResources, Visibility
from portal_rag.domain import Listing, Selection, selected
from portal_rag.errors import NotFoundError


class LocalPortal:
    """Everything in the snapshot may be read, for it came from files of this machine."""

    def __init__(self, read_snapshot: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """`read_snapshot` raises IndexUnavailableError unless the index came from files alone."""
        self._read_snapshot = read_snapshot
        self._parsed_from: Iterable[Mapping[str, Any]] | None = None
        self._parsed: Mapping[EntityRef, Entity] = {}

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        known = self._known()
        return {ref: known[ref] for ref in refs if ref in known}

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        wanted = {name.lower() for name in names}
        return [
            entity
            for entity in self._known().values()
            if entity.name.lower() in wanted or (entity.title or "").lower() in wanted
        ]

    async def listing(self) -> Listing:
        return Listing(entities=tuple(self._known().values()), complete=True)

    async def matching(self, selection: Selection, *, most: int) -> Listing:
        return selected(self._known().values(), selection, most=most)

    async def visibility(self) -> Visibility:
        return OnlyResources(frozenset(self._known()))

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        return frozenset(self._known().keys() & set(refs))

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        known = self._known().keys()
        return frozenset(each for each in documents if each.entities <= known)

    async def search(self, text: str, *, most: int) -> Sequence[SearchHit]:
        raise NotFoundError("files have no Search")

    def _known(self) -> Mapping[EntityRef, Entity]:
        snapshot = self._read_snapshot()
        if snapshot is not self._parsed_from:
            parsed = (Entity.parse(json) for json in snapshot)
            self._parsed = {entity.ref: entity for entity in parsed if entity}
            self._parsed_from = snapshot
        return self._parsed
