"""Folders of Markdown files, each governed by the entity that it was given."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from indexer.sources.docs_pages import DocsSite
from indexer.sources.local_files import is_folder, visible_files
from indexer.sources.mkdocs_site import SitePage, in_address, is_page
from indexer.sources.page_files import PageFiles
from indexer.sources.patient_markdown import PatientMarkdown
from indexer.sources.source import Asked, Delivered, Failure
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError, InputError, UpstreamError

_HOW = (
    "write --markdown DIR=ENTITY_REF, such as --markdown handbook=component:default/shop, or set"
    " PORTAL_INDEX_MARKDOWN to such pairs by commas (see README, Settings)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownFolder:
    """A folder, resolved, and the entity whose read permission governs its pages."""

    path: Path
    entity: EntityRef

    @classmethod
    def parse(cls, pair: str) -> Self:
        """Read `DIR=ENTITY_REF`.

        Raises:
            ConfigurationError: naming what is wrong with it.
        """
        folder, _, ref = pair.strip().rpartition("=")
        if not folder or not ref:
            raise ConfigurationError(f"{pair!r} is not a folder and its entity: {_HOW}")
        try:
            return cls(path=Path(folder).resolve(), entity=EntityRef.parse(ref))
        except (InputError, OSError, RuntimeError, ValueError) as error:
            reason = error.message if isinstance(error, InputError) else "no path"
            raise ConfigurationError(f"{pair!r}: {reason}. {_HOW}") from error

    @property
    def name(self) -> str:
        """What tells its pages from those of the entity's other folders."""
        return in_address(self.path.name) or "root"

    @property
    def scope(self) -> str:
        """Where the paths of its documents begin."""
        return f"{self.entity}/{self.name}/"

    @property
    def part(self) -> str:
        """What its documents are stored under: a run without the folder leaves them as they are."""
        return f"markdown/{self.entity}/{self.name}"


class MarkdownFolderSource:
    """Reads every Markdown file below the folders.

    A page stands where the entity's page in the portal is, unless its front matter has an http(s)
    `url`. A folder inside another one is not read twice: its pages are governed by its own entity.
    """

    name = "markdown"
    reads_files = True

    def __init__(self, folders: Sequence[MarkdownFolder], *, app_url: str) -> None:
        """Prepare to read the folders; `app_url` is where the portal shows entities.

        Raises:
            ConfigurationError: there is none, one has two entities, or two have the same name and
                entity.
        """
        if not folders:
            raise ConfigurationError(f"the source 'markdown' needs a folder: {_HOW}")
        self._folders = tuple(dict.fromkeys(folders))
        _refuse_repeated([str(each.path) for each in self._folders], "two entities")
        _refuse_repeated([each.scope for each in self._folders], "two folders; rename one")
        self._app_url = app_url

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(folder.part for folder in self._folders)

    async def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        """Read the folders of each entity that is asked for.

        Raises:
            UpstreamError: none of them has a page, which is more likely a mistake than meant.
        """
        wanted = [each for each in self._folders if asked.includes(each.scope)]
        unread: list[Failure] = []
        with PatientMarkdown() as markdown:
            for folder in wanted:
                files = PageFiles(
                    root=folder.path, name=f"{folder.path.name}/", read_markdown=markdown.read
                )
                try:
                    pages = self._pages(folder)
                except InputError as error:
                    reason = f"{str(folder.path)!r} {error.message}; see --markdown"
                    unread.append(Failure(scope=folder.scope, reason=reason, is_outage=True))
                    yield unread[-1]
                    continue
                site = self._site(folder)
                for page in pages:
                    yield files.read(site, page)
        if unread and len(unread) == len(wanted):
            raise UpstreamError("markdown", unread[0].reason)

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def notes(self) -> Sequence[str]:
        return ()

    def _site(self, folder: MarkdownFolder) -> DocsSite:
        ref = folder.entity
        return DocsSite(
            source=folder.part,
            owner=ref,
            title=ref.name,
            app_url=self._app_url,
            prefix=f"{folder.name}/",
            link=f"{self._app_url}/catalog/{ref.namespace}/{ref.kind}/{ref.name}",
        )

    def _pages(self, folder: MarkdownFolder) -> Sequence[SitePage]:
        if not is_folder(folder.path):
            raise InputError("is not a folder")
        pages = tuple(
            SitePage(
                file=file,
                location=in_address(file.relative_to(folder.path).as_posix()),
                nav_title=None,
            )
            for file in self._files(folder)
        )
        if not pages:
            raise InputError("holds no Markdown file")
        return pages

    def _files(self, folder: MarkdownFolder) -> Iterator[Path]:
        """Give the pages of a folder, but for those of another one inside it."""
        inner = [each.path for each in self._folders if folder.path in each.path.parents]
        for each, names in visible_files(folder.path):
            for file in (each / name for name in names if is_page(name)):
                if not any(_target_of(file).is_relative_to(path) for path in inner):
                    yield file


def _target_of(file: Path) -> Path:
    """Follow links, as a link may lead into a folder that another entity governs."""
    try:
        return file.resolve()
    except (OSError, RuntimeError):
        return file  # reading it says what is wrong


def _refuse_repeated(values: Sequence[str], what: str) -> None:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise ConfigurationError(f"{repeated[0]!r} is given to {what}: {_HOW}")
