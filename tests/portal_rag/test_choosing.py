"""What is shown: the best, neighbours as one, nothing twice, no page alone."""

from dataclasses import replace
from datetime import UTC, datetime

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import StoredChunk
from portal_rag.evidence.choosing import (
    MERGED_AMONG,
    MOST_OF_ONE_PAGE,
    MOST_PASSAGES,
    MOST_TOGETHER,
    Excerpt,
    choose,
)
from portal_rag.evidence.ranking import Candidate
from tests.factories import make_chunk

NOW = datetime(2026, 6, 9, tzinfo=UTC)


def ranked(*chunks: Chunk) -> list[Candidate]:
    return [
        Candidate(
            stored=StoredChunk(chunk=chunk, indexed_at=NOW),
            score=1 / rank,
            similarity=0.5,
            in_lexical=True,
        )
        for rank, chunk in enumerate(chunks, start=1)
    ]


def part(ordinal: int, page: str = "runbook/", *titles: str) -> Chunk:
    chunk = make_chunk(f"{page} part {ordinal}", page=page, ordinal=ordinal)
    return replace(chunk, title_path=(*chunk.title_path, *titles))


def ordinals(excerpts: list[Excerpt]) -> list[list[int]]:
    return [[chunk.ordinal for chunk in excerpt.chunks] for excerpt in excerpts]


def test_neighbours_that_were_both_found_are_one_excerpt_in_reading_order() -> None:
    (excerpt,) = choose(ranked(part(4), part(3)))
    assert ordinals([excerpt]) == [[3, 4]]
    assert excerpt.text == "runbook/ part 3\n\nrunbook/ part 4"
    assert excerpt.best.stored.chunk.ordinal == 4


def test_a_merged_excerpt_has_the_shared_titles_and_the_others_above_their_texts() -> None:
    (excerpt,) = choose(ranked(part(0, "runbook/", "Drain"), part(1, "runbook/", "Restart")))
    assert excerpt.titles == ("shop", "runbook")
    assert excerpt.text == "Drain\nrunbook/ part 0\n\nRestart\nrunbook/ part 1"


def test_excerpts_do_not_grow_without_end() -> None:
    excerpts = choose(ranked(*(part(ordinal) for ordinal in range(6))))
    assert all(len(excerpt.chunks) <= MOST_TOGETHER for excerpt in excerpts)
    assert len(excerpts) == MOST_OF_ONE_PAGE


def test_a_neighbour_far_down_the_ranking_does_not_join() -> None:
    between = [part(0, f"page-{number}/") for number in range(MERGED_AMONG)]
    (first, *_) = choose(ranked(part(3), *between, part(4)))
    assert ordinals([first]) == [[3]]


def test_the_same_text_on_two_pages_is_shown_once() -> None:
    copies = [make_chunk("Drain  the broker.", page="a/"), make_chunk("Drain the\nbroker.")]
    (excerpt,) = choose(ranked(*copies))
    assert excerpt.best.stored.chunk == copies[0]


def test_a_page_of_the_same_path_in_another_source_is_another_page() -> None:
    other = replace(part(1), source="markdown/component:default/shop/notes")
    assert ordinals(choose(ranked(part(0), other))) == [[0], [1]]


def test_only_a_few_are_chosen_and_the_order_is_that_of_their_best() -> None:
    excerpts = choose(ranked(*(part(0, f"page-{number}/") for number in range(9))))
    assert len(excerpts) == MOST_PASSAGES
    scores = [excerpt.best.score for excerpt in excerpts]
    assert scores == sorted(scores, reverse=True)
