"""Documents (one item of a source) and chunks (one retrievable passage of a document)."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal_rag.corpus.entity_ref import EntityRef

BlockKind = Literal["text", "code", "table"]
DocumentKind = Literal["runbook", "adr", "guide", "readme", "incident", "api", "entity"]
Origin = Literal["catalog", "techdocs", "markdown"]
"""Where a text was read: what the catalog says itself, docs of an entity, or a Markdown folder."""
SOURCES: Mapping[Origin, tuple[str, ...]] = {
    "catalog": ("backstage/catalog", "files/catalog"),
    "techdocs": ("backstage/techdocs", "files/techdocs"),
}
"""The origins that have fixed sources; `markdown/<entity ref>/<folder>` are many."""

_IDENTITY = uuid.UUID("5f0c7c6e-6a3d-5d0b-9d55-0d3a3c1f6b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, list, code block or table, as plain text with its line breaks."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What stands between one heading and the next; `level` is 1 for the page's own title.

    `anchor` is the fragment (without `#`) that leads to the heading; empty at the page's top.
    """

    title: str
    level: int
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One page (or entity description) as a source delivers it.

    `path` identifies it within its source: `<entity ref>/<location>`. `resource_ref` is the
    entity whose read permission governs the text; `entity_ref` the one that it is about.
    """

    source: str
    path: str
    title: str
    site_title: str
    url: str
    entity_ref: EntityRef
    resource_ref: EntityRef
    kind: DocumentKind
    modified_at: datetime | None
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Governed:
    """All that decides who may read a document: entities, and the origin, which no author sets.

    `origin` is None where a newer indexer knows one that this program does not.
    """

    entities: frozenset[EntityRef]
    origin: Origin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One passage: the unit that is embedded, found, permitted and cited.

    `title_path` runs from the site over the page to the innermost heading.
    """

    source: str
    document_path: str
    ordinal: int
    title_path: tuple[str, ...]
    text: str
    url: str
    anchor: str
    entity_ref: EntityRef
    resource_ref: EntityRef
    kind: DocumentKind
    modified_at: datetime | None

    @property
    def id(self) -> str:
        """Where the chunk is, never what it says: a changed text overwrites its old self."""
        return str(uuid.uuid5(_IDENTITY, f"{self.source}|{self.document_path}|{self.ordinal}"))

    @property
    def governed(self) -> Governed:
        """Whoever reads it learns of both, the entity of the files and the one it is about."""
        return Governed(frozenset({self.resource_ref, self.entity_ref}), _origin(self.source))

    @property
    def embedded_text(self) -> str:
        """What is embedded and matched: the title path, then the text."""
        return " > ".join(self.title_path) + "\n" + self.text

    @property
    def content_hash(self) -> str:
        """Changes exactly when the chunk must be embedded again."""
        return _digest(self.embedded_text)

    @property
    def metadata_hash(self) -> str:
        """Changes exactly when the rest of the payload must be written again."""
        modified = self.modified_at.isoformat() if self.modified_at else None
        return _digest(
            json.dumps(
                [
                    self.url,
                    self.anchor,
                    str(self.entity_ref),
                    str(self.resource_ref),
                    self.kind,
                    self.document_path,
                    modified,
                ]
            )
        )


def _origin(source: str) -> Origin | None:
    fixed = next((origin for origin, sources in SOURCES.items() if source in sources), None)
    return fixed or ("markdown" if source.partition("/")[0] == "markdown" else None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
