"""Which kind of document a docs page is, judged by where it stands and what it is called."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from portal_rag.corpus.documents import DocumentKind

_FOLDERS: dict[str, DocumentKind] = {
    **dict.fromkeys(("incident", "incidents", "postmortem", "postmortems"), "incident"),
    **dict.fromkeys(("post-mortem", "post-mortems"), "incident"),
    **dict.fromkeys(("adr", "adrs", "decision", "decisions"), "adr"),
    **dict.fromkeys(("architecture-decisions", "architecture-decision-records"), "adr"),
    **dict.fromkeys(("runbook", "runbooks", "playbook", "playbooks"), "runbook"),
}
_DECLARED: dict[str, DocumentKind] = {
    **dict.fromkeys(("runbook", "playbook"), "runbook"),
    **dict.fromkeys(("adr", "decision", "architecture decision record"), "adr"),
    **dict.fromkeys(("incident", "incident report", "postmortem", "post mortem"), "incident"),
    "guide": "guide",
    "readme": "readme",
}
_SUFFIXES = frozenset({".html", ".md", ".markdown", ".mdown", ".mkdn", ".mkd"})
_NAMES: tuple[tuple[DocumentKind, re.Pattern[str]], ...] = (
    ("incident", re.compile(r"\binc[- ]?\d+\b|\bpost-?mortem\b|\bincident (?:report|review)\b")),
    ("adr", re.compile(r"\badr[- ]?\d+\b|\barchitecture decision record\b")),
    ("runbook", re.compile(r"\b(?:runbook|playbook)s?\b")),
    ("readme", re.compile(r"^read-?me$")),
)


def document_kind(location: str, title: str) -> DocumentKind:
    """Judge a page by its folders, then by its own name and title, else it is a guide."""
    *folders, page = location.strip("/").lower().split("/")
    if PurePosixPath(page).suffix in _SUFFIXES:
        page = PurePosixPath(page).stem
    for folder in reversed(folders):
        if folder in _FOLDERS:
            return _FOLDERS[folder]
    names = (page.replace("_", "-"), page.replace("_", " ").replace("-", " "), title.lower())
    for kind, pattern in _NAMES:
        if any(pattern.search(name) for name in names):
            return kind
    return "guide"


def declared_kind(front_matter: Mapping[str, Any]) -> DocumentKind | None:
    """Read what a page calls itself: the first of `kind`, `doc_type` and `type` that is known."""
    for key in ("kind", "doc_type", "type"):
        value = front_matter.get(key)
        if isinstance(value, str):
            words = " ".join(re.split(r"[\s_-]+", value.strip().lower()))
            if words in _DECLARED:
                return _DECLARED[words]
    return None
