"""Fusion of two ranked lists by their scores, with boosts for what the question is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.store import Hit, StoredChunk

DENSE_WEIGHT = 0.65
"""The share of meaning; the rest is that of words. Chosen by `portal-evals retrieval`."""
_BOOST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A chunk with its fused score, and how each ranking saw it."""

    stored: StoredChunk
    score: float
    similarity: float | None
    in_lexical: bool


def fuse(
    dense: Sequence[Hit],
    lexical: Sequence[Hit],
    *,
    about: frozenset[EntityRef],
    kinds: frozenset[DocumentKind],
) -> list[Candidate]:
    """Rank the hits of both lists, best first.

    Each list counts by its scores over its own best, so only what is in the lists decides; what
    one of them does not hold counts there as its last. A chunk about one of the entities asked
    about, or of a preferred kind, gains: a boost, never a filter.
    """
    chunks = {hit.stored.chunk.id: hit.stored for hit in (*dense, *lexical)}
    similarities = {hit.stored.chunk.id: hit.score for hit in dense}
    meaning, words = _over_best(dense), _over_best(lexical)
    no_meaning, no_words = _unlisted(meaning, words), _unlisted(words, meaning)
    candidates = [
        Candidate(
            stored=stored,
            score=DENSE_WEIGHT * meaning.get(key, no_meaning)
            + (1 - DENSE_WEIGHT) * words.get(key, no_words)
            + _boost(stored, about, kinds),
            similarity=similarities.get(key),
            in_lexical=key in words,
        )
        for key, stored in chunks.items()
    ]
    return sorted(candidates, key=_order)


def _over_best(hits: Sequence[Hit]) -> Mapping[str, float]:
    """Scale to at most 1; what is no better than nothing counts as nothing."""
    best = max((hit.score for hit in hits), default=0.0)
    if best <= 0:
        return dict.fromkeys((hit.stored.chunk.id for hit in hits), 0.0)
    return {hit.stored.chunk.id: max(hit.score, 0.0) / best for hit in hits}


def _unlisted(scores: Mapping[str, float], others: Mapping[str, float]) -> float:
    """Give the most that a chunk outside the list can have: nothing if the list has ended."""
    return min(scores.values()) if scores and len(scores) >= len(others) else 0.0


def _order(candidate: Candidate) -> tuple[float, str, int]:
    """Put equals in the order of their pages: ids are others wherever pages came another way."""
    chunk = candidate.stored.chunk
    return (-candidate.score, chunk.document_path, chunk.ordinal)


def _boost(
    stored: StoredChunk, about: frozenset[EntityRef], kinds: frozenset[DocumentKind]
) -> float:
    chunk = stored.chunk
    return _BOOST * ((chunk.entity_ref in about) + (chunk.kind in kinds))
