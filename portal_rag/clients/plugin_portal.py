"""The portal as this service sees it for one user while it is itself a plugin of Backstage."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.backstage.permission import Conditional, Decision, PermissionClient
from portal_rag.backstage.search import SearchHit
from portal_rag.clients.backstage_portal import BackstagePortal
from portal_rag.clients.credentials import Credentials, UserCache
from portal_rag.corpus.conditions import parse_condition
from portal_rag.corpus.documents import Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import GateDecides, OnlyResources, Visibility, Where
from portal_rag.domain import Listing, Selection

DECISION_SECONDS = 30.0


class PluginPortal:
    """One user's view; what the index may return comes from Backstage's decision for the user.

    That decision is kept for DECISION_SECONDS, for it only narrows the query; the gate asks anew.
    """

    def __init__(
        self,
        seen: BackstagePortal,
        credentials: Credentials,
        *,
        permission: PermissionClient | None,
        decisions: UserCache[Decision],
    ) -> None:
        """`seen` is the same user's view of everything else, by the same credentials."""
        self._seen = seen
        self._credentials = credentials
        self._permission = permission
        self._decisions = decisions

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        return await self._seen.entities(refs)

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        return await self._seen.find(names)

    async def listing(self) -> Listing:
        return await self._seen.listing()

    async def matching(self, selection: Selection, *, most: int) -> Listing:
        return await self._seen.matching(selection, most=most)

    async def visibility(self) -> Visibility:
        if not self._permission:
            return GateDecides()
        decision = self._decisions.get(self._credentials)
        if decision is None:
            token = self._credentials.token_for("permission")
            decision = await self._permission.decide(token=token)
            self._decisions.put(self._credentials, decision)
        return await self._seen.narrowed(_visibility_by(decision))

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        return await self._seen.readable(refs)

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        return await self._seen.permitted(documents)

    async def search(self, text: str, *, most: int) -> Sequence[SearchHit]:
        return await self._seen.search(text, most=most)


def _visibility_by(decision: Decision) -> Visibility:
    match decision:
        case "ALLOW":
            return GateDecides()
        case Conditional(conditions):
            return visibility_under(conditions)
        case _:
            return OnlyResources(frozenset())


def visibility_under(conditions: Mapping[str, Any]) -> Visibility:
    """Make conditions part of the query.

    Raises:
        UpstreamError: they cannot be understood, so nothing may be taken as visible.
    """
    return Where(parse_condition(conditions))
