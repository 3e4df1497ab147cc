"""A docs site as MkDocs sees its folder: configuration, navigation, pages and their locations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from indexer.sources.local_files import is_folder, read_text, resolve_inside, visible_files
from indexer.sources.yaml_files import load_document
from portal_rag.errors import InputError

_CONFIGURATIONS = ("mkdocs.yml", "mkdocs.yaml")
_SUFFIXES = (".md", ".markdown", ".mdown", ".mkdn", ".mkd")
_MOST_NAVIGATED = 10_000
_INDEX = "index"
_README = "readme"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """A page: its file, its location in the built site, and its title in the navigation if any."""

    file: Path
    location: str
    nav_title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site's name, None where it has none, and its pages, those of the navigation first."""

    name: str | None
    pages: tuple[SitePage, ...]


def read_site(folder: Path, root: Path) -> Site:
    """Read what a site consists of; without `mkdocs.yml` its pages are in `docs`, as in TechDocs.

    Raises:
        InputError: the folder or its configuration cannot be read, or leads out of `root`.
    """
    resolved = resolve_inside(root, folder)
    if not is_folder(resolved):
        raise InputError("the docs folder does not exist")
    configuration = _configuration(resolved, root)
    docs = resolve_inside(root, resolved / _text(configuration, "docs_dir", "docs"))
    if not is_folder(docs):
        raise InputError("docs_dir is not a folder")
    titles = dict(_navigation(configuration.get("nav")))
    is_pretty = configuration.get("use_directory_urls") is not False
    pages = [
        SitePage(file=docs / path, location=_location(path, is_pretty), nav_title=titles.get(path))
        for path in _in_order(_markdown_files(docs), titles)
    ]
    return Site(name=_text(configuration, "site_name", "") or None, pages=tuple(pages))


def file_title(page: SitePage) -> str:
    """What MkDocs calls a page that nothing else gives a title."""
    if page.location in ("", "index.html"):
        return "Home"
    words = page.file.stem.replace("-", " ").replace("_", " ")
    return words.capitalize() if words == words.lower() else words


def _configuration(folder: Path, root: Path) -> Mapping[str, Any]:
    for name in _CONFIGURATIONS:
        if (folder / name).exists():
            return _mapping(name, read_text(root, folder / name))
    return {}


def _mapping(name: str, text: str) -> Mapping[str, Any]:
    try:
        configuration = load_document(text)
    except InputError as error:
        raise InputError(f"{name} is {error.message}") from error
    if not isinstance(configuration, Mapping):
        raise InputError(f"{name} is not a list of settings")
    return configuration


def _text(configuration: Mapping[str, Any], key: str, default: str) -> str:
    value = configuration.get(key)
    return value if isinstance(value, str) and value else default


def _navigation(nav: object) -> Iterator[tuple[str, str | None]]:
    """Flatten the tree of titles and paths; what leads elsewhere is no page and does no harm."""
    waiting = _entries(nav)[::-1]
    for _ in range(_MOST_NAVIGATED):
        if not waiting or len(waiting) > _MOST_NAVIGATED:
            return
        title, target = waiting.pop()
        if isinstance(target, str):
            yield _normal(target), title
        else:
            waiting += _entries(target)[::-1]


def _entries(nav: object) -> list[tuple[str | None, object]]:
    found: list[tuple[str | None, object]] = []
    for entry in nav if isinstance(nav, list) else ():
        if isinstance(entry, str):
            found.append((None, entry))
        elif isinstance(entry, Mapping):
            found += ((str(title), target) for title, target in entry.items())
    return found


def _normal(path: str) -> str:
    return PurePosixPath(path).as_posix()


def _in_order(paths: list[str], titles: Mapping[str, str | None]) -> list[str]:
    there = set(paths)
    in_nav = [path for path in titles if path in there]
    return in_nav + [path for path in paths if path not in titles]


def _markdown_files(docs: Path) -> list[str]:
    found: list[str] = []
    for folder, names in visible_files(docs):
        pages = [name for name in names if is_page(name)]
        stems = {Path(name).stem.lower() for name in pages}
        found += [
            (folder / name).relative_to(docs).as_posix()
            for name in pages
            if not (Path(name).stem.lower() == _README and _INDEX in stems)
        ]
    return found


def is_page(name: str) -> bool:
    """Whether a file of this name is Markdown and not hidden."""
    return name.lower().endswith(_SUFFIXES) and name[0] != "."


def _location(path: str, is_pretty: bool) -> str:
    page = PurePosixPath(path).with_suffix("")
    is_index = page.name.lower() in (_INDEX, _README)
    if not is_pretty:
        return in_address(str(page.with_name(_INDEX) if is_index else page) + ".html")
    folder = page.parent if is_index else page
    return "" if folder == PurePosixPath() else in_address(f"{folder}/")


def in_address(path: str) -> str:
    """Quote a path of files for a URL, whatever its bytes are."""
    return quote(path, errors="surrogateescape")
