"""A document's chunks follow its headings and lose nothing."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chunking import LIMIT, LONGEST_WHOLE, TARGET, split
from portal_rag.corpus.documents import Block, Document, Section
from tests.indexer.building import make_block, make_document, make_section

WORDS = st.text(alphabet="abcdefg.!? \n", min_size=1, max_size=3_000).filter(str.strip)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(["text", "code", "table"]),
    text=WORDS | st.text(alphabet="xy\n", min_size=1, max_size=9_000).filter(str.strip),
)
SECTIONS = st.builds(
    Section,
    title=st.text(alphabet="HIJK ", max_size=40).map(str.strip),
    level=st.integers(min_value=1, max_value=6),
    anchor=st.text(alphabet="lmno-", max_size=10),
    blocks=st.lists(BLOCKS, max_size=4).map(tuple),
)
DOCUMENTS = st.lists(SECTIONS, max_size=6).map(
    lambda sections: make_document(*sections) if sections else make_document()
)


def letters(text: str) -> str:
    return re.sub(r"\s|[HIJK>]", "", text)


def texts_of(document: Document) -> list[str]:
    return [chunk.text for chunk in split(document)]


@given(DOCUMENTS)
def test_no_text_is_lost_and_its_order_is_kept(document: Document) -> None:
    written = "".join(block.text for section in document.sections for block in section.blocks)
    # Titles are drawn from other letters than texts, so what remains is the text alone.
    assert letters("".join(texts_of(document))) == letters(written)


@given(DOCUMENTS)
def test_only_whole_code_and_tables_exceed_the_limit(document: Document) -> None:
    whole = {
        block.text.strip()
        for section in document.sections
        for block in section.blocks
        if block.kind != "text" and len(block.text) <= LONGEST_WHOLE
    }
    for text in texts_of(document):
        assert len(text) <= LIMIT or text.strip() in whole


@given(DOCUMENTS)
def test_chunks_are_numbered_from_zero_and_the_same_every_time(document: Document) -> None:
    chunks = split(document)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert split(document) == chunks
    assert all(chunk.text.strip() for chunk in chunks)


@given(DOCUMENTS)
def test_a_title_path_never_says_the_same_twice_in_a_row(document: Document) -> None:
    for chunk in split(document):
        assert all(before != after for before, after in pairwise(chunk.title_path))


def test_a_chunk_carries_what_its_document_is() -> None:
    document = make_document()
    [chunk] = split(document)
    assert (chunk.source, chunk.document_path, chunk.url) == (
        document.source,
        document.path,
        document.url,
    )
    assert (chunk.entity_ref, chunk.resource_ref) == (document.entity_ref, document.resource_ref)
    assert (chunk.kind, chunk.modified_at) == (document.kind, document.modified_at)


def test_small_sections_of_a_page_share_a_chunk_that_keeps_their_headings() -> None:
    document = make_document(
        make_section("Roll back", "Use this page after a bad release.", level=1, anchor=""),
        make_section("With Argo CD", "Press rollback."),
        make_section("By hand", "Deploy the old tag."),
    )
    [chunk] = split(document)
    assert chunk.title_path == ("Shop", "Roll back")
    assert chunk.text == (
        "Use this page after a bad release.\n\n"
        "With Argo CD\nPress rollback.\n\n"
        "By hand\nDeploy the old tag."
    )
    assert chunk.anchor == ""


def test_a_section_that_does_not_fit_starts_its_own_chunk_with_its_own_anchor() -> None:
    long = "Word. " * (TARGET // 6 - 20)
    document = make_document(
        make_section("Roll back", "Intro. " * 30, level=1, anchor=""),
        make_section("With Argo CD", long),
    )
    first, second = split(document)
    assert (first.title_path, first.anchor) == (("Shop", "Roll back"), "")
    assert second.title_path == ("Shop", "Roll back", "With Argo CD")
    assert second.anchor == "with-argo-cd"
    assert second.text == long


def test_headings_nest_by_their_level() -> None:
    filler = "Word. " * 150
    document = make_document(
        make_section("Roll back", level=1, anchor=""),
        make_section("Production", filler, level=2),
        make_section("Europe", filler, level=3),
        make_section("Staging", filler, level=2),
    )
    assert [chunk.title_path[2:] for chunk in split(document)] == [
        ("Production",),
        ("Production", "Europe"),
        ("Staging",),
    ]


def test_merged_nested_sections_name_the_whole_way_below_what_they_share() -> None:
    document = make_document(
        make_section("Production", "One.", level=2),
        make_section("Europe", "Two.", level=3),
    )
    [chunk] = split(document)
    assert chunk.title_path == ("Shop", "Roll back", "Production")
    assert chunk.text == "One.\n\nEurope\nTwo."


def test_a_long_code_block_stays_whole() -> None:
    code = "\n".join(f"line {number}" for number in range(300))
    assert LIMIT < len(code) < LONGEST_WHOLE
    section = Section(title="Run", level=2, anchor="run", blocks=(make_block(code, "code"),))
    assert texts_of(make_document(section)) == [code]


def test_an_enormous_table_is_split_between_its_rows() -> None:
    rows = [f"row {number} | value" for number in range(400)]
    table = make_block("\n".join(rows), "table")
    texts = texts_of(make_document(Section(title="T", level=2, anchor="t", blocks=(table,))))
    assert len(texts) > 1
    assert "\n".join(texts).split("\n") == rows


def test_a_long_paragraph_is_split_between_its_sentences() -> None:
    sentences = [f"This is sentence number {number}." for number in range(100)]
    texts = texts_of(make_document(make_section("Long", " ".join(sentences))))
    assert len(texts) > 1
    assert all(text.endswith(".") for text in texts)


@pytest.mark.parametrize("text", ["x" * 5_000, "word " * 1_000])
def test_a_text_without_sentences_is_split_all_the_same(text: str) -> None:
    texts = texts_of(make_document(make_section("Long", text)))
    assert letters("".join(texts)) == letters(text)
    assert max(map(len, texts)) <= LIMIT


def test_a_page_of_headings_alone_has_no_chunks() -> None:
    assert texts_of(make_document(make_section("Roll back", level=1), make_section("Later"))) == []


def test_a_document_of_very_many_sections_is_split_in_one_pass() -> None:
    document = make_document(*[make_section("h", "b", anchor="")] * 100_000)
    assert sum(chunk.text.count("b") for chunk in split(document)) == 100_000
