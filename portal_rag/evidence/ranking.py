"""Reciprocal rank fusion of ranked lists, with boosts for what the question is about."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.store import Hit, StoredChunk

RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack et al. 2009): one over k plus rank."""
_BOOST = 1 / RRF_K


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

    A chunk about one of the entities asked about, or of a preferred kind, gains as much as a
    first place in one list: a boost, never a filter.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    chunks: dict[str, StoredChunk] = {}
    for ranking in (dense, lexical):
        for rank, hit in enumerate(sorted(ranking, key=_place), start=1):
            chunk = hit.stored.chunk
            scores[chunk.id] += 1 / (RRF_K + rank)
            chunks[chunk.id] = hit.stored
    similarities = {hit.stored.chunk.id: hit.score for hit in dense}
    matched = {hit.stored.chunk.id for hit in lexical}
    candidates = [
        Candidate(
            stored=stored,
            score=scores[key] + _boost(stored, about, kinds),
            similarity=similarities.get(key),
            in_lexical=key in matched,
        )
        for key, stored in chunks.items()
    ]
    return sorted(candidates, key=_order)


def _place(hit: Hit) -> tuple[float, str, int]:
    """Put equals in the order of their pages: ids are others wherever pages came another way."""
    chunk = hit.stored.chunk
    return (-hit.score, chunk.document_path, chunk.ordinal)


def _order(candidate: Candidate) -> tuple[float, str, int]:
    """Put equals in the order of their pages, as in each list."""
    chunk = candidate.stored.chunk
    return (-candidate.score, chunk.document_path, chunk.ordinal)


def _boost(
    stored: StoredChunk, about: frozenset[EntityRef], kinds: frozenset[DocumentKind]
) -> float:
    chunk = stored.chunk
    return _BOOST * ((chunk.entity_ref in about) + (chunk.kind in kinds))
