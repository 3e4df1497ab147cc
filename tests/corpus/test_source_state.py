"""What is left to the next run comes back as it was, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.source_state import from_json, pack, to_json, unpack

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(texts, st.dictionaries(texts, texts)))
def test_a_state_comes_back(state: dict[str, dict[str, str]]) -> None:
    assert from_json(to_json(state)) == state
    assert unpack(pack(state)) == state


@pytest.mark.parametrize("damaged", [None, 7, "", "?", "AAAA", "eJw="])
def test_a_damaged_state_is_empty(damaged: object) -> None:
    assert unpack(damaged) == {}


def test_a_file_with_something_else_is_empty() -> None:
    assert from_json(b"[1]") == {}
