"""Vectors without a model, for measurements in which the model is not what is measured."""

import hashlib
from collections.abc import Sequence
from itertools import count

from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.store import DenseVector


class HashedWords:
    """One number of a vector is 1, chosen by the text."""

    def __init__(self, dimensions: int = 384) -> None:
        self.dimensions = dimensions
        self.fingerprint = f"hashed-words@{dimensions}"

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % self.dimensions
        return DenseVector(tuple(float(place == each) for each in range(self.dimensions)))


class Sampled(HashedWords):
    """Passes for a model, which embeds one batch of `every` in earnest; the rest is hashed."""

    def __init__(self, model: Embedder, *, every: int) -> None:
        super().__init__(model.dimensions)
        self.fingerprint = model.fingerprint
        self._model = model
        self._every = every
        self._batches = count()

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        if next(self._batches) % self._every:
            return super().embed_documents(texts)
        return self._model.embed_documents(texts)
