"""Documents and portals as files, small and readable, for the indexer's tests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from indexer.sources.source import Asked, Delivered
from portal_rag.corpus.documents import Block, BlockKind, Document, DocumentKind, Section
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import PortalRagError

APP_URL = "https://portal.example"
SHOP = EntityRef.parse("component:default/shop")


def make_block(text: str, kind: BlockKind = "text") -> Block:
    return Block(kind=kind, text=text)


def make_section(title: str, *texts: str, level: int = 2, anchor: str | None = None) -> Section:
    return Section(
        title=title,
        level=level,
        anchor=title.lower().replace(" ", "-") if anchor is None else anchor,
        blocks=tuple(make_block(text) for text in texts),
    )


def make_document(
    *sections: Section,
    title: str = "Roll back",
    site_title: str = "Shop",
    location: str = "runbook/",
    source: str = "files/techdocs",
    kind: DocumentKind = "runbook",
    owner: EntityRef = SHOP,
    modified_at: datetime | None = None,
) -> Document:
    return Document(
        source=source,
        path=f"{owner}/{location}",
        title=title,
        site_title=site_title,
        url=f"{APP_URL}/docs/{owner.namespace}/{owner.kind}/{owner.name}/{location}",
        entity_ref=owner,
        resource_ref=owner,
        kind=kind,
        modified_at=modified_at,
        sections=sections or (make_section(title, "Drain the broker first.", level=1, anchor=""),),
    )


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write a tree of text files; indentation is taken off."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return root


def component(name: str, **spec: str) -> str:
    """Catalog YAML of a component; `docs` is its techdocs-ref, the rest goes to its spec."""
    docs = spec.pop("docs", None)
    annotations = f"  annotations: {{ backstage.io/techdocs-ref: '{docs}' }}\n" if docs else ""
    fields = "".join(f"  {field}: {value}\n" for field, value in spec.items())
    return (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        f"metadata:\n  name: {name}\n{annotations}spec:\n  type: service\n{fields}"
    )


class ListedSource:
    """A source of given documents; `error` is raised after the last of them."""

    reads_files = True

    def __init__(
        self,
        *documents: Delivered,
        name: str = "files",
        parts: Sequence[str] = ("files/techdocs",),
        error: PortalRagError | None = None,
        entities: Sequence[Mapping[str, Any]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.parts = tuple(parts)
        self._documents = documents
        self._error = error
        self._entities = entities
        self._notes = notes
        self.asked: Asked | None = None

    async def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        self.asked = asked
        for document in self._documents:
            yield document
        if self._error:
            raise self._error

    def entities(self) -> Sequence[Mapping[str, Any]]:
        return self._entities

    def notes(self) -> Sequence[str]:
        return self._notes
