"""How the index answered a question, in figures that say whether it holds the answer at all.

Everything is computed from the two rankings as the asker may see them, past the gate, and never
from more of them than DEPTH: what is hidden from somebody moves none of these figures.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.store import Hit, SparseVector
from portal_rag.domain import Signals

DEPTH = 50
"""So many hits of each ranking are looked at; a caller may hand over more."""
_FIRST = 10
_READ = 20
"""So many texts are read for their terms, which takes a quarter of a millisecond each."""
_DECIMALS = 6
_Numbers = NDArray[np.float64]


def signals_of(
    dense: Sequence[Hit], lexical: Sequence[Hit], *, terms: Sequence[int], shown: Sequence[str]
) -> Signals | None:
    """Sum up two rankings, each best first; None where both are empty.

    `terms` are the ids of the question's terms (`query_terms`), `shown` the texts of the passages
    chosen to be shown, with their titles (`Chunk.embedded_text`).
    """
    dense, lexical = (sorted(hits, key=_place)[:DEPTH] for hits in (dense, lexical))
    if not dense and not lexical:
        return None
    read = [hit.stored.chunk.embedded_text for hit in lexical[:_READ]]
    weights, scores = _term_weights(read, terms), _scores(lexical)
    rarity = _rarity(weights, scores[:_READ])
    similarities, total = _scores(dense), float(rarity.sum()) or 1.0
    covered = _coverage(_term_weights(shown, terms) > 0, rarity)
    return Signals(
        similarity=_rounded(_at(similarities, 0)),
        similarity_gap=_rounded(_lead(similarities)),
        lexical=_rounded(_at(scores, 0) / total),
        lexical_gap=_rounded(_lead(scores) / total),
        covered=_rounded(_coverage(weights[:1] > 0, rarity)),
        covered_by_all=_rounded(covered),
        unknown=_rounded(float((weights.sum(axis=0) == 0).mean()) if terms else 0.0),
        agreement=_rounded(_agreement(dense, lexical)),
        terms=len(terms),
    )


def _place(hit: Hit) -> tuple[float, str, int]:
    """Put equals in the order of their pages, which is the same wherever they were indexed."""
    chunk = hit.stored.chunk
    return (-hit.score, chunk.document_path, chunk.ordinal)


def _term_weights(texts: Sequence[str], terms: Sequence[int]) -> _Numbers:
    """Give the weight of each term of the question (columns) in each text (rows)."""
    rows = [_by_term(document_terms(text)) for text in texts]
    weights = [[row.get(term, 0.0) for term in terms] for row in rows]
    return np.array(weights, dtype=np.float64).reshape(len(rows), len(terms))


def _by_term(weighed: SparseVector) -> Mapping[int, float]:
    return dict(zip(weighed.indices, weighed.values, strict=True))


def _rarity(weights: _Numbers, scores: _Numbers) -> _Numbers:
    """Work out the IDF of each term from the scores, which are the weights times the IDFs.

    A term that none of the texts holds counts as the rarest of the others.
    """
    if not weights.size:
        return np.ones(weights.shape[1])
    solved, *_ = np.linalg.lstsq(weights, scores, rcond=1e-6)
    known = weights.sum(axis=0) > 0
    rarity: _Numbers = np.clip(solved, 0.0, None)
    rarity[~known] = max(float(rarity.max()), 1e-9)
    return rarity


def _coverage(held: NDArray[np.bool_], rarity: _Numbers) -> float:
    """Give the share of the terms, weighed by rarity, that stand in any of the texts."""
    total = float(rarity.sum())
    return float(rarity[held.any(axis=0)].sum()) / total if total and len(held) else 0.0


def _agreement(dense: Sequence[Hit], lexical: Sequence[Hit]) -> float:
    first = [{hit.stored.chunk.id for hit in hits[:_FIRST]} for hits in (dense, lexical)]
    longest = max(map(len, first))
    return len(first[0] & first[1]) / longest if longest else 0.0


def _scores(hits: Sequence[Hit]) -> _Numbers:
    return np.array([hit.score for hit in hits], dtype=np.float64)


def _at(scores: _Numbers, place: int) -> float:
    return float(scores[min(place, len(scores) - 1)]) if len(scores) else 0.0


def _lead(scores: _Numbers) -> float:
    return _at(scores, 0) - _at(scores, _FIRST - 1)


def _rounded(value: float) -> float:
    """Cut what differs from one machine to the next."""
    return round(value, _DECIMALS)
