"""An embedder without a model: equal words make equal directions."""

import hashlib
import math
import re
from collections.abc import Sequence

from portal_rag.corpus.store import DenseVector

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Counts words in hashed places; texts that share words are near, others nearly orthogonal."""

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        self.fingerprint = f"hashing@{dimensions}"

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        places = [0.0] * self.dimensions
        for word in _WORD.findall(text.lower()) or ("",):
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            place = int.from_bytes(digest[:7]) % self.dimensions
            places[place] += 1.0 if digest[7] % 2 else -1.0
        length = math.sqrt(math.fsum(value * value for value in places))
        if length == 0.0:
            return DenseVector((1.0, *([0.0] * (self.dimensions - 1))))
        return DenseVector(tuple(value / length for value in places))
