"""What is gone is deleted, unless it is suspiciously much of a source."""

from pathlib import Path

import pytest

from indexer.changes import Changes, Loss
from indexer.pruning import CHUNKS_AT_ONCE, MassDeleteGuard, prune
from portal_rag.corpus.store import Content
from portal_rag.errors import UpstreamError
from tests.corpus.stores import RUN, EdgeFolder, embed
from tests.factories import make_chunk


def make_loss(documents: int, of_documents: int) -> Loss:
    chunk_ids = {f"shop/{number}/": (str(number),) for number in range(documents)}
    return Loss(part="x/y", of_documents=of_documents, chunk_ids=chunk_ids)


def make_changes(*gone: Loss) -> Changes:
    return Changes(
        embedded=0,
        added={},
        to_rewrite=(),
        to_withdraw=(),
        trimmed=frozenset(),
        gone=gone,
        unchanged=0,
        changes_hands=False,
    )


@pytest.mark.parametrize(
    ("documents", "of_documents", "allowed"),
    [(10, 10, True), (11, 55, True), (11, 54, False), (48, 50, False), (48, 240, True)],
)
def test_more_than_ten_documents_and_a_fifth_are_refused(
    documents: int, of_documents: int, allowed: bool
) -> None:
    guard = MassDeleteGuard()
    assert guard.allows(documents, of_documents=of_documents) is allowed
    assert MassDeleteGuard(is_lifted=True).allows(documents, of_documents=of_documents)


def test_the_share_can_be_set() -> None:
    assert MassDeleteGuard(share=1.0).allows(50, of_documents=50)
    assert not MassDeleteGuard(share=0.01).allows(11, of_documents=1_000)


def test_one_part_is_refused_without_the_others() -> None:
    few, many = make_loss(1, 50), make_loss(48, 50)
    checked = MassDeleteGuard().check(make_changes(few, many))
    assert (checked.gone, checked.refused) == ((few,), (many,))


@pytest.mark.parametrize("after", [{}, {"x/y": Content(documents=79, chunks=300)}])
def test_an_index_that_was_started_over_may_not_lose_much_either(
    after: dict[str, Content],
) -> None:
    before = {"x/y": Content(documents=100, chunks=100)}
    with pytest.raises(UpstreamError, match=r"x/y would lose (21|100) of 100 documents"):
        MassDeleteGuard().check_rebuilt(before, after)
    MassDeleteGuard(is_lifted=True).check_rebuilt(before, after)


def test_an_index_that_was_started_over_may_be_a_little_smaller_and_hold_other_parts() -> None:
    before = {"x/y": Content(documents=100, chunks=100)}
    after = {"x/y": Content(documents=80, chunks=1), "z": Content(documents=1, chunks=1)}
    MassDeleteGuard().check_rebuilt(before, after)


async def test_all_of_many_documents_are_deleted(tmp_path: Path) -> None:
    writer = await EdgeFolder(tmp_path / "index").writer()
    chunks = [make_chunk(f"text {n}", ordinal=n) for n in range(CHUNKS_AT_ONCE + 2)]
    kept = make_chunk(page="kept/")
    await writer.upsert(embed(*chunks, kept), run=RUN)
    ids = [chunk.id for chunk in chunks]
    lost = {"a": tuple(ids[:2]), "b": tuple(ids[2:]), "c": ()}
    await prune(writer, [Loss(part="x/y", of_documents=3, chunk_ids=lost)])
    assert set(await writer.stored(kept.source)) == {kept.id}
    await writer.close()
