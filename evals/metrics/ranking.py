"""How good a ranked list is, by binary judgements; what nobody judged counts as not relevant.

Gain is linear, as in trec_eval. Lists hold a page once, best first.
"""

import math
from collections.abc import Collection, Sequence

CUT = 10


def ndcg(ranked: Sequence[str], relevant: Collection[str], cut: int = CUT) -> float:
    """Give the discounted gain of the first `cut` over that of the best possible list."""
    gained = sum(
        _discount(rank) for rank, page in enumerate(ranked[:cut], start=1) if page in relevant
    )
    ideal = sum(_discount(rank) for rank in range(1, min(len(relevant), cut) + 1))
    return gained / ideal if ideal else 0.0


def recall(ranked: Sequence[str], relevant: Collection[str], cut: int) -> float:
    """Give the share of the relevant that stands among the first `cut`."""
    found = sum(page in relevant for page in ranked[:cut])
    return found / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str], cut: int = CUT) -> float:
    """Give one over the rank of the first relevant one, 0 if it is not among the first `cut`."""
    ranks = (rank for rank, page in enumerate(ranked[:cut], start=1) if page in relevant)
    return 1 / next(ranks, math.inf)


def hit(ranked: Sequence[str], relevant: Collection[str], cut: int) -> float:
    """Say 1 if anything relevant stands among the first `cut`, else 0."""
    return float(any(page in relevant for page in ranked[:cut]))


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)
