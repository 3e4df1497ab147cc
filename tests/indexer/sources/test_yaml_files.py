"""YAML is read as Backstage reads it, and never runs anything."""

import pytest

from indexer.sources.yaml_files import load_document, load_documents
from portal_rag.errors import InputError


def test_dates_and_yes_and_no_stay_text() -> None:
    text = "a: 2026-01-02\nb: on\nc: no\nd: true\ne: 010\nf: 12\ng: 1.5\nh: ~\ni: 1:30\nj: null\n"
    assert load_document(text) == {
        "a": "2026-01-02",
        "b": "on",
        "c": "no",
        "d": True,
        "e": "010",
        "f": 12,
        "g": 1.5,
        "h": None,
        "i": "1:30",
        "j": None,
    }


def test_documents_before_a_broken_one_are_read() -> None:
    documents = load_documents("a: 1\n---\nb: 2\n---\nc: [\n")
    assert [next(documents), next(documents)] == [{"a": 1}, {"b": 2}]
    with pytest.raises(InputError, match="line"):
        next(documents)


@pytest.mark.parametrize("text", ["{" * 3_000, "a: &a [*a", "\x00", "a: 'b", "- a: b\n c", "*x"])
def test_text_that_is_no_yaml_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(InputError):
        load_document(text)


def test_tags_of_programs_are_read_as_nothing() -> None:
    text = "a: !!python/name:os.system ls\nb: !ENV HOME\nc: !!python/object/apply:os.system [ls]\n"
    assert load_document(text) == {"a": None, "b": None, "c": None}


def test_a_catalog_file_may_not_hold_such_tags() -> None:
    with pytest.raises(InputError):
        next(load_documents("a: !!python/name:os.system ls\n"))
