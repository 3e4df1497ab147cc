"""The collection: its vectors and payload, and the manifest that describes it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes, by_family
from portal_rag.corpus.selection import ENTITY_REF, PREDICATES, RESOURCE_REF, SOURCE
from portal_rag.corpus.store import SCHEMA_VERSION, Manifest, Run, StoredChunk, StoredMark
from portal_rag.errors import (
    ConfigurationError,
    IndexUnavailableError,
    InputError,
    UpstreamError,
)

DENSE = "dense"
LEXICAL = "lexical"

INDEXED_KEYS = (
    RESOURCE_REF,
    ENTITY_REF,
    SOURCE,
    "document_path",
    "kind",
    *PREDICATES.values(),
)
"""Keys with a keyword index; they must exist before the first point is written."""
MARK_KEYS = ("document_path", RESOURCE_REF, "content_hash", "metadata_hash", "visibility_hash")

_HOW_TO_REBUILD = "run `portal-index run --rebuild`"
_MANIFEST = TypeAdapter(Manifest)


def to_payload(chunk: Chunk, run: Run, predicates: PredicateHashes) -> dict[str, Any]:
    """Encode everything about a chunk except its vectors."""
    return {
        "title_path": list(chunk.title_path),
        "text": chunk.text,
        "content_hash": chunk.content_hash,
        **to_metadata(chunk, run),
        **to_governance(predicates, run),
    }


def to_governance(predicates: PredicateHashes, run: Run) -> dict[str, Any]:
    """Encode what is known of the entity that governs a chunk; it does not make the text newer."""
    return {
        **{PREDICATES[family]: found for family, found in by_family(predicates).items()},
        "visibility_hash": visibility_hash(predicates),
        "run_id": run.id,
    }


def visibility_hash(predicates: PredicateHashes) -> str:
    """Change exactly when other predicates must be written."""
    return hashlib.sha256(predicates.encode()).hexdigest()[:16]


def to_metadata(chunk: Chunk, run: Run) -> dict[str, Any]:
    """Encode the part of the payload that can be written without embedding anew.

    What governs it is left to `to_governance`. The text and its hash are left out: a chunk whose
    text changed too keeps the hash of the old text, so that the next run still sees that it must
    be embedded.
    """
    return {
        "source": chunk.source,
        "document_path": chunk.document_path,
        "ordinal": chunk.ordinal,
        "url": chunk.url,
        "anchor": chunk.anchor,
        "entity_ref": str(chunk.entity_ref),
        "resource_ref": str(chunk.resource_ref),
        "kind": chunk.kind,
        "modified_at": chunk.modified_at.isoformat() if chunk.modified_at else None,
        "metadata_hash": chunk.metadata_hash,
        "indexed_at": run.started_at.isoformat(),
        "run_id": run.id,
    }


def from_payload(payload: Mapping[str, Any]) -> StoredChunk:
    """Decode what `to_payload` made.

    Raises:
        IndexUnavailableError: it is something else; what it says is not repeated, for whoever asks
            may not be allowed to learn of it.
    """
    try:
        return _stored(payload)
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise IndexUnavailableError(
            f"A chunk of the index cannot be read; {_HOW_TO_REBUILD}"
        ) from error


def _stored(payload: Mapping[str, Any]) -> StoredChunk:
    modified_at = payload.get("modified_at")  # engines drop a key that is overwritten with null
    chunk = Chunk(
        source=payload["source"],
        document_path=payload["document_path"],
        ordinal=payload["ordinal"],
        title_path=tuple(payload["title_path"]),
        text=payload["text"],
        url=payload["url"],
        anchor=payload["anchor"],
        entity_ref=EntityRef.parse(payload["entity_ref"]),
        resource_ref=EntityRef.parse(payload["resource_ref"]),
        kind=payload["kind"],
        modified_at=datetime.fromisoformat(modified_at) if modified_at else None,
    )
    return StoredChunk(chunk=chunk, indexed_at=datetime.fromisoformat(payload["indexed_at"]))


def to_mark(payload: Mapping[str, Any]) -> StoredMark:
    """Decode the keys in MARK_KEYS."""
    return StoredMark(**{key: payload[key] for key in MARK_KEYS})


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """Encode a manifest for a file or for the metadata of a collection."""
    encoded: dict[str, Any] = _MANIFEST.dump_python(manifest, mode="json")
    return encoded


def manifest_from_json(encoded: object) -> Manifest:
    """Decode what `manifest_to_json` made.

    Raises:
        IndexUnavailableError: it is something else.
    """
    try:
        return _MANIFEST.validate_python(encoded)
    except ValidationError as error:
        raise IndexUnavailableError(
            f"The manifest of the index cannot be read; {_HOW_TO_REBUILD}"
        ) from error


def check_readable(manifest: Manifest, *, fingerprint: str) -> None:
    """Refuse an index that was not made for this reader.

    Raises:
        IndexUnavailableError: another schema version, or another embedding model.
    """
    if mismatch := _mismatch(manifest, fingerprint):
        raise IndexUnavailableError(
            f"{mismatch}; set PORTAL_RAG_EMBEDDING_MODEL to the model of the index,"
            f" or {_HOW_TO_REBUILD}"
        )


def check_continuable(manifest: Manifest, *, fingerprint: str) -> None:
    """Refuse to add to an index that was made otherwise.

    Raises:
        ConfigurationError: another schema version, or another embedding model.
    """
    if mismatch := _mismatch(manifest, fingerprint):
        raise ConfigurationError(
            f"{mismatch}; to replace the index, {_HOW_TO_REBUILD};"
            " to keep it, set PORTAL_RAG_EMBEDDING_MODEL to its model"
        )


def check_publishable(manifest: Manifest, *, fingerprint: str, dimensions: int, held: int) -> None:
    """Refuse a manifest that does not describe the index it is published with.

    Raises:
        UpstreamError: the store holds another number of chunks than were written, or the vectors
            were made otherwise; what was published before stays.
    """
    described = (manifest.embedding_fingerprint, manifest.dimensions, manifest.chunk_count)
    actual = (fingerprint, dimensions, held)
    if described != actual or manifest.schema_version != SCHEMA_VERSION:
        raise UpstreamError(
            "index",
            f"the run was not published: its manifest says {described}, the index is {actual}"
            " (embedding, dimensions, chunks)",
        )


def _mismatch(manifest: Manifest, fingerprint: str) -> str | None:
    if manifest.schema_version != SCHEMA_VERSION:
        return (
            f"The index has schema version {manifest.schema_version},"
            f" this program needs {SCHEMA_VERSION}"
        )
    if manifest.embedding_fingerprint != fingerprint:
        return (
            f"The index was embedded with {manifest.embedding_fingerprint},"
            f" this program embeds with {fingerprint}"
        )
    return None
