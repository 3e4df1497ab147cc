"""What is shown of a long text stands in it, is short enough, and holds what was asked."""

from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.lexical import query_terms
from portal_rag.evidence.excerpting import window

TEXTS = st.lists(st.text(alphabet="abc drain.", max_size=60), max_size=30).map("\n".join)


def terms(text: str) -> tuple[int, ...]:
    return query_terms(text).indices


@given(TEXTS, st.integers(min_value=1, max_value=300))
def test_it_stands_in_the_text_and_is_short_enough(text: str, length: int) -> None:
    shown = window(text, terms("drain abc"), length=length, terms=terms)
    assert shown in text
    assert len(shown) <= length


def test_an_answer_deep_in_the_text_is_shown() -> None:
    lines = ["Nothing of note."] * 100 + ["Drain the broker first."] + ["Nothing else."] * 100
    shown = window("\n".join(lines), terms("drain broker"), length=200, terms=terms)
    assert "Drain the broker first." in shown
    assert 0 < len(shown) <= 200


def test_a_short_text_is_shown_whole() -> None:
    assert window("Drain.\nStop.", terms("stop"), length=50, terms=terms) == "Drain.\nStop."


def test_of_a_text_that_holds_nothing_asked_the_beginning_is_shown() -> None:
    text = "\n".join(f"line {number}" for number in range(100))
    assert window(text, terms("broker"), length=30, terms=terms).startswith("line 0")


def test_a_line_that_is_too_long_is_cut() -> None:
    assert window("drain" * 50, terms("drain"), length=20, terms=terms) == ("drain" * 50)[:20]
