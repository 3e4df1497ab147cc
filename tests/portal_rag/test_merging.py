"""What two retrievers found becomes one list."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal_rag.domain import Passage
from portal_rag.evidence.merging import MOST_MERGED, merge
from tests.factories import APP_URL, make_passage, make_source

SHOP = f"{APP_URL}/docs/default/component/shop"


def indexed(path: str, score: float, text: str = "indexed") -> Passage:
    return make_passage(text, score=score, source=make_source(url=f"{SHOP}/{path}"))


def searched(path: str, score: float, **given: Any) -> Passage:
    source = make_source(kind="search", url=f"{SHOP}/{path}", **given)
    return make_passage("searched", score=score, similarity=None, covered=1.0, source=source)


def told(passages: tuple[Passage, ...]) -> list[tuple[str, str, float]]:
    return [(one.text, one.source.url.removeprefix(f"{SHOP}/"), one.score) for one in passages]


def test_where_search_found_nothing_nothing_changes() -> None:
    passages = [indexed("b/", 0.1), indexed("a/", 0.5)] * MOST_MERGED
    assert merge(passages) == tuple(passages)


def test_a_page_that_both_found_counts_twice_with_the_text_of_the_index() -> None:
    merged = merge([indexed("a/", 0.4), indexed("b/#x", 0.25), searched("B", 0.25)])
    assert told(merged) == [("indexed", "b/#x", 0.5), ("indexed", "a/", 0.4)]


def test_a_page_that_search_alone_knows_stands_for_itself() -> None:
    merged = merge([indexed("a/", 0.1), searched("new/", 0.25)])
    assert told(merged) == [("searched", "new/", 0.25), ("indexed", "a/", 0.1)]


def test_the_same_path_of_another_entity_is_another_page() -> None:
    other = make_source().entity_ref.parse("component:default/cart")
    merged = merge([indexed("a/", 0.1), searched("a/", 0.25, entity_ref=other)])
    assert [one.text for one in merged] == ["searched", "indexed"]


def test_equals_are_ordered_by_their_pages() -> None:
    passages = [searched("c/", 0.2), indexed("b/", 0.2), searched("a/", 0.2)]
    assert [url for _, url, _ in told(merge(passages))] == ["a/", "b/", "c/"]


PATHS = st.sampled_from(["a/", "b/", "c/#x", "c/", "d/", "e/", "f/", "g/"])
SCORES = st.sampled_from([0.1, 0.2, 0.3])


@given(
    st.lists(st.builds(indexed, PATHS, SCORES), max_size=4),
    st.lists(st.builds(searched, PATHS, SCORES), min_size=1, max_size=10),
)
def test_merging_loses_nothing_better_than_what_it_keeps(
    by_index: list[Passage], by_search: list[Passage]
) -> None:
    merged = merge([*by_index, *by_search])
    scores = [one.score for one in merged]
    assert scores == sorted(scores, reverse=True)
    assert len(merged) <= MOST_MERGED
    assert {one.text for one in merged} <= {"indexed", "searched"}
    if len(merged) < MOST_MERGED:
        assert sum(one.text == "indexed" for one in merged) == len(by_index)
