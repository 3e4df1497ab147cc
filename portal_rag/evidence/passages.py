"""Passages of the index: found by meaning and by words, and each past the live gate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import anyio.to_thread

from portal_rag.corpus.documents import Chunk, Governed
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.freshness import Freshness
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.store import Hit, IndexReader
from portal_rag.corpus.visibility import Refused, Visibility, Without
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gated:
    """What passed the gate in one round; `dropped` are the ids of the chunks that did not."""

    rankings: tuple[_Ranking, ...]
    refused: frozenset[Refused]
    dropped: frozenset[str]


class IndexPassages:
    """Hybrid retrieval over what the asker may read.

    The filter inside the query may be a minute old; whatever is to be used passes
    `Portal.permitted`, which asks live, before it is ranked.
    """

    name = "index"

    def __init__(
        self, *, index: IndexReader, embedder: Embedder, clock: Clock, freshness: Freshness
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._clock = clock
        self._freshness = freshness

    async def find(self, query: Query, portal: Portal) -> Finding:
        if query.purpose == "facts" and query.subjects:
            return Finding(state="not_applicable")
        chosen, dropped = await self._chosen(query, portal)
        now, about = self._clock(), _about(query)
        passages = tuple(self._passage(one, about, now) for one in chosen)
        return Finding(passages=passages, dropped=dropped)

    async def _chosen(self, query: Query, portal: Portal) -> tuple[list[Candidate], int]:
        """Rank no deeper than needed, and as if what may not be read were not there at all.

        What the gate refused is left out of the next query, so that not even the rarity of a term
        counts it; only the last round keeps a ranking that something was refused from. Gives the
        best, and how many chunks were refused.
        """
        visible_to = await portal.visibility()
        refused, dropped = frozenset[Refused](), frozenset[str]()
        limits, chosen = iter(ROUNDS), list[Candidate]()
        limit = next(limits)
        for _ in ROUNDS:
            only = Without(visible_to, refused) if refused else visible_to
            gated = await _past_the_gate(await self._search(query, only, limit), portal, limit)
            refused, dropped = refused | gated.refused, dropped | gated.dropped
            chosen, is_enough = _chosen_from(query, gated.rankings)
            if is_enough and not gated.refused:
                break
            if not is_enough:
                limit = next(limits, limit)
        return chosen, len(dropped)

    async def _search(
        self, query: Query, visible_to: Visibility, limit: int
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        text = query.search_text
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
            score=candidate.score,
            source=self._source(stored.chunk, stored.indexed_at, now),
        )

    def _source(self, chunk: Chunk, indexed_at: datetime, now: datetime) -> Source:
        anchor = f"#{chunk.anchor}" if chunk.anchor else ""
        modified = chunk.modified_at
        return Source(
            id=f"{chunk.source}:{chunk.document_path}:{chunk.ordinal}",
            kind="catalog" if chunk.kind in ("entity", "api") else "techdocs",
            title=" > ".join(chunk.title_path),
            entity_ref=chunk.entity_ref,
            url=chunk.url + anchor,
            fetched_at=indexed_at,
            modified_at=modified,
            stale=self._freshness.is_stale(chunk.kind, modified, now),
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


async def _past_the_gate(found: Sequence[Sequence[Hit]], portal: Portal, limit: int) -> _Gated:
    """Leave out what may not be read before anything is ranked, so that no rank tells of it."""
    permitted = await portal.permitted({_governed(hit) for hits in found for hit in hits})
    rankings = tuple(
        _Ranking(
            hits=tuple(hit for hit in hits if _governed(hit) in permitted),
            has_ended=len(hits) < limit,
        )
        for hits in found
    )
    refused = {
        hit.stored.chunk.id: _refused(hit.stored.chunk)
        for hits in found
        for hit in hits
        if _governed(hit) not in permitted
    }
    return _Gated(
        rankings=rankings, refused=frozenset(refused.values()), dropped=frozenset(refused)
    )


def _chosen_from(query: Query, rankings: Sequence[_Ranking]) -> tuple[list[Candidate], bool]:
    """Choose from the shallowest depth that has enough; says whether going deeper can add any."""
    chosen: list[Candidate] = []
    for depth in ROUNDS:
        if not all(ranking.reaches(depth) for ranking in rankings):
            return _best(query, rankings, ROUNDS[-1]), False
        chosen = _best(query, rankings, depth)
        if len(chosen) >= MOST_PASSAGES:
            break
    return chosen, True


def _best(query: Query, rankings: Sequence[_Ranking], depth: int) -> list[Candidate]:
    dense, lexical = (ranking.hits[:depth] for ranking in rankings)
    candidates = fuse(dense, lexical, about=_about(query), kinds=query.document_kinds)
    return _without_crowds(_naming(query.ticket_ids, candidates))


def _governed(hit: Hit) -> Governed:
    return hit.stored.chunk.governed


def _refused(chunk: Chunk) -> Refused:
    return Refused(chunk.source, chunk.resource_ref, chunk.entity_ref)


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
