"""Takes out what must not enter the index: secrets in documents, annotations of the catalog."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from portal_rag.backstage.entities import (
    ORPHAN,
    PROJECT_SLUG,
    SOURCE_LOCATION,
    TECHDOCS_ENTITY,
    TECHDOCS_REF,
)
from portal_rag.corpus.documents import Document, Section
from portal_rag.corpus.redaction import SecretFound, redact
from portal_rag.corpus.redaction.unseen import WITHOUT_MEANING

_HARMLESS_ANNOTATIONS = frozenset(
    {
        ORPHAN,
        PROJECT_SLUG,
        SOURCE_LOCATION,
        TECHDOCS_ENTITY,
        TECHDOCS_REF,
        "argocd/app-name",
        "argocd/app-namespace",
        "argocd/app-selector",
        "argocd/instance-name",
        "argocd/project-name",
        "backstage.io/adr-location",
        "backstage.io/edit-url",
        "backstage.io/kubernetes-id",
        "backstage.io/kubernetes-label-selector",
        "backstage.io/kubernetes-namespace",
        "backstage.io/managed-by-location",
        "backstage.io/managed-by-origin-location",
        "backstage.io/techdocs-entity-path",
        "backstage.io/view-url",
        "github.com/team-slug",
        "gitlab.com/project-id",
        "gitlab.com/project-slug",
        "grafana/alert-label-selector",
        "grafana/dashboard-selector",
        "jira/project-key",
        "opsgenie.com/component-selector",
        "opsgenie.com/team",
        "pagerduty.com/service-id",
        "sentry.io/project-slug",
        "sonarqube.org/project-key",
    }
)
"""What says where something is; an annotation that is not listed may be a secret."""
_LONGEST_TITLE = 200
_ADDRESS = re.compile(r"(?P<page>(?P<host>[a-z]++://[^/?#]++/?)[^?#]*+)", re.IGNORECASE)
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON may hold and no file can."""


def without_secrets(document: Document) -> tuple[Document, tuple[SecretFound, ...]]:
    """Redact everything that is read of a document, as one text, so that nothing is split.

    Lines count from the document's title, over all that is read of it; what its address held
    counts as the first. A heading that held a secret loses its anchor, which would spell it out
    again. Titles are shortened last, as half a secret would not be known for one, and so are
    characters removed that nobody sees or that cannot be stored.
    """
    document, in_address = _with_harmless_address(document)
    redacted = redact("\n".join(_texts(document)))
    if redacted.findings:
        document = _with_texts(document, iter(redacted.text.split("\n")))
    document = _with_short_titles(_legible(_with_harmless_anchors(document)))
    return document, (*in_address, *redacted.findings)


def _with_harmless_address(document: Document) -> tuple[Document, tuple[SecretFound, ...]]:
    """Cut an address as far as a secret in it demands: without its query, or its host alone."""
    found = redact(document.url).findings
    if not found:
        return document, ()
    match = _ADDRESS.match(document.url)
    candidates = (match["page"], match["host"]) if match else ()
    harmless = (each for each in candidates if not redact(each).findings)
    return replace(document, url=next(harmless, "")), found


def _with_texts(document: Document, lines: Iterator[str]) -> Document:
    site_title, title = _next(lines, document.site_title), _next(lines, document.title)
    sections = tuple(_redacted_section(section, lines) for section in document.sections)
    return replace(document, site_title=site_title, title=title, sections=sections)


def _with_harmless_anchors(document: Document) -> Document:
    if not redact("\n".join(section.anchor for section in document.sections)).findings:
        return document
    sections = tuple(
        replace(section, anchor="" if redact(section.anchor).findings else section.anchor)
        for section in document.sections
    )
    return replace(document, sections=sections)


def _with_short_titles(document: Document) -> Document:
    titles = (document.title, *(section.title for section in document.sections))
    if max(map(len, titles)) <= _LONGEST_TITLE:
        return document
    sections = tuple(
        replace(section, title=section.title[:_LONGEST_TITLE]) for section in document.sections
    )
    return replace(document, title=document.title[:_LONGEST_TITLE], sections=sections)


def _legible(document: Document) -> Document:
    fields = (document.path, document.url, *(section.anchor for section in document.sections))
    texts = "\n".join((*fields, *_texts(document)))
    if not (WITHOUT_MEANING.search(texts) or _HALF.search(texts)):
        return document
    return replace(
        document,
        path=_clean(document.path),
        url=_clean(document.url),
        site_title=_clean(document.site_title),
        title=_clean(document.title),
        sections=tuple(
            replace(
                section,
                title=_clean(section.title),
                anchor=_clean(section.anchor),
                blocks=tuple(replace(block, text=_clean(block.text)) for block in section.blocks),
            )
            for section in document.sections
        ),
    )


def _clean(text: str) -> str:
    return _HALF.sub("\ufffd", WITHOUT_MEANING.sub("", text))


def legible(text: str) -> str:
    """Take out what nobody sees, as `without_secrets` does in paths too."""
    return _clean(text)


def _texts(document: Document) -> Iterator[str]:
    yield document.site_title
    yield document.title
    for section in document.sections:
        yield section.title
        yield from (block.text for block in section.blocks)


def _next(lines: Iterator[str], text: str) -> str:
    """Take as many of the redacted lines as this text had."""
    return "\n".join(islice(lines, text.count("\n") + 1))


def _redacted_section(section: Section, lines: Iterator[str]) -> Section:
    title = _next(lines, section.title)
    blocks = [replace(block, text=_next(lines, block.text)) for block in section.blocks]
    return replace(
        section,
        title=title,
        anchor=section.anchor if title == section.title else "",
        blocks=tuple(block for block in blocks if block.text.strip()),
    )


def for_snapshot(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the catalog snapshot keeps of an entity.

    That is everything without secrets, and of the annotations those known to be harmless.
    """
    kept = {
        name: value if name == "relations" else _redacted_value(name, value)
        for name, value in entity.items()
    }
    metadata = kept.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = {
            name: value
            for name, value in metadata["annotations"].items()
            if name in _HARMLESS_ANNOTATIONS
        }
    return kept


def _redacted_value(name: str, value: Any) -> Any:
    """Redact the texts in a value that stands under a name; a list hands its name down."""
    if isinstance(value, Mapping):
        return {key: _redacted_value(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_redacted_value(name, each) for each in value]
    return _redacted_text(name, value) if isinstance(value, str) else value


def _redacted_text(name: str, text: str) -> str:
    """Read a text with its name before it, which may tell that it is a secret."""
    named = redact(f"{name}: {text}").text
    return named.removeprefix(f"{name}: ") if named.startswith(f"{name}: ") else redact(text).text
