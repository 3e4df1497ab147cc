"""A portal as files: catalog YAML anywhere below a folder, and the docs that entities name."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexer.sources.catalog_files import FoundEntity, find_entities
from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.entity_documents import describe
from indexer.sources.local_files import read_text
from indexer.sources.markdown import front_matter_date, read_markdown, split_front_matter
from indexer.sources.mkdocs_site import SitePage, file_title, read_site
from indexer.sources.source import Asked, Delivered, Failure
from indexer.sources.stitching import ref_of, stitch
from portal_rag.backstage.entities import TECHDOCS_REF, Entity
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError, InputError, UpstreamError

CATALOG = "files/catalog"
TECHDOCS = "files/techdocs"
_LOCAL = "dir:"


class FilesSource:
    """Reads what Backstage would show of a folder, without a Backstage.

    Docs are those of `backstage.io/techdocs-ref: dir:…`, relative to the entity's file; a site
    elsewhere (`url:…`) has no local files and is left out.
    """

    name = "files"
    parts = (CATALOG, TECHDOCS)
    reads_files = True

    def __init__(self, root: Path, *, app_url: str) -> None:
        """Prepare to read below `root`; `app_url` is where the portal shows entities and docs.

        Raises:
            ConfigurationError: there is no such folder.
        """
        if not root.is_dir():
            raise ConfigurationError(
                f"{str(root)!r} is not a folder; name one with catalog files by --path or"
                " PORTAL_INDEX_FILES_PATH (see README, Settings)"
            )
        self._root = root.resolve()
        self._app_url = app_url
        self._entities: tuple[Mapping[str, Any], ...] = ()

    async def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        """Read the catalog, then the description and docs of each entity that is asked for.

        Raises:
            UpstreamError: the folder holds no entity, which is more likely a mistake than a
                portal without entities.
        """
        found: dict[EntityRef, FoundEntity] = {}
        for each in find_entities(self._root):
            if isinstance(each, Failure):
                yield each
            else:
                found[ref_of(each.json)] = each
        if not found:
            raise UpstreamError("files", "no catalog entity below the folder; see --path")
        for document in self._read(found, asked):
            yield document

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return self._entities

    def notes(self) -> Sequence[str]:
        return ()

    def _read(
        self, found: Mapping[EntityRef, FoundEntity], asked: Asked
    ) -> Iterator[Document | Failure]:
        stitched, problems = stitch([each.json for each in found.values()])
        for ref, problem in problems:
            yield Failure(scope=f"{ref}#", reason=f"{self._place(found[ref].file)}: {problem}")
        self._entities = tuple(stitched)
        for entity in filter(None, map(Entity.parse, stitched)):
            if not asked.includes(f"{entity.ref}#"):
                continue
            yield from describe(entity, source=CATALOG, app_url=self._app_url)
            yield from self._docs(entity, found[entity.ref].file)

    def _docs(self, entity: Entity, file: Path) -> Iterator[Document | Failure]:
        reference = entity.annotations.get(TECHDOCS_REF, "")
        if entity.docs_ref != entity.ref or not reference.startswith(_LOCAL):
            return
        folder = file.parent / reference.removeprefix(_LOCAL)
        try:
            site = read_site(folder, self._root)
        except InputError as error:
            reason = f"{self._place(file)}: {reference}: {error.message}"
            yield Failure(scope=f"{entity.ref}/", reason=reason)
            return
        title = site.name or entity.display_name
        shown = DocsSite(source=TECHDOCS, owner=entity.ref, title=title, app_url=self._app_url)
        for page in site.pages:
            yield self._page(shown, page)

    def _page(self, site: DocsSite, page: SitePage) -> Document | Failure:
        try:
            front_matter, text = split_front_matter(read_text(self._root, page.file))
        except InputError as error:
            reason = f"{self._place(page.file)}: {error.message}"
            return Failure(scope=site.path_of(page.location), reason=reason)
        return page_document(
            site,
            location=page.location,
            nav_title=page.nav_title or str(front_matter.get("title") or file_title(page)),
            sections=read_markdown(text),
            written_on=front_matter_date(front_matter),
        )

    def _place(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()
