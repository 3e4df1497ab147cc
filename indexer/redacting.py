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
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
"""Controls, invisible characters, and those that turn the order of a line around."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON may hold and no file can."""


def without_secrets(document: Document) -> tuple[Document, tuple[SecretFound, ...]]:
    """Redact everything that is read of a document, as one text, so that nothing is split.

    Lines count from the document's title, over all that is read of it. A heading that held a
    secret loses its anchor, which would spell it out again. Characters that nobody sees go first:
    they may split a secret, and some of them cannot be stored.
    """
    document = _legible(document)
    redacted = redact("\n".join(_texts(document)))
    if not redacted.findings:
        return document, ()
    lines = iter(redacted.text.split("\n"))
    site_title, title = _next(lines, document.site_title), _next(lines, document.title)
    sections = tuple(_redacted_section(section, lines) for section in document.sections)
    cleaned = replace(document, site_title=site_title, title=title, sections=sections)
    return cleaned, redacted.findings


def _legible(document: Document) -> Document:
    fields = (document.path, document.url, *(section.anchor for section in document.sections))
    texts = "\n".join((*fields, *_texts(document)))
    if not (_UNSEEN.search(texts) or _HALF.search(texts)):
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
    return _HALF.sub("\ufffd", _UNSEEN.sub("", text))


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
