"""An embedder that remembers the questions it was asked last: each is embedded once."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.store import DenseVector

MOST_REMEMBERED = 256


class RememberingEmbedder:
    """Keeps the vectors of the questions used last; passages go to the embedder as they come.

    Of two threads that ask the same at once, both may have it embedded.
    """

    def __init__(self, embedder: Embedder, *, most: int = MOST_REMEMBERED) -> None:
        self._embedder = embedder
        self._most = most
        self._lock = threading.Lock()
        self._vectors: OrderedDict[str, DenseVector] = OrderedDict()

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return self._embedder.embed_documents(texts)

    def embed_query(self, text: str) -> DenseVector:
        with self._lock:
            if text in self._vectors:
                self._vectors.move_to_end(text)
                return self._vectors[text]
        vector = self._embedder.embed_query(text)
        with self._lock:
            self._vectors[text] = vector
            self._vectors.move_to_end(text)
            if len(self._vectors) > self._most:
                self._vectors.popitem(last=False)
        return vector
