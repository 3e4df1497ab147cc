"""Markdown as TechDocs understands it: to the HTML that its generator would have written."""

import re
from datetime import date, datetime
from typing import Any

import markdown

from indexer.sources.html import read_sections
from indexer.sources.yaml_files import load_front_matter
from portal_rag.corpus.documents import Section
from portal_rag.errors import InputError

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\r?\n(.*?\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_GITHUB_ALERT = re.compile(
    r"^> {,3}\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\] *(.*)\n((?:^>.*(?:\n|\Z))*)",
    re.MULTILINE | re.IGNORECASE,
)
_ADMONITION_OF_ALERT = {"caution": "danger", "important": "warning"}

# The extensions that mkdocs-techdocs-core switches on, except those that read other files
# (snippets) or run other programs (diagrams).
_EXTENSIONS = (
    "toc",
    "admonition",
    "pymdownx.details",
    "pymdownx.tabbed",
    "pymdownx.caret",
    "pymdownx.critic",
    "pymdownx.emoji",
    "pymdownx.inlinehilite",
    "pymdownx.magiclink",
    "pymdownx.mark",
    "pymdownx.smartsymbols",
    "pymdownx.highlight",
    "pymdownx.extra",
    "pymdownx.tasklist",
    "pymdownx.tilde",
    "mdx_truly_sane_lists",
)
_EXTENSION_SETTINGS: dict[str, dict[str, Any]] = {
    "pymdownx.tabbed": {"alternate_style": True},
    "pymdownx.highlight": {"pygments_lang_class": True},
    "pymdownx.extra": {"pymdownx.betterem": {"smart_enable": "all"}},
}


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Take the YAML block off the top of a page; a block that is no mapping stays in the text.

    Raises:
        InputError: the block is not valid YAML.
    """
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        front_matter = load_front_matter(match[1] or "")
    except InputError as error:
        raise InputError(f"front matter is {error.message}") from error
    if not isinstance(front_matter, dict):
        return {}, text
    return front_matter, text[match.end() :]


def read_markdown(text: str) -> tuple[Section, ...]:
    """Read the sections of a page without front matter.

    Some texts take very long; `patient_markdown` gives up on those.

    Raises:
        InputError: it is nested too deeply.
    """
    try:
        html = markdown.markdown(
            _GITHUB_ALERT.sub(_as_admonition, text),
            extensions=list(_EXTENSIONS),
            extension_configs=_EXTENSION_SETTINGS,
        )
    except RecursionError as error:
        raise InputError("nested too deeply") from error
    return read_sections(html)


def _as_admonition(alert: re.Match[str]) -> str:
    kind = _ADMONITION_OF_ALERT.get(alert[1].lower(), alert[1].lower())
    title = alert[2].strip() or alert[1].capitalize()
    body = (re.sub(r"^> ?", "", line) for line in alert[3].splitlines())
    return "\n".join([f'!!! {kind} "{title}"', *(f"    {line}" for line in body)]) + "\n"


def front_matter_date(front_matter: dict[str, Any]) -> date | None:
    """Find when the author last vouched for the page, if the front matter says so."""
    for key in ("last_reviewed", "updated", "date"):
        value = front_matter.get(key)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
    return None
