"""A portal as files: catalog YAML anywhere below a folder, and the pages that entities own."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexer.sources.catalog_files import FoundEntity, find_entities
from indexer.sources.entity_documents import describe
from indexer.sources.owned_pages import OwnedPages, Owner, readme_beside
from indexer.sources.page_files import PageFiles
from indexer.sources.patient_markdown import PatientMarkdown
from indexer.sources.source import Asked, Delivered, Failure
from indexer.sources.stitching import ref_of, stitch
from indexer.sources.territory import Territories
from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError, UpstreamError

CATALOG = "files/catalog"
TECHDOCS = "files/techdocs"
_WITHOUT_GROUND = frozenset({"location"})
_WITHOUT_README = frozenset({"location", "user", "group"})


class FilesSource:
    """Reads what Backstage would show of a folder, without a Backstage.

    It does not say what entities are to Backstage's rules: the catalog adds to what files say.
    Docs are those of `backstage.io/techdocs-ref: dir:…`, ADRs those of `backstage.io/adr-location`,
    both relative to the entity's file and on its own ground; what is elsewhere has no local files
    and is left out. The README beside a catalog file, where READMEs are wanted, belongs to the
    first entity of the folder's catalog files that is no Location, User or Group.
    """

    name = "files"
    parts = (CATALOG, TECHDOCS)
    reads_files = True

    def __init__(self, root: Path, *, app_url: str, reads_readmes: bool = False) -> None:
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
        self._reads_readmes = reads_readmes
        self._entities: tuple[Mapping[str, Any], ...] = ()
        self._notes: tuple[str, ...] = ()

    async def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        """Read the catalog, then the description and pages of each entity that is asked for.

        Raises:
            UpstreamError: the folder holds no entity, which is more likely a mistake than a
                portal without entities.
            InputError: a folder cannot be listed.
        """
        found: dict[EntityRef, FoundEntity] = {}
        territories = Territories(self._root)
        for each in find_entities(self._root):
            if isinstance(each, Failure):
                territories.claim(each.file)
                yield each
            else:
                found[ref_of(each.json)] = each
        if not found:
            raise UpstreamError("files", "no catalog entity below the folder; see --path")
        for ref, entity in found.items():
            if ref.kind not in _WITHOUT_GROUND:
                territories.claim(entity.file)
        with PatientMarkdown() as markdown:
            pages = OwnedPages(
                PageFiles(root=self._root, read_markdown=markdown.read),
                territories=territories,
                source=TECHDOCS,
                app_url=self._app_url,
            )
            for document in self._read(found, asked, pages):
                yield document
            self._notes = tuple(pages.notes())

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return self._entities

    def notes(self) -> Sequence[str]:
        return self._notes

    def _read(
        self, found: Mapping[EntityRef, FoundEntity], asked: Asked, pages: OwnedPages
    ) -> Iterator[Document | Failure]:
        stitched, problems = stitch([each.json for each in found.values()])
        for ref, problem in problems:
            place = found[ref].file.relative_to(self._root).as_posix()
            yield Failure(scope=f"{ref}#", reason=f"{place}: {problem}")
        self._entities = tuple(stitched)
        readmes = self._readmes(found)
        for entity in filter(None, map(Entity.parse, stitched)):
            if not asked.includes(f"{entity.ref}#"):
                continue
            yield from describe(entity, source=CATALOG, app_url=self._app_url)
            file = found[entity.ref].file
            yield from pages.of(Owner(entity=entity, file=file, readme=readmes.get(entity.ref)))

    def _readmes(self, found: Mapping[EntityRef, FoundEntity]) -> Mapping[EntityRef, Path]:
        if not self._reads_readmes:
            return {}
        first: dict[Path, EntityRef] = {}
        for ref, entity in found.items():
            if ref.kind not in _WITHOUT_README:
                first.setdefault(entity.file.parent, ref)
        beside = ((ref, readme_beside(found[ref].file)) for ref in first.values())
        return {ref: readme for ref, readme in beside if readme}
