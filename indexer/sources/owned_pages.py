"""The Markdown files that belong to an entity: its docs site, its ADRs, its README."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.sources.docs_pages import DocsSite
from indexer.sources.local_files import is_folder, resolve_inside, visible_files
from indexer.sources.mkdocs_site import SitePage, in_address, is_page, read_site
from indexer.sources.page_files import PageFiles, web_address
from indexer.sources.source import Failure
from indexer.sources.territory import Territories
from portal_rag.backstage.entities import SOURCE_LOCATION, TECHDOCS_REF, Entity
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError, NotAllowedError

ADR_LOCATION = "backstage.io/adr-location"
VIEW_URL = "backstage.io/view-url"
_LOCAL = "dir:"
_README = "readme.md"
_Pages = tuple[DocsSite, tuple[SitePage, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An entity, the catalog file that it is in, and the README that tells of it, if any."""

    entity: Entity
    file: Path
    readme: Path | None = None

    @property
    def ref(self) -> EntityRef:
        return self.entity.ref


class OwnedPages:
    """Reads what lies on an entity's own ground, each file once; `notes` says what was left out."""

    def __init__(
        self, files: PageFiles, *, territories: Territories, source: str, app_url: str
    ) -> None:
        """Prepare to make documents that are stored under `source`."""
        self._files = files
        self._territories = territories
        self._source = source
        self._app_url = app_url
        self._elsewhere: list[EntityRef] = []
        self._left_out: dict[EntityRef, int] = {}

    def of(self, owner: Owner) -> Iterator[Document | Failure]:
        """Read the entity's pages; its ADRs and README only if its docs can be told apart."""
        try:
            read: set[Path] = set()
            yield from self._documents(owner, self._docs_site(owner), read)
        except (InputError, NotAllowedError) as error:
            yield self._refusal(owner, TECHDOCS_REF, f"{owner.ref}/", error)
            if isinstance(error, InputError):
                return
        try:
            yield from self._documents(owner, self._adrs(owner), read)
        except (InputError, NotAllowedError) as error:
            yield self._refusal(owner, ADR_LOCATION, f"{owner.ref}/adr/", error)
        yield from self._documents(owner, self._readme(owner), read)

    def notes(self) -> Iterator[str]:
        if self._elsewhere:
            some = ", ".join(map(str, self._elsewhere[:3]))
            yield f"{len(self._elsewhere)} with ADRs that are not below this folder, such as {some}"
        for ref, count in self._left_out.items():
            yield f"{ref}: {count} pages are left out, as they stand beside other entities"

    def _documents(
        self, owner: Owner, pages: _Pages | None, read: set[Path]
    ) -> Iterator[Document | Failure]:
        site, files = pages or (None, ())
        for page in files:
            try:
                file = resolve_inside(self._files.root, page.file)
            except InputError:
                file = page.file  # reading it says what is wrong
            if file in read or site is None:
                continue
            read.add(file)
            if self._territories.is_own(file.parent, owner.file):
                yield self._files.read(site, page)
            else:
                self._left_out[owner.ref] = self._left_out.get(owner.ref, 0) + 1

    def _docs_site(self, owner: Owner) -> _Pages | None:
        reference = owner.entity.annotations.get(TECHDOCS_REF, "")
        if owner.entity.docs_ref != owner.ref or not reference.startswith(_LOCAL):
            return None
        folder = self._own_folder(owner, reference)
        site = read_site(folder, self._files.root)
        title = site.name or owner.entity.display_name
        return self._shown(owner, title=title), site.pages

    def _adrs(self, owner: Owner) -> _Pages | None:
        reference = owner.entity.annotations.get(ADR_LOCATION, "")
        if not reference:
            return None
        is_url = "://" in reference or reference.startswith("url:")
        folder = None if is_url else self._own_folder(owner, reference)
        if folder is None or not is_folder(folder):
            if is_url or owner.entity.annotations.get(SOURCE_LOCATION, "").startswith("url:"):
                self._elsewhere.append(owner.ref)
                return None
            raise InputError("the folder does not exist")
        pages = tuple(
            SitePage(file=file, location=in_address(str(file.relative_to(folder))), nav_title=None)
            for file in markdown_files(folder)
        )
        return self._shown(owner, prefix="adr/", link=_link(owner.entity, self._app_url)), pages

    def _readme(self, owner: Owner) -> _Pages | None:
        if owner.readme is None:
            return None
        page = SitePage(file=owner.readme, location="README.md", nav_title=None)
        return self._shown(owner, link=_link(owner.entity, self._app_url)), (page,)

    def _own_folder(self, owner: Owner, reference: str) -> Path:
        folder = resolve_inside(
            self._files.root, owner.file.parent / reference.removeprefix(_LOCAL)
        )
        if not self._territories.is_own(folder, owner.file):
            raise NotAllowedError("the folder belongs to other entities, which stand beside it")
        return folder

    def _shown(
        self, owner: Owner, *, title: str = "", prefix: str = "", link: str | None = None
    ) -> DocsSite:
        return DocsSite(
            source=self._source,
            owner=owner.ref,
            title=title or owner.entity.display_name,
            app_url=self._app_url,
            prefix=prefix,
            link=link,
        )

    def _refusal(
        self, owner: Owner, annotation: str, scope: str, error: InputError | NotAllowedError
    ) -> Failure:
        """Keep what is stored of pages that cannot be read, but not of somebody else's."""
        is_foreign = isinstance(error, NotAllowedError)
        reference = owner.entity.annotations[annotation]
        return Failure(
            scope=f"{owner.ref}#{annotation}" if is_foreign else scope,
            reason=f"{self._files.place(owner.file)}: {reference}: {error.message}",
        )


def readme_beside(catalog_file: Path) -> Path | None:
    """Find the README in the folder of a catalog file, however its name is written."""
    try:
        names = sorted(path.name for path in catalog_file.parent.iterdir())
    except OSError:
        return None
    name = next((name for name in names if name.lower() == _README), None)
    return catalog_file.parent / name if name else None


def markdown_files(folder: Path) -> Iterator[Path]:
    """Give the pages below a folder, in order.

    Raises:
        InputError: a folder cannot be listed.
    """
    for each, names in visible_files(folder):
        yield from (each / name for name in names if is_page(name))


def _link(entity: Entity, app_url: str) -> str:
    """Where a reader finds what lies beside an entity: its code, or its page in the portal."""
    ref = entity.ref
    return (
        entity.source_url
        or web_address(entity.annotations.get(VIEW_URL))
        or f"{app_url}/catalog/{ref.namespace}/{ref.kind}/{ref.name}"
    )
