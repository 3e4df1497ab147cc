"""How the index answered: figures from which the chance of a right answer can be calibrated.

Everything is worked out from what passed the gate, so hidden chunks move nothing. How rare a term
is, stores do not tell; it follows from their scores. A chunk's BM25 score is the sum over its
terms of rarity times weight, and the weights follow from its text: with a few hits, the rarities
are the least squares solution.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.store import Hit
from portal_rag.domain import Signals

FIRST = 10
"""Gaps and agreement look at so many of each ranking."""
_SOLVED_FROM = 20
_SINGULAR = 1e-3
_DIGITS = 6
_Numbers = NDArray[np.float64]


def signals_of(
    dense: Sequence[Hit], lexical: Sequence[Hit], *, terms: Sequence[int], shown: Sequence[str]
) -> Signals:
    """Measure two rankings, best first, of a question's terms, and the passages `shown` of them.

    A term that none of the hits holds counts as the rarest of the others.
    """
    rarity, unknown = _rarities(lexical[:_SOLVED_FROM], terms)
    most = float(rarity.sum())
    held = [_held(text, terms) for text in shown]
    best = held[0] if held else np.zeros(len(terms), dtype=bool)
    together = np.logical_or.reduce([best, *held])
    return Signals(
        similarity=_rounded(_best(dense)),
        similarity_gap=_rounded(_lead(dense)),
        lexical=_share(_best(lexical), most),
        lexical_gap=_share(_lead(lexical), most),
        covered=_share(float(rarity[best].sum()), most),
        covered_by_all=_share(float(rarity[together].sum()), most),
        unknown=_share(float(unknown.sum()), len(terms)),
        agreement=_agreement(dense, lexical),
        terms=len(terms),
    )


def _rarities(hits: Sequence[Hit], terms: Sequence[int]) -> tuple[_Numbers, NDArray[np.bool_]]:
    """Give how rare each term is, and which none of the hits holds."""
    weights = np.array([_weights(hit, terms) for hit in hits]).reshape(len(hits), len(terms))
    scores = np.array([hit.score for hit in hits])
    unknown = np.array([not column.any() for column in weights.T], dtype=bool)
    if not len(hits) or not len(terms):
        return np.zeros(len(terms)), unknown
    solved = np.clip(np.linalg.lstsq(weights, scores, rcond=_SINGULAR)[0], 0.0, None)
    return np.where(unknown, solved.max(), solved), unknown


def _weights(hit: Hit, terms: Sequence[int]) -> list[float]:
    vector = document_terms(hit.stored.chunk.embedded_text)
    weights = dict(zip(vector.indices, vector.values, strict=True))
    return [weights.get(term, 0.0) for term in terms]


def _held(text: str, terms: Sequence[int]) -> NDArray[np.bool_]:
    held = set(document_terms(text).indices)
    return np.array([term in held for term in terms], dtype=bool)


def _best(ranking: Sequence[Hit]) -> float:
    return ranking[0].score if ranking else 0.0


def _lead(ranking: Sequence[Hit]) -> float:
    return ranking[0].score - ranking[:FIRST][-1].score if ranking else 0.0


def _agreement(dense: Sequence[Hit], lexical: Sequence[Hit]) -> float:
    ids = [{hit.stored.chunk.id for hit in ranking[:FIRST]} for ranking in (dense, lexical)]
    return _share(len(ids[0] & ids[1]), min(map(len, ids)))


def _share(part: float, whole: float) -> float:
    return _rounded(part / whole) if whole else 0.0


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
