"""What a search under a filter should have found: worked out over the permitted chunks alone."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from evals.bench.permission_cases import Case
from evals.bench.permission_world import World
from portal_rag.corpus.store import DenseVector, Hit, SparseVector

DEPTH = 10
_TOLERANCE = 1e-4


class Permitted:
    """The chunks of the entities that a policy lets in, and nothing else of the world."""

    def __init__(self, world: World, case: Case) -> None:
        allowed = [case.lets_in(entity) for entity in world.entities]
        self.numbers = [n for n, owner in enumerate(world.owners) if allowed[owner]]
        self.share = len(self.numbers) / len(world.owners)
        self._dense = world.dense[self.numbers]
        self._terms = {
            number: dict(zip(found.indices, found.values, strict=True))
            for number in self.numbers
            for found in [world.lexical[number]]
        }
        self._holders = Counter(term for terms in self._terms.values() for term in terms)

    def recall(self, vector: DenseVector | SparseVector, hits: Sequence[Hit]) -> float:
        """Say which part of the best DEPTH was found; one of equal score is as good as another."""
        match vector:
            case DenseVector():
                scores = self._similarities(vector)
            case SparseVector():
                scores = self._weights(vector)
            case _:
                assert_never(vector)
        best = sorted(scores.values(), reverse=True)[:DEPTH]
        numbers = {hit.stored.chunk.ordinal for hit in hits[:DEPTH]}
        found = [scores[number] for number in numbers if number in scores]
        good = sum(score >= best[-1] - _TOLERANCE for score in found) if best else 0
        return good / len(best) if best else 1.0

    def _similarities(self, vector: DenseVector) -> dict[int, float]:
        products = self._dense @ np.asarray(vector.values, dtype=np.float32)
        return dict(zip(self.numbers, products.tolist(), strict=True))

    def _weights(self, vector: SparseVector) -> dict[int, float]:
        """Add up the weights of the terms, each by how rare it is among the permitted chunks."""
        rarity = {term: self._rarity(term) for term in vector.indices}
        sums = (
            (number, sum(terms.get(term, 0.0) * rare for term, rare in rarity.items()))
            for number, terms in self._terms.items()
        )
        return {number: weight for number, weight in sums if weight}

    def _rarity(self, term: int) -> float:
        """Inverse document frequency as Qdrant's documentation of the modifier has it."""
        holders = self._holders[term]
        return math.log((len(self.numbers) - holders + 0.5) / (holders + 0.5) + 1)
