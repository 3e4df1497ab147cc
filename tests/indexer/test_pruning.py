"""What is gone is deleted, unless it is suspiciously much of a source."""

import pytest

from indexer.changes import Changes, Loss
from indexer.pruning import MassDeleteGuard


def make_loss(documents: int, of_documents: int) -> Loss:
    return Loss(part="x/y", documents=documents, of_documents=of_documents, chunk_ids=("1",))


@pytest.mark.parametrize(
    ("documents", "of_documents", "allowed"),
    [(10, 10, True), (11, 55, True), (11, 54, False), (48, 50, False), (48, 240, True)],
)
def test_more_than_ten_documents_and_a_fifth_are_refused(
    documents: int, of_documents: int, allowed: bool
) -> None:
    loss = make_loss(documents, of_documents)
    assert MassDeleteGuard().allows(loss) is allowed
    assert MassDeleteGuard(is_lifted=True).allows(loss)


def test_the_share_can_be_set() -> None:
    assert MassDeleteGuard(share=1.0).allows(make_loss(50, 50))
    assert not MassDeleteGuard(share=0.01).allows(make_loss(11, 1_000))


def test_one_part_is_refused_without_the_others() -> None:
    few, many = make_loss(1, 50), make_loss(48, 50)
    changes = Changes(
        to_embed=(),
        to_rewrite=(),
        to_withdraw=(),
        to_trim=(),
        gone=(few, many),
        unchanged=0,
        changes_hands=False,
    )
    checked = MassDeleteGuard().check(changes)
    assert (checked.gone, checked.refused) == ((few,), (many,))
