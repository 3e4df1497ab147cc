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
from indexer.sources.source import UNMARKED, Asked, Delivered, Failure, Governing, Seen
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
class _Documented:
    """An entity that owns docs; its title is None if the entity is as it was, and not yet read."""

    ref: EntityRef
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """The docs of an entity: what TechDocs says of them now, and the mark that they had."""

    documented: _Documented
    metadata: SiteMetadata | PortalRagError
    known: str

    @property
    def ref(self) -> EntityRef:
        return self.documented.ref

    @property
    def scope(self) -> str:
        return _docs(self.ref)

    @property
    def mark(self) -> str:
        found = self.metadata
        if not isinstance(found, SiteMetadata):
            return UNMARKED
        return _mark(found.etag, found.built_at, found.site_name)

    @property
    def is_unchanged(self) -> bool:
        """Whether it need not be read; a site without a name has the title of its entity."""
        title, found = self.documented.title, self.metadata
        is_titled = isinstance(found, SiteMetadata) and (title is None or found.site_name)
        return bool(is_titled) and self.mark == self.known != UNMARKED

    @property
    def lacks_its_entity(self) -> bool:
        is_read = isinstance(self.metadata, SiteMetadata) and not self.is_unchanged
        return is_read and self.documented.title is None


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
            if isinstance(each, Entity):
                yield _governing(each)
                for document in describe(each, source=CATALOG, app_url=self._app_url):
                    yield document
                if each.docs_ref == each.ref:
                    documented.append(_Documented(ref=each.ref, title=each.display_name))
                    yield Seen(scope=_docs(each.ref), mark=UNMARKED)
                yield Seen(scope=_catalog(each.ref), mark=_mark(_etag(each)))
            else:
                yield each
        documented += (
            _Documented(ref=ref, title=None) for ref in self._unchanged if _docs(ref) in known
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

    async def _sites(
        self, some: Sequence[_Documented], known: Mapping[str, str]
    ) -> AsyncIterator[Delivered]:
        """Read the sites that changed, and their entities where those were not read: at once."""
        found = await asyncio.gather(*(self._metadata(each.ref) for each in some))
        sites = [
            _Site(documented=each, metadata=metadata, known=known.get(_docs(each.ref), UNMARKED))
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

    async def _pages(self, site: _Site, title: str) -> AsyncIterator[Delivered]:
        if site.is_unchanged:
            yield Seen(scope=site.scope, mark=site.mark, is_unchanged=True)
        elif isinstance(site.metadata, SiteMetadata):
            reads = await self._read_site(site.ref, site.metadata, title)
            is_whole = not any(isinstance(read, Failure) for read in reads)
            for read in reads:
                yield read
            yield Seen(scope=site.scope, mark=site.mark if is_whole else UNMARKED)
        else:
            for read in self._unread(site.ref, site.metadata):
                yield read
            yield Seen(scope=site.scope, mark=UNMARKED)

    def _unread(self, ref: EntityRef, error: PortalRagError) -> Sequence[Failure]:
        if isinstance(error, NotFoundError):
            self._unbuilt.append(ref)
            return ()
        return (_failure(_docs(ref), error),)

    async def _read_site(
        self, ref: EntityRef, metadata: SiteMetadata, title: str
    ) -> Sequence[Document | Failure]:
        try:
            index = await self._techdocs.search_index(ref, token=self._token)
        except (NotFoundError, *_UNREADABLE) as error:
            return self._unread(ref, error)
        site = DocsSite(
            source=TECHDOCS, owner=ref, title=metadata.site_name or title, app_url=self._app_url
        )
        pages = (self._page(site, metadata, page) for page in pages_of(index))
        return await asyncio.gather(*pages)

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


def _governing(entity: Entity) -> Governing:
    return Governing(ref=entity.ref, predicates=predicates_of(entity.json))


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


def _failure(scope: str, error: PortalRagError) -> Failure:
    is_broken_content = isinstance(error, InputError) or (
        isinstance(error, UpstreamError) and not error.is_transient
    )
    return Failure(scope=scope, reason=f"{scope}: {error.message}", is_outage=not is_broken_content)
