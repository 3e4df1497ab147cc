"""Fusion ranks by what is found, not by how it came into the index."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from portal_rag.corpus.store import Hit, StoredChunk
from portal_rag.evidence.ranking import DENSE_WEIGHT, fuse
from tests.factories import make_chunk

NOW = datetime(2026, 6, 9, tzinfo=UTC)


def hit(page: str, score: float, source: str = "files/techdocs") -> Hit:
    chunk = replace(make_chunk(page=page), source=source)
    return Hit(stored=StoredChunk(chunk=chunk, indexed_at=NOW), score=score)


def pages(dense: list[Hit], lexical: list[Hit]) -> list[str]:
    fused = fuse(dense, lexical, about=frozenset(), kinds=frozenset())
    return [each.stored.chunk.document_path.rpartition("shop/")[2] for each in fused]


def test_equals_are_ranked_by_their_pages_whatever_order_a_store_gives_them_in() -> None:
    equals = [hit("a/", 0.5), hit("b/", 0.5), hit("c/", 0.5)]
    rankings = {tuple(pages(list(order), [])) for order in permutations(equals)}
    assert rankings == {("a/", "b/", "c/")}


def test_an_index_from_files_and_one_from_backstage_rank_alike() -> None:
    dense, lexical = (("a/", 0.4), ("b/", 0.5)), (("c/", 3.0), ("a/", 3.0), ("b/", 1.0))
    found = {
        tuple(
            pages(
                [hit(page, score, source) for page, score in dense],
                [hit(page, score, source) for page, score in lexical],
            )
        )
        for source in ("files/techdocs", "backstage/techdocs")
    }
    assert found == {("a/", "b/", "c/")}


def test_what_one_list_does_not_hold_counts_there_as_its_last() -> None:
    both, meaning_alone, words_alone = hit("a/", 0.5), hit("b/", 1.0), hit("c/", 4.0)
    candidates = fuse(
        [meaning_alone, both],
        [words_alone, hit("a/", 2.0)],
        about=frozenset(),
        kinds=frozenset(),
    )
    scores = {each.stored.chunk.document_path[-2:]: each.score for each in candidates}
    assert scores["b/"] == pytest.approx(DENSE_WEIGHT + (1 - DENSE_WEIGHT) / 2)
    assert scores["c/"] == pytest.approx(DENSE_WEIGHT / 2 + 1 - DENSE_WEIGHT)
    assert scores["a/"] == pytest.approx(0.5)


def test_a_shorter_list_has_ended_so_what_it_does_not_hold_has_no_word_of_it() -> None:
    dense = [hit("a/", 1.0), hit("b/", 0.9)]
    candidates = fuse(dense, [hit("b/", 1.0)], about=frozenset(), kinds=frozenset())
    assert [each.score for each in candidates] == pytest.approx([0.935, DENSE_WEIGHT])


def test_what_is_no_better_than_nothing_counts_for_nothing() -> None:
    candidates = fuse([hit("a/", -0.1)], [], about=frozenset(), kinds=frozenset())
    assert [each.score for each in candidates] == [0.0]
