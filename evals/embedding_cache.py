"""Vectors that are computed once: an embedder that keeps them in a file between runs."""

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.store import DenseVector

_AT_ONCE = 256


class CachingEmbedder:
    """Asks another embedder only for what it has not asked before, here or in an earlier run.

    The file holds vectors by fingerprint and text, so that several models and corpora may share
    it. Close it, or use it as a context manager.
    """

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._embedder = embedder
        self._lock = threading.Lock()
        self._file = sqlite3.connect(
            folder / "embeddings.sqlite", timeout=60, check_same_thread=False
        )
        with self._file:
            self._file.execute("CREATE TABLE IF NOT EXISTS vectors (id TEXT PRIMARY KEY, v BLOB)")

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        with self._lock:
            for start in range(0, len(texts), _AT_ONCE):
                self._fill(texts[start : start + _AT_ONCE])
            return [self._kept("document", text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        with self._lock:
            if not self._knows("query", text):
                self._keep("query", [text], [self._embedder.embed_query(text)])
            return self._kept("query", text)

    def close(self) -> None:
        """Close the file; what was computed is in it already."""
        self._file.close()

    def __enter__(self) -> "CachingEmbedder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if not self._knows("document", text)]
        if new:
            self._keep("document", new, self._embedder.embed_documents(new))

    def _knows(self, role: str, text: str) -> bool:
        return bool(self._rows(role, text))

    def _kept(self, role: str, text: str) -> DenseVector:
        ((packed,),) = self._rows(role, text)
        return DenseVector(tuple(np.frombuffer(packed, dtype="<f4").tolist()))

    def _rows(self, role: str, text: str) -> list[tuple[bytes]]:
        wanted = (self._id(role, text),)
        return self._file.execute("SELECT v FROM vectors WHERE id = ?", wanted).fetchall()

    def _keep(self, role: str, texts: Sequence[str], vectors: Sequence[DenseVector]) -> None:
        rows = [
            (self._id(role, text), np.array(vector.values, dtype="<f4").tobytes())
            for text, vector in zip(texts, vectors, strict=True)
        ]
        with self._file:
            self._file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _id(self, role: str, text: str) -> str:
        content = "\0".join((self.fingerprint, role, text))
        return hashlib.sha256(content.encode("utf-8", errors="surrogatepass")).hexdigest()
