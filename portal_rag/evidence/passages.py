"""Passages of the index: found by meaning and by words, and each past the live gate."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio.to_thread

from portal_rag.corpus.documents import Chunk, Governed
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.store import Hit, IndexReader
from portal_rag.corpus.visibility import Visibility
from portal_rag.domain import Clock, Passage, Portal, Query, Source
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.ranking import Candidate, fuse

ROUNDS = (50, 250, 1000)
"""How many candidates each round of over-fetching asks for; the last is the most ever seen."""
MOST_PASSAGES = 4
MOST_OF_ONE_PAGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranking:
    """What may be read of one ranking, best first; `has_ended` if there is no more of it."""

    hits: tuple[Hit, ...]
    has_ended: bool

    def reaches(self, depth: int) -> bool:
        return self.has_ended or len(self.hits) >= depth


class IndexPassages:
    """Hybrid retrieval over what the asker may read.

    The filter inside the query may be a minute old; whatever is to be used passes
    `Portal.permitted`, which asks live, before it is ranked.
    """

    name = "index"

    def __init__(
        self, *, index: IndexReader, embedder: Embedder, clock: Clock, stale_after: timedelta
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._clock = clock
        self._stale_after = stale_after

    async def find(self, query: Query, portal: Portal) -> Finding:
        if query.purpose == "facts" and query.subjects:
            return Finding(state="not_applicable")
        chosen = await self._chosen(query, portal)
        now, about = self._clock(), _about(query)
        return Finding(passages=tuple(self._passage(one, about, now) for one in chosen))

    async def _chosen(self, query: Query, portal: Portal) -> list[Candidate]:
        """Rank no deeper than needed, and as if what may not be read were not there at all."""
        visible_to, depths = await portal.visibility(), list(ROUNDS)
        rankings: tuple[_Ranking, ...] = ()
        for limit in ROUNDS:
            hits = await self._search(query.question.text, visible_to, limit)
            rankings = await _past_the_gate(hits, portal, limit)
            while depths and all(ranking.reaches(depths[0]) for ranking in rankings):
                chosen = _best(query, rankings, depths.pop(0))
                if len(chosen) >= MOST_PASSAGES:
                    return chosen
            if not depths:
                break
        return _best(query, rankings, ROUNDS[-1])

    async def _search(
        self, text: str, visible_to: Visibility, limit: int
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        vector = await anyio.to_thread.run_sync(self._embedder.embed_query, text)
        dense = await self._index.search(vector, visible_to=visible_to, limit=limit)
        terms = query_terms(text)
        return dense, await self._index.search(terms, visible_to=visible_to, limit=limit)

    def _passage(self, candidate: Candidate, about: frozenset[EntityRef], now: datetime) -> Passage:
        stored = candidate.stored
        return Passage(
            kind=stored.chunk.kind,
            text=stored.chunk.text,
            similarity=candidate.similarity,
            in_lexical=candidate.in_lexical,
            is_about_subject=stored.chunk.entity_ref in about,
            source=self._source(stored.chunk, stored.indexed_at, now),
        )

    def _source(self, chunk: Chunk, indexed_at: datetime, now: datetime) -> Source:
        anchor = f"#{chunk.anchor}" if chunk.anchor else ""
        modified = chunk.modified_at
        return Source(
            kind="catalog" if chunk.kind in ("entity", "api") else "techdocs",
            title=" > ".join(chunk.title_path),
            entity_ref=chunk.entity_ref,
            url=chunk.url + anchor,
            fetched_at=indexed_at,
            modified_at=modified,
            stale=modified is not None and now - modified > self._stale_after,
            excerpt=chunk.text,
        )


def _naming(ticket_ids: frozenset[str], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep the passages in which, or above which, every one of these identifiers stands."""
    return [
        candidate
        for candidate in candidates
        if all(one in candidate.stored.chunk.embedded_text.lower() for one in ticket_ids)
    ]


def _about(query: Query) -> frozenset[EntityRef]:
    """Name the subjects, and the entities that hold their documentation."""
    refs = (ref for entity in query.subjects for ref in (entity.ref, entity.docs_ref))
    return frozenset(ref for ref in refs if ref)


async def _past_the_gate(
    found: Iterable[Sequence[Hit]], portal: Portal, limit: int
) -> tuple[_Ranking, ...]:
    """Leave out what may not be read before anything is ranked, so that no rank tells of it."""
    found = tuple(found)
    permitted = await portal.permitted({_governed(hit) for hits in found for hit in hits})
    return tuple(
        _Ranking(
            hits=tuple(hit for hit in hits if _governed(hit) in permitted),
            has_ended=len(hits) < limit,
        )
        for hits in found
    )


def _best(query: Query, rankings: Sequence[_Ranking], depth: int) -> list[Candidate]:
    dense, lexical = (ranking.hits[:depth] for ranking in rankings)
    candidates = fuse(dense, lexical, about=_about(query), kinds=query.document_kinds)
    return _without_crowds(_naming(query.ticket_ids, candidates))


def _governed(hit: Hit) -> Governed:
    return hit.stored.chunk.governed


def _without_crowds(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Take the best, not more than a few of any one page."""
    taken: Counter[str] = Counter()
    chosen = []
    for candidate in candidates:
        page = candidate.stored.chunk.document_path
        if taken[page] < MOST_OF_ONE_PAGE:
            taken[page] += 1
            chosen.append(candidate)
    return chosen[:MOST_PASSAGES]
