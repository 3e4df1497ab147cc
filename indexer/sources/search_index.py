"""The pages that a site's search index knows, and their text where the page itself is missing."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexer.sources.html import read_sections
from portal_rag.backstage.techdocs import IndexedSection
from portal_rag.corpus.documents import Block, Section
from portal_rag.errors import InputError

_PERMALINK = re.compile(r"\s*¶")
_MARKUP = re.compile(r"</?(?:p|pre|ul|ol|li|table|code|div)\b[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPage:
    """A page by its location in the site, empty for the home page; `title` is the navigation's."""

    location: str
    title: str
    sections: tuple[Section, ...]

    @property
    def has_text(self) -> bool:
        return any(section.blocks for section in self.sections)


def pages_of(index: Iterable[IndexedSection]) -> tuple[IndexedPage, ...]:
    """Group the entries of an index by page, in their order."""
    by_page: dict[str, list[IndexedSection]] = {}
    for entry in index:
        by_page.setdefault(_page_of(entry.location), []).append(entry)
    return tuple(_page(location, entries) for location, entries in by_page.items())


def _page_of(location: str) -> str:
    page = location.partition("#")[0].removeprefix("./")
    return "" if page == "." else page


def _page(location: str, entries: Sequence[IndexedSection]) -> IndexedPage:
    whole = [entry for entry in entries if "#" not in entry.location]
    parts = [entry for entry in entries if "#" in entry.location]
    sections = [_section(entry) for entry in (*whole, *parts) if _is_told_once(entry, parts)]
    return IndexedPage(
        location=location,
        title=_clean((whole or parts)[0].title),
        sections=tuple(section for section in sections if section.title or section.blocks),
    )


def _is_told_once(entry: IndexedSection, parts: Sequence[IndexedSection]) -> bool:
    """The default search plugin repeats all sections in the page's entry, Material's does not."""
    return "#" in entry.location or not parts or bool(_MARKUP.search(entry.text))


def _section(entry: IndexedSection) -> Section:
    anchor = entry.location.partition("#")[2]
    return Section(
        title=_clean(entry.title),
        level=2 if anchor else 1,
        anchor=anchor,
        blocks=_blocks(entry.text),
    )


def _blocks(text: str) -> tuple[Block, ...]:
    if _MARKUP.search(text):
        try:
            return tuple(block for section in read_sections(text) for block in section.blocks)
        except InputError:
            return ()
    clean = _clean(text)
    return (Block(kind="text", text=clean),) if clean else ()


def _clean(text: str) -> str:
    return " ".join(_PERMALINK.sub("", html.unescape(text)).split())
