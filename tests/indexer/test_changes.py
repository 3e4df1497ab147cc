"""What a run has to do follows from what it saw and what is stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from indexer.changes import Comparison, regoverned
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import StoredMark
from tests.factories import make_chunk

PART = "files/techdocs"


def mark(chunk: Chunk) -> StoredMark:
    return StoredMark(
        document_path=chunk.document_path,
        resource_ref=str(chunk.resource_ref),
        content_hash=chunk.content_hash,
        metadata_hash=chunk.metadata_hash,
        visibility_hash="1",
    )


def stored(*chunks: Chunk) -> dict[str, StoredMark]:
    return {chunk.id: mark(chunk) for chunk in chunks}


class Compared:
    """What came of a comparison: the changes, and the new texts of all documents."""

    def __init__(
        self,
        seen: Iterable[Chunk],
        held: Mapping[str, StoredMark],
        *,
        was_unread: Callable[[str], bool],
        kept: Sequence[str] = (),
    ) -> None:
        comparison = Comparison({PART: held})
        documents: dict[str, list[Chunk]] = {}
        for chunk in seen:
            documents.setdefault(chunk.document_path, []).append(chunk)
        new = [comparison.see(PART, path, chunks) for path, chunks in documents.items()]
        for scope in kept:
            comparison.keep(scope)
        self.changes = comparison.changes(was_unread=was_unread)
        self.to_embed = tuple(chunk for each in new for chunk in each.chunks)
        self.deleted = {*self.changes.gone_ids, *(key for each in new for key in each.trimmed)}
        assert self.changes.embedded == len(self.to_embed)
        assert self.deleted == self.changes.gone_ids | self.changes.trimmed


def nothing_unread(_path: str) -> bool:
    return False


def everything_unread(_path: str) -> bool:
    return True


def test_a_chunk_that_was_never_stored_is_embedded() -> None:
    chunk = make_chunk()
    assert Compared([chunk], {}, was_unread=nothing_unread).to_embed == (chunk,)


def test_a_chunk_with_another_text_is_embedded() -> None:
    chunk = make_chunk("New text.")
    found = Compared([chunk], stored(make_chunk("Old text.")), was_unread=nothing_unread)
    assert found.to_embed == (chunk,)
    assert found.deleted == set()


def test_a_chunk_whose_text_stayed_is_only_rewritten() -> None:
    before = make_chunk()
    chunk = replace(before, url="https://portal.example/elsewhere")
    found = Compared([chunk], stored(before), was_unread=nothing_unread)
    assert (found.to_embed, found.changes.to_rewrite) == ((), (chunk,))


def test_a_change_of_text_and_metadata_needs_no_separate_rewrite() -> None:
    before = make_chunk("Old text.")
    chunk = replace(before, text="New text.", url="https://portal.example/elsewhere")
    found = Compared([chunk], stored(before), was_unread=nothing_unread)
    assert (found.to_embed, found.changes.to_rewrite) == ((chunk,), ())


def test_what_was_not_seen_is_deleted() -> None:
    gone = make_chunk(page="old/")
    found = Compared([make_chunk()], stored(make_chunk(), gone), was_unread=nothing_unread)
    assert found.deleted == {gone.id}
    assert found.changes.unchanged == 1


def test_what_could_not_be_read_is_kept() -> None:
    broken, gone = make_chunk(page="broken/"), make_chunk(page="gone/")
    found = Compared([], stored(broken, gone), was_unread=lambda path: path == broken.document_path)
    assert found.deleted == {gone.id}


def test_a_document_that_was_read_loses_its_tail_even_when_others_could_not_be_read() -> None:
    head, tail = make_chunk(ordinal=0), make_chunk(ordinal=1)
    found = Compared([head], stored(head, tail), was_unread=everything_unread)
    assert found.deleted == {tail.id}


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_after_the_changes_the_store_holds_what_was_seen_and_what_was_not_read(
    seen: set[int], known: set[int], unread: set[int]
) -> None:
    chunks = {number: make_chunk(page=f"{number}/") for number in range(31)}
    unread_paths = {chunks[number].document_path for number in unread}
    before = stored(*(chunks[number] for number in known))
    found = Compared(
        [chunks[number] for number in seen], before, was_unread=unread_paths.__contains__
    )
    after = (set(before) | {chunk.id for chunk in found.to_embed}) - found.deleted
    assert after == {chunks[number].id for number in seen | (known & unread)}
    assert found.changes.is_nothing == (set(before) == after)


def test_what_a_source_keeps_is_unchanged_without_being_seen() -> None:
    kept, gone = make_chunk(), make_chunk(entity="component:default/cart")
    found = Compared(
        [], stored(kept, gone), was_unread=nothing_unread, kept=["component:default/shop/"]
    )
    assert found.deleted == {gone.id}
    assert found.changes.unchanged == 1


def test_a_kept_scope_ends_at_a_whole_name() -> None:
    other = make_chunk(entity="component:default/shop2")
    found = Compared([], stored(other), was_unread=nothing_unread, kept=["component:default/shop/"])
    assert found.deleted == {other.id}


def test_a_new_governing_entity_is_narrowing_and_withdraws_a_text_that_changed_too() -> None:
    text, metadata = make_chunk("Old text."), make_chunk(ordinal=1)
    secret = make_chunk(resource="component:default/secret").resource_ref
    seen = [
        replace(text, text="New text.", resource_ref=secret),
        replace(metadata, resource_ref=secret),
    ]
    found = Compared(seen, stored(text, metadata), was_unread=nothing_unread)
    assert found.changes.narrows
    assert found.changes.to_withdraw == (text.id,)
    assert found.changes.to_rewrite == (seen[1],)
    assert found.changes.moved_to == {secret}
    assert not Compared([text], stored(text), was_unread=nothing_unread).changes.narrows


def test_chunks_that_say_something_else_of_their_entity_are_counted() -> None:
    marks = stored(make_chunk(), make_chunk(ordinal=1), make_chunk(entity="api:default/x")).values()
    assert regoverned(marks, {"component:default/shop": "2", "api:default/x": "1"}) == {
        "component:default/shop": 2
    }
    assert regoverned(marks, {}) == {}
    changes = Compared([make_chunk()], stored(make_chunk()), was_unread=nothing_unread).changes
    assert (changes.is_nothing, changes.narrows) == (True, False)
    governed = replace(changes, regoverned={"component:default/shop": 2})
    assert (governed.is_nothing, governed.narrows) == (False, True)
