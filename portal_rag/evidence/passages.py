"""Passages of the index: found by meaning and by words, and each past the live gate."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import anyio.to_thread

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.store import IndexReader
from portal_rag.corpus.visibility import GateDecides, OnlyResources, Visibility
from portal_rag.domain import Clock, Passage, Portal, Query, Source
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.ranking import Candidate, fuse

ROUNDS = (50, 250, 1000)
"""How many candidates each round of over-fetching asks for; the last is the most ever seen."""
MOST_PASSAGES = 4
MOST_OF_ONE_PAGE = 2


class IndexPassages:
    """Hybrid retrieval over what the asker may read.

    The filter inside the query comes from a listing that may be a minute old; whatever is to be
    used passes `Portal.readable`, which asks live.
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
        visible_to = await _visibility(portal)
        permitted: list[Candidate] = []
        for limit in ROUNDS:
            candidates = await self._ranked(query, visible_to, limit)
            permitted = await _past_the_gate(_naming(query.ticket_ids, candidates), portal)
            if len(_chosen(permitted)) >= MOST_PASSAGES or len(candidates) < limit:
                break
        now, about = self._clock(), _about(query)
        return Finding(passages=tuple(self._passage(one, about, now) for one in _chosen(permitted)))

    async def _ranked(
        self, query: Query, visible_to: Visibility, limit: int
    ) -> Sequence[Candidate]:
        text = query.question.text
        vector = await anyio.to_thread.run_sync(self._embedder.embed_query, text)
        dense = await self._index.search(vector, visible_to=visible_to, limit=limit)
        terms = query_terms(text)
        lexical = await self._index.search(terms, visible_to=visible_to, limit=limit)
        return fuse(dense, lexical, about=_about(query), kinds=query.document_kinds)

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


async def _visibility(portal: Portal) -> Visibility:
    listing = await portal.listing()
    if listing.complete:
        return OnlyResources(frozenset(entity.ref for entity in listing.entities))
    return GateDecides()


async def _past_the_gate(candidates: Sequence[Candidate], portal: Portal) -> list[Candidate]:
    readable = await portal.readable({ref for c in candidates for ref in _governing(c)})
    return [c for c in candidates if readable.issuperset(_governing(c))]


def _governing(candidate: Candidate) -> Iterable[EntityRef]:
    """Whoever reads the passage learns of both: the entity of the files and the one it is about."""
    chunk = candidate.stored.chunk
    return (chunk.resource_ref, chunk.entity_ref)


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Take the best, not more than a few of any one page."""
    taken: Counter[str] = Counter()
    chosen = []
    for candidate in candidates:
        page = candidate.stored.chunk.document_path
        if taken[page] < MOST_OF_ONE_PAGE:
            taken[page] += 1
            chosen.append(candidate)
    return chosen[:MOST_PASSAGES]
