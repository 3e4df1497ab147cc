"""Passages of the index: found by meaning and by words, and each past the live gate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import anyio.to_thread

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import Chunk, Governed
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.freshness import Freshness
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.redaction import redact
from portal_rag.corpus.reranking import Reranker
from portal_rag.corpus.store import DenseVector, Hit, IndexReader, SparseVector
from portal_rag.corpus.visibility import Refused, Visibility, Without
from portal_rag.domain import Clock, Passage, Portal, Query, Source
from portal_rag.evidence.choosing import MOST_PASSAGES, Excerpt, choose
from portal_rag.evidence.coverage import lacking, share_held
from portal_rag.evidence.excerpting import window
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.ranking import Candidate, fuse
from portal_rag.evidence.signals import signals_of

ROUNDS = (100, 250, 1000)
"""How many candidates each round of over-fetching asks for; the last is the most ever seen."""
SHOWN_LENGTH = 1_300
"""Characters of a passage that are shown; the source's excerpt holds all of it."""
MOST_RERANKED = 20


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question as both rankings need it."""

    vector: DenseVector
    terms: SparseVector


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """The candidates, best first; how the rankings begin; how many chunks were refused."""

    candidates: Sequence[Candidate]
    rankings: Sequence[_Ranking]
    dropped: int


class IndexPassages:
    """Hybrid retrieval over what the asker may read.

    The filter inside the query may be a minute old; whatever is to be used passes
    `Portal.permitted`, which asks live, before it is ranked.
    """

    name = "index"

    def __init__(
        self,
        *,
        index: IndexReader,
        embedder: Embedder,
        clock: Clock,
        freshness: Freshness,
        reranker: Reranker | None = None,
    ) -> None:
        """Prepare to search; a `reranker` has the last word on the best of what may be read."""
        self._index = index
        self._embedder = embedder
        self._clock = clock
        self._freshness = freshness
        self._reranker = reranker

    async def find(self, query: Query, portal: Portal) -> Finding:
        if query.purpose == "facts" and query.subjects:
            return Finding(state="not_applicable")
        text = query.search_text
        asked = _Asked(
            vector=await anyio.to_thread.run_sync(self._embedder.embed_query, text),
            terms=query_terms(text),
        )
        ranked = await self._ranked(query, asked, portal)
        excerpts = choose(await self._reranked(text, ranked.candidates))
        now = self._clock()
        dense, lexical = (ranking.hits for ranking in ranked.rankings)
        return Finding(
            passages=tuple(self._passage(one, asked, query, now) for one in excerpts),
            signals=signals_of(
                dense,
                lexical,
                terms=asked.terms.indices,
                shown=[excerpt.matched_text for excerpt in excerpts],
            ),
            dropped=ranked.dropped,
        )

    async def _ranked(self, query: Query, asked: _Asked, portal: Portal) -> _Ranked:
        """Rank no deeper than needed, and as if what may not be read were not there at all.

        What the gate refused is left out of the next query, so that not even the rarity of a term
        counts it; only the last round keeps a ranking that something was refused from.
        """
        visible_to = await portal.visibility()
        refused, dropped = frozenset[Refused](), frozenset[str]()
        limits, candidates = iter(ROUNDS), list[Candidate]()
        limit, rankings = next(limits), tuple[_Ranking, ...]()
        for _ in ROUNDS:
            only = Without(visible_to, refused) if refused else visible_to
            gated = await _past_the_gate(await self._search(asked, only, limit), portal, limit)
            refused, dropped = refused | gated.refused, dropped | gated.dropped
            rankings = gated.rankings
            candidates, is_enough = _candidates_from(query, rankings)
            if is_enough and not gated.refused:
                break
            if not is_enough:
                limit = next(limits, limit)
        return _Ranked(candidates=candidates, rankings=rankings, dropped=len(dropped))

    async def _search(
        self, asked: _Asked, visible_to: Visibility, limit: int
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        dense = await self._index.search(asked.vector, visible_to=visible_to, limit=limit)
        return dense, await self._index.search(asked.terms, visible_to=visible_to, limit=limit)

    async def _reranked(self, text: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Put the first candidates in the order of the reranker, if there is one."""
        if self._reranker is None or not candidates:
            return candidates
        first = candidates[:MOST_RERANKED]
        passages = [each.stored.chunk.embedded_text for each in first]
        scores = await anyio.to_thread.run_sync(self._reranker.score, text, passages)
        order = sorted(range(len(first)), key=lambda at: -scores[at])
        return [*(first[at] for at in order), *candidates[MOST_RERANKED:]]

    def _passage(self, excerpt: Excerpt, asked: _Asked, query: Query, now: datetime) -> Passage:
        best, text = excerpt.best, redact(excerpt.text).text
        names = f"{' '.join(excerpt.titles)} {best.stored.chunk.entity_ref.name}"
        telling = query.telling
        named_text = f"{names}\n{text}"
        lacks = lacking(telling, named_text)
        return Passage(
            kind=best.stored.chunk.kind,
            text=window(text, asked.terms.indices, length=SHOWN_LENGTH, terms=_terms),
            similarity=best.similarity,
            in_lexical=best.in_lexical,
            is_about_subject=best.stored.chunk.entity_ref in query.about,
            source=self._source(excerpt, text, now),
            score=best.score,
            covered=share_held(telling, lacks),
            lacks=lacks,
            names_subject=_names_any(query.subjects, named_text),
        )

    def _source(self, excerpt: Excerpt, text: str, now: datetime) -> Source:
        chunk = excerpt.best.stored.chunk
        anchor = f"#{chunk.anchor}" if chunk.anchor else ""
        modified = chunk.modified_at
        return Source(
            id=f"{chunk.source}:{chunk.document_path}:{chunk.ordinal}",
            kind="catalog" if chunk.kind in ("entity", "api") else "techdocs",
            title=" > ".join(excerpt.titles),
            entity_ref=chunk.entity_ref,
            url=chunk.url + anchor,
            fetched_at=excerpt.best.stored.indexed_at,
            modified_at=modified,
            stale=self._freshness.is_stale(chunk.kind, modified, now),
            excerpt=text,
        )


def _terms(text: str) -> Sequence[int]:
    return query_terms(text).indices


def _names_any(entities: Iterable[Entity], text: str) -> bool:
    names = (name for entity in entities for name in (entity.name, entity.display_name))
    return any(not lacking([name], text) for name in names)


def _naming(ticket_ids: frozenset[str], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep the passages in which, or above which, every one of these identifiers stands."""
    return [
        candidate
        for candidate in candidates
        if all(one in candidate.stored.chunk.embedded_text.lower() for one in ticket_ids)
    ]


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


def _candidates_from(query: Query, rankings: Sequence[_Ranking]) -> tuple[list[Candidate], bool]:
    """Rank from the shallowest depth that has enough; says whether going deeper can add any."""
    candidates: list[Candidate] = []
    for depth in ROUNDS:
        if not all(ranking.reaches(depth) for ranking in rankings):
            return _best(query, rankings, ROUNDS[-1]), False
        candidates = _best(query, rankings, depth)
        if len(choose(candidates)) >= MOST_PASSAGES:
            break
    return candidates, True


def _best(query: Query, rankings: Sequence[_Ranking], depth: int) -> list[Candidate]:
    dense, lexical = (ranking.hits[:depth] for ranking in rankings)
    candidates = fuse(dense, lexical, about=query.about, kinds=query.document_kinds)
    return _naming(query.ticket_ids, candidates)


def _governed(hit: Hit) -> Governed:
    return hit.stored.chunk.governed


def _refused(chunk: Chunk) -> Refused:
    return Refused(chunk.source, chunk.resource_ref, chunk.entity_ref)
