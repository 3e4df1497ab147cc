"""Markdown files as documents, the same for every source that reads files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.document_kind import declared_kind
from indexer.sources.local_files import read_text
from indexer.sources.markdown import front_matter_date, split_front_matter
from indexer.sources.mkdocs_site import SitePage, file_title
from indexer.sources.source import Failure
from portal_rag.corpus.documents import Document, Section
from portal_rag.errors import InputError

_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFiles:
    """Reads pages below `root`, which is called `name` in what is reported."""

    root: Path
    name: str = ""
    read_markdown: Callable[[str], tuple[Section, ...]]

    def place(self, file: Path) -> str:
        return self.name + file.relative_to(self.root).as_posix()

    def read(self, site: DocsSite, page: SitePage) -> Document | Failure:
        """Make a page's document, or say why it cannot be read."""
        try:
            front_matter, text = split_front_matter(read_text(self.root, page.file))
            sections = self.read_markdown(text)
        except InputError as error:
            reason = f"{self.place(page.file)}: {error.message}"
            return Failure(scope=site.path_of(page.location), reason=reason, is_exact=True)
        return page_document(
            site,
            location=page.location,
            nav_title=page.nav_title or _line(front_matter.get("title")) or file_title(page),
            sections=sections,
            written_on=front_matter_date(front_matter),
            kind=declared_kind(front_matter),
            url=web_address(front_matter.get("url")) if site.link else None,
        )


def web_address(value: Any) -> str | None:
    """Take an http(s) address without credentials; None for everything else."""
    if not isinstance(value, str) or _UNPRINTABLE.search(value):
        return None
    try:
        parts = urlsplit(value)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return value if is_web and parts.username is None else None


def _line(value: object) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
