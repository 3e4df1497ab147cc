"""Vectors that are computed once: an embedder that keeps them in a file between runs."""

import threading
from collections.abc import Sequence
from pathlib import Path

from evals.remembered_vectors import Matrix, RememberedVectors
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.store import DenseVector


class CachingEmbedder:
    """Asks another embedder only for what it has not asked before, here or in an earlier run.

    Several models and corpora may share a folder. Close it, or use it as a context manager.
    """

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._vectors = RememberedVectors(embedder, folder, notice=lambda _: None)

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        with self._lock:
            return _vectors(self._vectors.of_documents(texts))

    def embed_query(self, text: str) -> DenseVector:
        with self._lock:
            (vector,) = _vectors(self._vectors.of_queries([text]))
        return vector

    def close(self) -> None:
        """Close the file; what was computed is in it already."""
        self._vectors.close()

    def __enter__(self) -> "CachingEmbedder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _vectors(rows: Matrix) -> list[DenseVector]:
    return [DenseVector(tuple(row.tolist())) for row in rows]
