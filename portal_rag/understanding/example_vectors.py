"""Vectors of the examples: those of the shipped ones come with the program, for its own model."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.embedding import Embedder

SHIPPED = "examples.npz"
_DIGEST_BYTES = 8

Vectors = NDArray[np.float64]


def embed_texts(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """Give a row of unit length for each text; only what did not come along is embedded."""
    known = _shipped(embedder.fingerprint)
    missing = [text for text in dict.fromkeys(texts) if _digest(text) not in known]
    rows = embedder.embed_documents(missing)
    made = {_digest(text): np.array(row.values) for text, row in zip(missing, rows, strict=True)}
    return np.array([known.get(_digest(text), made.get(_digest(text))) for text in texts])


def are_shipped(texts: Iterable[str]) -> bool:
    """Tell whether the shipped vectors are those of all these texts."""
    known = _shipped(None)
    return all(_digest(text) in known for text in texts)


def write_vectors(path: Path, texts: Sequence[str], embedder: Embedder) -> None:
    """Write the vectors of texts, a byte for each number; the same input gives the same bytes."""
    rows = np.array([row.values for row in embedder.embed_documents(texts)])
    scales = np.abs(rows).max(axis=1, keepdims=True) / 127
    digests = np.array([list(_digest(text)) for text in texts], dtype=np.uint8)
    with path.open("wb") as file:
        np.savez(
            file,
            fingerprint=np.array(embedder.fingerprint),
            digests=digests,
            rows=np.round(rows / scales).astype(np.int8),
        )


def _shipped(fingerprint: str | None) -> Mapping[bytes, Vectors]:
    """Read what came along, by the digests of the texts; nothing if it is of another model."""
    with (
        resources.files("portal_rag.understanding").joinpath(SHIPPED).open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        if fingerprint not in (None, str(stored["fingerprint"])):
            return {}
        rows = stored["rows"].astype(np.float64)
        digests = stored["digests"]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {bytes(digest): row for digest, row in zip(digests, rows, strict=True)}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]
