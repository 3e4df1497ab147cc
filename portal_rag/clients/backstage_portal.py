"""The portal as Backstage shows it to one user, whose own rights go with every call."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import DocumentPermissions, Wanted
from portal_rag.backstage.entities import Entity
from portal_rag.backstage.permission import READ, PermissionClient
from portal_rag.backstage.search import SearchClient, SearchHit
from portal_rag.clients.credentials import Credentials, UserCache
from portal_rag.clients.filters import filter_for
from portal_rag.corpus.documents import Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import (
    CountedAmong,
    GateDecides,
    OfOrigin,
    OnlyResources,
    Visibility,
    Within,
)
from portal_rag.domain import Listing, Selection, selected

SLIM_FIELDS = (
    "kind",
    "metadata.namespace",
    "metadata.name",
    "metadata.title",
    "metadata.tags",
    "metadata.annotations.portal-rag.io/aliases",
    "spec.profile.displayName",
    "spec.type",
    "spec.lifecycle",
)
_LISTED_FIELDS = (
    *SLIM_FIELDS,
    "metadata.description",
    "metadata.tags",
    "metadata.annotations",
    "spec.type",
    "spec.lifecycle",
    "relations",
)
MOST_SCANNED = 5_000
MOST_LISTED = 1000
"""The most readable entities that are listed for the filter inside the vector query."""
LISTING_SECONDS = 60.0
ALLOWED_SECONDS = 30.0


class BackstagePortal:
    """One user's view, by the user's own rights: `/authorize` and the catalog have the last word.

    What a query of the index may return comes from a list of what the user may read.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        catalog: CatalogClient,
        permission: PermissionClient | None,
        search: SearchClient,
        listings: UserCache[Listing],
        allowances: UserCache[Wanted],
        document_permissions: DocumentPermissions,
        most_scanned: int = MOST_SCANNED,
    ) -> None:
        """`permission` is None where Backstage runs with `permission.enabled: false`.

        `most_scanned` entities are read at most to find out which of them are selected.
        """
        self._credentials = credentials
        self._catalog = catalog
        self._permission = permission
        self._search = search
        self._listings = listings
        self._allowances = allowances
        self._document_permissions = document_permissions
        self._most_scanned = most_scanned

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        return await self._catalog.by_refs(list(refs), token=self._catalog_token)

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        return await self._catalog.named(names, token=self._catalog_token, fields=SLIM_FIELDS)

    async def listing(self) -> Listing:
        kept = self._listings.get(self._credentials)
        if kept:
            return kept
        page = await self._catalog.page(
            token=self._catalog_token, fields=SLIM_FIELDS, limit=MOST_LISTED
        )
        listing = Listing(entities=tuple(page.entities), complete=page.next_cursor is None)
        self._listings.put(self._credentials, listing)
        return listing

    async def matching(self, selection: Selection, *, most: int) -> Listing:
        """Let the catalog filter as far as it can, and look at what it gives."""
        if not selection:
            return Listing(entities=(), complete=True)
        narrowed = filter_for(selection)
        crawl = self._catalog.crawl(
            token=self._catalog_token,
            fields=_LISTED_FIELDS,
            filters=(narrowed,) if narrowed else (),
        )
        read: list[Entity] = []
        async with aclosing(crawl) as entities:
            async for entity in entities:
                if len(read) == self._most_scanned:
                    return replace(selected(read, selection, most=most), complete=False)
                read.append(entity)
        return selected(read, selection, most=most)

    async def visibility(self) -> Visibility:
        """Count words among what is listed even where there is more to be found."""
        listing = await self.listing()
        listed = await self.narrowed(OnlyResources(_refs(listing)))
        return listed if listing.complete else CountedAmong(GateDecides(), listed)

    async def narrowed(self, among: Visibility) -> Visibility:
        """Leave out of a query, too, what is refused for a permission set for its origin.

        The gate would do so, but only after it was counted how rare words are. Of users who may
        read more entities than are listed, words are counted among those that are.
        """
        by_origin = self._document_permissions.by_origin
        if not by_origin or not self._permission:
            return among
        listing = await self.listing()
        allowed = await self._allowance(_refs(listing))
        only = tuple(OfOrigin(origin, allowed[name]) for origin, name in by_origin.items())
        found = Within(among, only) if listing.complete else among
        return CountedAmong(found, Within(OnlyResources(_refs(listing)), only))

    async def _allowance(self, refs: frozenset[EntityRef]) -> Wanted:
        kept = self._allowances.get(self._credentials)
        if kept is None:
            names = self._document_permissions.by_origin.values()
            kept = await self._allowed(dict.fromkeys(names, refs))
            self._allowances.put(self._credentials, kept)
        return kept

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        """Ask twice: the permission plugin decides, and the catalog shows that the entity exists.

        `/authorize` allows what does not exist to whoever may read everything, hence the second.
        """
        documents = {ref: Governed(frozenset({ref}), "catalog") for ref in refs}
        permitted = await self.permitted(documents.values())
        return frozenset(ref for ref, document in documents.items() if document in permitted)

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        """Ask as `readable` does, in the same request also for what is set for an origin."""
        if not documents:
            return frozenset()
        wanted = self._document_permissions.wanted_for(documents)
        existing, allowed = await asyncio.gather(
            self._existing(wanted[READ]), self._allowed(wanted)
        )
        return frozenset(
            document
            for document in documents
            if document.entities <= existing
            and all(
                document.entities <= allowed[name]
                for name in self._document_permissions.governing(document)
            )
        )

    async def search(self, text: str, *, most: int) -> Sequence[SearchHit]:
        return await self._search.query(
            text, token=self._credentials.token_for("search"), most=most
        )

    async def _allowed(self, wanted: Wanted) -> Wanted:
        if not self._permission:
            return wanted
        token = self._credentials.token_for("permission")
        return await self._permission.readable_by(wanted, token=token)

    async def _existing(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        fields = ("kind", "metadata.namespace", "metadata.name")
        return frozenset(
            await self._catalog.by_refs(sorted(refs), token=self._catalog_token, fields=fields)
        )

    @property
    def _catalog_token(self) -> str:
        return self._credentials.token_for("catalog")


def _refs(listing: Listing) -> frozenset[EntityRef]:
    return frozenset(entity.ref for entity in listing.entities)
