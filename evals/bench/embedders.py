"""Embedders for measuring: without a model, with some of it, and one that is listened to."""

import hashlib
from collections.abc import Sequence
from itertools import count

from portal_rag.corpus.embedding import Embedder, SentenceTransformerEmbedder
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


class Overheard:
    """A model, and all the texts that it was first asked to embed."""

    def __init__(self, model: Embedder) -> None:
        self.fingerprint = model.fingerprint
        self.dimensions = model.dimensions
        self._model = model
        self._heard: dict[str, None] = {}

    @property
    def texts(self) -> list[str]:
        return list(self._heard)

    def encode(self, texts: Sequence[str]) -> object:
        """Do what the library does with a list of texts, if the model is one of it."""
        if isinstance(self._model, SentenceTransformerEmbedder):
            return self._model.transformer.encode(list(texts), show_progress_bar=False)
        return self._model.embed_documents(texts)

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self._heard |= dict.fromkeys(texts)
        return self._model.embed_documents(texts)

    def embed_query(self, text: str) -> DenseVector:
        return self._model.embed_query(text)
