"""A portal in memory that shows one asker only what is not hidden."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.backstage.search import SearchHit
from portal_rag.corpus.documents import Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import GateDecides, OnlyResources, Visibility
from portal_rag.domain import Listing, Selection, selected
from portal_rag.errors import NotFoundError


class FakePortal:
    """Keeps the contract of `Portal`; `listed` may lag behind what is visible now."""

    def __init__(
        self,
        entities: Iterable[Entity],
        *,
        hidden: Collection[str] = (),
        listed: Iterable[Entity] | None = None,
        complete: bool = True,
        hits: Sequence[SearchHit] | None = None,
    ) -> None:
        """`hits` are whatever its Search finds for anything, None if it has none."""
        concealed = {EntityRef.parse(ref) for ref in hidden}
        self._visible = {one.ref: one for one in entities if one.ref not in concealed}
        self._listed = tuple(self._visible.values() if listed is None else listed)
        self._complete = complete
        self._hits = hits

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        return {ref: self._visible[ref] for ref in refs if ref in self._visible}

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        wanted = {name.lower() for name in names}
        return [
            one
            for one in self._visible.values()
            if {one.name.lower(), (one.title or one.name).lower()} & wanted
        ]

    async def listing(self) -> Listing:
        listed = self._listed if self._complete else self._listed[:1]
        return Listing(entities=listed, complete=self._complete)

    async def matching(self, selection: Selection, *, most: int) -> Listing:
        return selected(self._visible.values(), selection, most=most)

    async def visibility(self) -> Visibility:
        listed = frozenset(one.ref for one in self._listed)
        return OnlyResources(listed) if self._complete else GateDecides()

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        return frozenset(self._visible.keys() & set(refs))

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        return frozenset(each for each in documents if each.entities <= self._visible.keys())

    async def search(self, text: str, *, most: int) -> Sequence[SearchHit]:
        if self._hits is None:
            raise NotFoundError("search: nothing there")
        return self._hits[:most]
