"""Which kind of document a docs page is, judged by where it stands and what it is called."""

import re

from portal_rag.corpus.documents import DocumentKind

_FOLDERS: dict[str, DocumentKind] = {
    **dict.fromkeys(("incident", "incidents", "postmortem", "postmortems"), "incident"),
    **dict.fromkeys(("post-mortem", "post-mortems"), "incident"),
    **dict.fromkeys(("adr", "adrs", "decision", "decisions"), "adr"),
    **dict.fromkeys(("architecture-decisions", "architecture-decision-records"), "adr"),
    **dict.fromkeys(("runbook", "runbooks", "playbook", "playbooks"), "runbook"),
}
_NAMES: tuple[tuple[DocumentKind, re.Pattern[str]], ...] = (
    ("incident", re.compile(r"\binc[- ]?\d+\b|\bpost-?mortem\b|\bincident (?:report|review)\b")),
    ("adr", re.compile(r"\badr[- ]?\d+\b|\barchitecture decision record\b")),
    ("runbook", re.compile(r"\b(?:runbook|playbook)s?\b")),
    ("readme", re.compile(r"^read-?me$")),
)


def document_kind(location: str, title: str) -> DocumentKind:
    """Judge a page by its folders, then by its own name and title, else it is a guide."""
    *folders, page = location.strip("/").lower().removesuffix(".html").split("/")
    for folder in reversed(folders):
        if folder in _FOLDERS:
            return _FOLDERS[folder]
    names = (page.replace("_", "-"), page.replace("_", " ").replace("-", " "), title.lower())
    for kind, pattern in _NAMES:
        if any(pattern.search(name) for name in names):
            return kind
    return "guide"
