"""A running Backstage: its catalog, and the TechDocs sites that its entities own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.entity_documents import describe
from indexer.sources.html import read_sections
from indexer.sources.search_index import IndexedPage, pages_of
from indexer.sources.source import Failure
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.entities import Entity
from portal_rag.backstage.techdocs import SiteMetadata, TechDocsClient
from portal_rag.corpus.documents import Document, Section
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import (
    AuthenticationError,
    InputError,
    NotAllowedError,
    NotFoundError,
    PortalRagError,
    UpstreamError,
)

CATALOG = "backstage/catalog"
TECHDOCS = "backstage/techdocs"
ENTITIES_AT_ONCE = 200
PAGES_AT_ONCE = 4
_UNREADABLE = (AuthenticationError, InputError, NotAllowedError, UpstreamError)


class BackstageSource:
    """Reads with a token of its own, which sees more than users do; the rights come at the query.

    A site that is not built is no failure: its documents are gone.
    """

    name = "backstage"
    parts = (CATALOG, TECHDOCS)
    reads_files = False

    def __init__(
        self,
        *,
        catalog: CatalogClient,
        techdocs: TechDocsClient,
        token: str,
        app_url: str,
    ) -> None:
        self._catalog = catalog
        self._techdocs = techdocs
        self._token = token
        self._app_url = app_url
        self._pages_at_once = asyncio.Semaphore(PAGES_AT_ONCE)
        self._unbuilt: list[EntityRef] = []

    async def documents(self) -> AsyncIterator[Document | Failure]:
        """Read all entities, then the docs of each that owns some.

        Raises:
            AuthenticationError, NotAllowedError, UpstreamError: the catalog could not be read, or
                shows not a single entity to this token.
        """
        documented: list[Entity] = []
        async for entity in self._entities():
            for document in describe(entity, source=CATALOG, app_url=self._app_url):
                yield document
            if entity.docs_ref == entity.ref:
                documented.append(_without_json(entity))
        for entity in documented:
            async for page in self._site(entity):
                yield page

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def notes(self) -> Sequence[str]:
        if not self._unbuilt:
            return ()
        some = ", ".join(str(ref) for ref in self._unbuilt[:3])
        return (f"{len(self._unbuilt)} with docs that are not built, such as {some}",)

    async def _entities(self) -> AsyncIterator[Entity]:
        crawl = self._catalog.crawl(token=self._token, fields=("metadata.etag",))
        refs = [entity.ref async for entity in crawl]
        if not refs:
            raise UpstreamError("catalog", "the token of the indexer may not read any entity")
        for start in range(0, len(refs), ENTITIES_AT_ONCE):
            batch = refs[start : start + ENTITIES_AT_ONCE]
            for entity in (await self._catalog.by_refs(batch, token=self._token)).values():
                yield entity

    async def _site(self, entity: Entity) -> AsyncIterator[Document | Failure]:
        ref = entity.ref
        try:
            metadata = await self._techdocs.metadata(ref, token=self._token)
            index = await self._techdocs.search_index(ref, token=self._token)
        except NotFoundError:
            self._unbuilt.append(ref)
            return
        except _UNREADABLE as error:
            yield _failure(f"{ref}/", error)
            return
        site = DocsSite(
            source=TECHDOCS,
            owner=ref,
            title=metadata.site_name or entity.display_name,
            app_url=self._app_url,
        )
        pages = (self._page(site, metadata, page) for page in pages_of(index))
        for read in await asyncio.gather(*pages):
            yield read

    async def _page(
        self, site: DocsSite, metadata: SiteMetadata, page: IndexedPage
    ) -> Document | Failure:
        try:
            sections = await self._sections(site.owner, page)
        except _UNREADABLE as error:
            return _failure(site.path_of(page.location), error)
        return page_document(
            site,
            location=page.location,
            nav_title=page.title,
            sections=sections,
            built_at=metadata.built_at,
        )

    async def _sections(self, owner: EntityRef, page: IndexedPage) -> tuple[Section, ...]:
        """Prefer the page itself, which has its structure, over its text in the search index."""
        async with self._pages_at_once:
            try:
                html = await self._techdocs.page(owner, page.location, token=self._token)
            except NotFoundError:
                return page.sections
        return read_sections(html) or page.sections


def _without_json(entity: Entity) -> Entity:
    """Forget what is large, such as API definitions, until the docs are read."""
    metadata = {"name": entity.name, "namespace": entity.namespace, "title": entity.display_name}
    return Entity(ref=entity.ref, json={"kind": entity.kind, "metadata": metadata})


def _failure(scope: str, error: PortalRagError) -> Failure:
    is_broken_content = isinstance(error, InputError) or (
        isinstance(error, UpstreamError) and not error.is_transient
    )
    return Failure(scope=scope, reason=f"{scope}: {error.message}", is_outage=not is_broken_content)
