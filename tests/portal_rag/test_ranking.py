"""Fusion ranks by what is found, not by how it came into the index."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

from portal_rag.corpus.store import Hit, StoredChunk
from portal_rag.evidence.ranking import fuse
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
