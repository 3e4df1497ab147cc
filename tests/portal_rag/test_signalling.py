"""How the index answered, in figures that nothing hidden moves."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.lexical import document_terms, query_terms
from portal_rag.corpus.store import Hit, StoredChunk
from portal_rag.domain import Signals
from portal_rag.evidence.signalling import signals_of
from tests.factories import make_chunk

NOW = datetime(2026, 6, 9, tzinfo=UTC)
RARITY = {"broker": 3.0, "drain": 1.0, "zebra": 0.0}


def chunk(text: str, number: int) -> Chunk:
    return make_chunk(text, page=f"page-{number}/")


def scored(found: Chunk, score: float) -> Hit:
    return Hit(stored=StoredChunk(chunk=found, indexed_at=NOW), score=score)


def by_words(*chunks: Chunk) -> list[Hit]:
    """Score as the engine does, with rarities that the test knows."""
    rare = {query_terms(word).indices[0]: value for word, value in RARITY.items()}
    scores = []
    for each in chunks:
        vector = document_terms(each.embedded_text)
        weights = zip(vector.indices, vector.values, strict=True)
        scores.append(sum(rare.get(term, 0.0) * weight for term, weight in weights))
    hits = [scored(each, score) for each, score in zip(chunks, scores, strict=True)]
    return sorted((hit for hit in hits if hit.score), key=lambda hit: -hit.score)


CHUNKS = (chunk("broker and drain", 1), chunk("drain it all", 2), chunk("broker alone", 3))


def signals(question: str, shown: Sequence[str], lexical: Sequence[Hit] | None = None) -> Signals:
    dense = [scored(each, 0.9 - 0.2 * number) for number, each in enumerate(CHUNKS)]
    return signals_of(
        dense,
        by_words(*CHUNKS) if lexical is None else lexical,
        terms=query_terms(question).indices,
        shown=shown,
    )


def test_the_share_that_is_covered_is_weighted_by_how_rare_the_terms_are() -> None:
    found = signals("drain the broker", shown=["drain it all", "broker alone"])
    assert found.terms == 2
    assert found.covered == pytest.approx(0.25, abs=0.01)
    assert found.covered_by_all == 1


def test_a_term_that_nothing_holds_is_unknown_and_as_rare_as_the_rarest() -> None:
    found = signals("drain the broker of zebras", shown=["broker and drain"])
    assert found.unknown == pytest.approx(1 / 3, abs=1e-6)
    assert found.covered == pytest.approx(4 / 7, abs=0.01)


def test_leads_are_those_over_the_last_of_the_list() -> None:
    found = signals("drain the broker", shown=["broker and drain"])
    assert found.similarity == pytest.approx(0.9)
    assert found.similarity_gap == pytest.approx(0.4)
    best, *_, last = by_words(*CHUNKS)
    assert found.lexical == pytest.approx(best.score / 4, abs=0.01)
    assert found.lexical_gap == pytest.approx((best.score - last.score) / 4, abs=0.01)


def test_rankings_that_hold_the_same_agree_and_those_that_share_nothing_do_not() -> None:
    assert signals("drain the broker", shown=[]).agreement == 1
    strange = by_words(chunk("broker elsewhere", 9))
    assert signals("drain the broker", shown=[], lexical=strange).agreement == 0


@pytest.mark.parametrize("question", ["drain the broker", "the"])
def test_of_nothing_found_there_is_nothing_to_tell(question: str) -> None:
    terms = query_terms(question).indices
    found = signals_of([], [], terms=terms, shown=[])
    assert (found.similarity, found.lexical, found.covered, found.agreement) == (0, 0, 0, 0)
    assert found.unknown == (1 if terms else 0)
