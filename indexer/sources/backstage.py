"""A running Backstage: its catalog, and the TechDocs sites that its entities own."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.entity_documents import describe
from indexer.sources.html import read_sections
from indexer.sources.search_index import IndexedPage, pages_of
from indexer.sources.source import ABSENT, UNMARKED, Asked, Delivered, Failure, Seen
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
SITES_AT_ONCE = 8
_UNREADABLE = (AuthenticationError, InputError, NotAllowedError, UpstreamError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Documented:
    """An entity that owns docs; its title is None if the entity is as it was."""

    ref: EntityRef
    title: str | None


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
        documented: list[_Documented] = []
        async for each in self._entities(asked):
            if not isinstance(each, Entity):
                yield each
                continue
            for document in describe(each, source=CATALOG, app_url=self._app_url):
                yield document
            has_docs = each.docs_ref == each.ref
            if has_docs:
                documented.append(_Documented(ref=each.ref, title=each.display_name))
            yield Seen(scope=_docs(each.ref), mark=UNMARKED if has_docs else ABSENT)
            yield Seen(scope=_catalog(each.ref), mark=_mark(_etag(each)))
        documented += (
            _Documented(ref=ref, title=None) for ref in self._unchanged if _docs(ref) in known
        )
        for start in range(0, len(documented), SITES_AT_ONCE):
            sites = documented[start : start + SITES_AT_ONCE]
            metadata = await asyncio.gather(*(self._metadata(each.ref) for each in sites))
            for site, found in zip(sites, metadata, strict=True):
                async for read in self._pages(site, found, known.get(_docs(site.ref), UNMARKED)):
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
                scope, mark = _catalog(slim.ref), _mark(_etag(slim))
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

    async def _pages(
        self, documented: _Documented, metadata: SiteMetadata | PortalRagError, known: str
    ) -> AsyncIterator[Delivered]:
        ref, scope = documented.ref, _docs(documented.ref)
        if isinstance(metadata, SiteMetadata):
            mark = _mark(metadata.etag, metadata.built_at, metadata.site_name)
            is_titled = documented.title is None or metadata.site_name is not None
            if mark == known != UNMARKED and is_titled:
                yield Seen(scope=scope, mark=mark, is_unchanged=True)
                return
            reads = await self._site(documented, metadata)
            for read in reads:
                yield read.delivered
            is_whole = all(read.is_whole for read in reads)
            yield Seen(scope=scope, mark=mark if is_whole else UNMARKED)
        else:
            for failure in self._unread(ref, metadata):
                yield failure
            yield Seen(scope=scope, mark=UNMARKED)

    def _unread(self, ref: EntityRef, error: PortalRagError) -> Sequence[Failure]:
        if isinstance(error, NotFoundError):
            self._unbuilt.append(ref)
            return ()
        return (_failure(_docs(ref), error),)

    async def _site(self, documented: _Documented, metadata: SiteMetadata) -> Sequence[_Read]:
        """Read a site that is built; while it is being published anything may still be missing."""
        ref = documented.ref
        try:
            index = await self._techdocs.search_index(ref, token=self._token)
            title = metadata.site_name or documented.title or await self._title(ref)
        except (NotFoundError, *_UNREADABLE) as error:
            return (_Read(delivered=_failure(_docs(ref), error), is_whole=False),)
        site = DocsSite(source=TECHDOCS, owner=ref, title=title, app_url=self._app_url)
        pages = (self._page(site, metadata, page) for page in pages_of(index))
        return await asyncio.gather(*pages)

    async def _title(self, ref: EntityRef) -> str:
        found = await self._catalog.by_refs([ref], token=self._token, fields=("metadata.title",))
        return found[ref].display_name if ref in found else ref.name

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


def _catalog(ref: EntityRef) -> str:
    return f"{ref}#"


def _docs(ref: EntityRef) -> str:
    return f"{ref}/"


def _etag(entity: Entity) -> str | None:
    metadata = entity.json.get("metadata")
    etag = metadata.get("etag") if isinstance(metadata, dict) else None
    return etag if isinstance(etag, str) else None


def _mark(*facts: str | datetime | None) -> str:
    """Make a short mark of what tells versions apart; UNMARKED where nothing does."""
    if not any(facts[:2]):
        return UNMARKED
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


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
