"""The portal as Backstage shows it to one user, whose own token goes with every call."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.entities import Entity
from portal_rag.backstage.permission import PermissionClient
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Listing, PortalUser, Timer

SLIM_FIELDS = (
    "kind",
    "metadata.namespace",
    "metadata.name",
    "metadata.title",
    "spec.profile.displayName",
)
MOST_LISTED = 1000
"""The most readable entities that are listed for the filter inside the vector query."""
_MOST_REMEMBERED = 500


class ListingCache:
    """What users may read, for a minute each; the key holds a digest of the user's own token."""

    def __init__(self, timer: Timer, *, seconds: float = 60.0) -> None:
        self._timer = timer
        self._seconds = seconds
        self._kept: OrderedDict[tuple[EntityRef, str], tuple[float, Listing]] = OrderedDict()

    def get(self, user: PortalUser) -> Listing | None:
        kept = self._kept.get(_key(user))
        return kept[1] if kept and self._timer() - kept[0] < self._seconds else None

    def put(self, user: PortalUser, listing: Listing) -> None:
        self._kept[_key(user)] = (self._timer(), listing)
        self._kept.move_to_end(_key(user))
        while len(self._kept) > _MOST_REMEMBERED:
            self._kept.popitem(last=False)


def _key(user: PortalUser) -> tuple[EntityRef, str]:
    return user.user_ref, hashlib.sha256(user.token.encode()).hexdigest()


class BackstagePortal:
    """One user's view, by the user's own token: `/authorize` and the catalog have the last word."""

    def __init__(
        self,
        user: PortalUser,
        *,
        catalog: CatalogClient,
        permission: PermissionClient | None,
        listings: ListingCache,
    ) -> None:
        """`permission` is None where Backstage runs with `permission.enabled: false`."""
        self._user = user
        self._catalog = catalog
        self._permission = permission
        self._listings = listings

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        return await self._catalog.by_refs(list(refs), token=self._user.token)

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        return await self._catalog.named(names, token=self._user.token, fields=SLIM_FIELDS)

    async def listing(self) -> Listing:
        kept = self._listings.get(self._user)
        if kept:
            return kept
        page = await self._catalog.page(
            token=self._user.token, fields=SLIM_FIELDS, limit=MOST_LISTED
        )
        listing = Listing(entities=tuple(page.entities), complete=page.next_cursor is None)
        self._listings.put(self._user, listing)
        return listing

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        """Ask twice: the permission plugin decides, and the catalog shows that the entity exists.

        `/authorize` allows what does not exist to whoever may read everything, hence the second.
        """
        if not refs:
            return frozenset()
        verdicts = [self._existing(refs)]
        if self._permission:
            verdicts.append(self._permission.readable(refs, token=self._user.token))
        return frozenset(refs).intersection(*await asyncio.gather(*verdicts))

    async def _existing(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        fields = ("kind", "metadata.namespace", "metadata.name")
        return frozenset(
            await self._catalog.by_refs(list(refs), token=self._user.token, fields=fields)
        )
