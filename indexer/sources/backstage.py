"""A running Backstage: its catalog, and the TechDocs sites that its entities own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.sources.built_sites import BuiltSite, Documented, docs_scope, mark_of
from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.entity_documents import describe
from indexer.sources.html import read_sections
from indexer.sources.search_index import IndexedPage, pages_of
from indexer.sources.source import (
    ABSENT,
    UNMARKED,
    Asked,
    Delivered,
    Failure,
    Governing,
    Seen,
)
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.entities import Entity
from portal_rag.backstage.techdocs import SiteMetadata, TechDocsClient
from portal_rag.corpus.documents import Document, Section
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import predicates_of
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
SITES_AT_ONCE = 8
_UNREADABLE = (AuthenticationError, InputError, NotAllowedError, UpstreamError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What came of a page; not whole if it failed, or if its text stands in for it."""

    delivered: Document | Failure
    is_whole: bool


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
        self._unchanged: list[EntityRef] = []

    async def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        """Read the entities and sites that are not known, or those of one entity.

        Raises:
            AuthenticationError, NotAllowedError, UpstreamError: the catalog could not be read, or
                shows not a single entity to this token.
        """
        known = {} if asked.only else asked.known
        documented: list[Documented] = []
        async for each in self._entities(asked):
            if not isinstance(each, Entity):
                yield each
                continue
            yield _governing(each)
            for document in describe(each, source=CATALOG, app_url=self._app_url):
                yield document
            has_docs = each.docs_ref == each.ref
            if has_docs:
                documented.append(Documented(ref=each.ref, title=each.display_name))
            yield Seen(scope=docs_scope(each.ref), mark=UNMARKED if has_docs else ABSENT)
            yield Seen(scope=_catalog(each.ref), mark=mark_of(_etag(each)))
        documented += (
            Documented(ref=ref, title=None) for ref in self._unchanged if docs_scope(ref) in known
        )
        for start in range(0, len(documented), SITES_AT_ONCE):
            some = documented[start : start + SITES_AT_ONCE]
            async for read in self._sites(some, known):
                yield read

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def notes(self) -> Sequence[str]:
        if not self._unbuilt:
            return ()
        some = ", ".join(str(ref) for ref in self._unbuilt[:3])
        return (f"{len(self._unbuilt)} with docs that are not built, such as {some}",)

    async def _entities(self, asked: Asked) -> AsyncIterator[Entity | Seen | Failure]:
        """Give what is not known with all of its fields; the rest is as it was."""
        changed = [asked.only] if asked.only else []
        if not asked.only:
            crawl = self._catalog.crawl(token=self._token, fields=("metadata.etag",))
            async for slim in crawl:
                scope, mark = _catalog(slim.ref), mark_of(_etag(slim))
                if not scope.isprintable():
                    yield Failure(scope=scope, reason=f"{scope}: no name that can be stored")
                elif mark != UNMARKED and asked.known.get(scope) == mark:
                    self._unchanged.append(slim.ref)
                    yield Seen(scope=scope, mark=mark, is_unchanged=True)
                else:
                    changed.append(slim.ref)
            if not changed and not self._unchanged:
                raise UpstreamError("catalog", "the token of the indexer may not read any entity")
        for start in range(0, len(changed), ENTITIES_AT_ONCE):
            batch = changed[start : start + ENTITIES_AT_ONCE]
            for entity in (await self._catalog.by_refs(batch, token=self._token)).values():
                yield entity

    async def _metadata(self, ref: EntityRef) -> SiteMetadata | PortalRagError:
        try:
            return await self._techdocs.metadata(ref, token=self._token)
        except (NotFoundError, *_UNREADABLE) as error:
            return error

    async def _sites(
        self, some: Sequence[Documented], known: Mapping[str, str]
    ) -> AsyncIterator[Delivered]:
        """Read the sites that changed, and their entities where those were not read: at once."""
        found = await asyncio.gather(*(self._metadata(each.ref) for each in some))
        sites = [
            BuiltSite(
                documented=each, metadata=metadata, known=known.get(docs_scope(each.ref), UNMARKED)
            )
            for each, metadata in zip(some, found, strict=True)
        ]
        unread = [site.ref for site in sites if site.lacks_its_entity]
        entities = await self._catalog.by_refs(unread, token=self._token)
        for entity in entities.values():
            yield _governing(entity)
        for site in sites:
            entity_read = entities.get(site.ref)
            title = entity_read.display_name if entity_read else site.documented.title
            async for read in self._pages(site, title or site.ref.name):
                yield read

    async def _pages(self, site: BuiltSite, title: str) -> AsyncIterator[Delivered]:
        if site.is_unchanged:
            yield Seen(scope=site.scope, mark=site.mark, is_unchanged=True)
        elif isinstance(site.metadata, SiteMetadata):
            reads = await self._read_site(site.ref, site.metadata, title)
            for read in reads:
                yield read.delivered
            is_whole = all(read.is_whole for read in reads)
            yield Seen(scope=site.scope, mark=site.mark if is_whole else UNMARKED)
        else:
            for failure in self._unread(site.ref, site.metadata):
                yield failure
            yield Seen(scope=site.scope, mark=UNMARKED)

    def _unread(self, ref: EntityRef, error: PortalRagError) -> Sequence[Failure]:
        if isinstance(error, NotFoundError):
            self._unbuilt.append(ref)
            return ()
        return (_failure(docs_scope(ref), error),)

    async def _read_site(
        self, ref: EntityRef, metadata: SiteMetadata, title: str
    ) -> Sequence[_Read]:
        """Read a site that is built; while it is being published anything may still be missing."""
        try:
            index = await self._techdocs.search_index(ref, token=self._token)
        except (NotFoundError, *_UNREADABLE) as error:
            return (_Read(delivered=_failure(docs_scope(ref), error), is_whole=False),)
        site = DocsSite(
            source=TECHDOCS, owner=ref, title=metadata.site_name or title, app_url=self._app_url
        )
        pages = (self._page(site, metadata, page) for page in pages_of(index))
        return await asyncio.gather(*pages)

    async def _page(self, site: DocsSite, metadata: SiteMetadata, page: IndexedPage) -> _Read:
        """Prefer the page itself, which has its structure, over its text in the search index."""
        is_there = True
        try:
            sections = await self._sections(site.owner, page)
        except (NotFoundError, *_UNREADABLE) as error:
            if not (isinstance(error, NotFoundError) and page.has_text):
                failure = _failure(site.path_of(page.location), error, is_exact=True)
                return _Read(delivered=failure, is_whole=False)
            sections, is_there = page.sections, False
        document = page_document(
            site,
            location=page.location,
            nav_title=page.title,
            sections=sections,
            built_at=metadata.built_at,
        )
        return _Read(delivered=document, is_whole=is_there)

    async def _sections(self, owner: EntityRef, page: IndexedPage) -> tuple[Section, ...]:
        async with self._pages_at_once:
            html = await self._techdocs.page(owner, page.location, token=self._token)
        return read_sections(html) or page.sections


def _governing(entity: Entity) -> Governing:
    return Governing(ref=entity.ref, predicates=predicates_of(entity.json))


def _catalog(ref: EntityRef) -> str:
    return f"{ref}#"


def _etag(entity: Entity) -> str | None:
    metadata = entity.json.get("metadata")
    etag = metadata.get("etag") if isinstance(metadata, dict) else None
    return etag if isinstance(etag, str) else None


def _failure(scope: str, error: PortalRagError, *, is_exact: bool = False) -> Failure:
    is_broken_content = isinstance(error, InputError | NotFoundError) or (
        isinstance(error, UpstreamError) and not error.is_transient
    )
    return Failure(
        scope=scope,
        reason=f"{scope}: {error.message}",
        is_outage=not is_broken_content,
        is_exact=is_exact,
    )
