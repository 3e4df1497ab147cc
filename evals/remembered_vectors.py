"""Embeddings kept on disk by model and text, so that a second measurement takes seconds."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.embedding import Embedder

Matrix = NDArray[np.float32]
_FILE = "embeddings.sqlite"
_AT_ONCE = 64
_WAIT_SECONDS = 60


class RememberedVectors:
    """An embedder's vectors; what was embedded before is read from the folder's file.

    Any thread may use it, but only one at a time.
    """

    def __init__(self, embedder: Embedder, folder: Path, *, notice: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._embedder = embedder
        self._notice = notice
        self._file = sqlite3.connect(folder / _FILE, timeout=_WAIT_SECONDS, check_same_thread=False)
        with self._file:
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL)"
            )

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    def close(self) -> None:
        self._file.close()

    def of_documents(self, texts: Sequence[str]) -> Matrix:
        """Embed passages, one row each, in the order given."""
        return self._rows("document", texts, self._embed_documents)

    def of_queries(self, texts: Sequence[str]) -> Matrix:
        return self._rows("query", texts, self._embed_queries)

    def _rows(
        self, purpose: str, texts: Sequence[str], embed: Callable[[Sequence[str]], list[bytes]]
    ) -> Matrix:
        keys = [self._key(purpose, text) for text in texts]
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        pending = sorted(missing, key=lambda key: len(missing[key]))
        for start in range(0, len(pending), _AT_ONCE):
            if start % (_AT_ONCE * 8) == 0:
                self._notice(f"embedding: {start} of {len(pending)} texts")
            batch = pending[start : start + _AT_ONCE]
            vectors = embed([missing[key] for key in batch])
            fresh = dict(zip(batch, vectors, strict=True))
            with self._file:
                self._file.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?)", fresh.items()
                )
            known |= fresh
        return np.array([np.frombuffer(known[key], dtype=np.float32) for key in keys])

    def _known(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for key in dict.fromkeys(keys):
            row = self._file.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
            if row:
                found[key] = row[0]
        return found

    def _key(self, purpose: str, text: str) -> str:
        whole = f"{self._embedder.fingerprint}\0{purpose}\0{text}"
        return hashlib.sha256(whole.encode("utf-8", errors="surrogatepass")).hexdigest()

    def _embed_documents(self, texts: Sequence[str]) -> list[bytes]:
        return [_packed(one.values) for one in self._embedder.embed_documents(texts)]

    def _embed_queries(self, texts: Sequence[str]) -> list[bytes]:
        return [_packed(self._embedder.embed_query(text).values) for text in texts]


def _packed(values: Sequence[float]) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()
