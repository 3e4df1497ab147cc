"""Removes what is gone from the sources that could be read, unless it is suspiciously much."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.changes import Changes, Loss
from portal_rag.corpus.store import IndexWriter

FEW_DOCUMENTS = 10
"""Losing no more than so many is never suspicious."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MassDeleteGuard:
    """Refuses to delete more than `share` of the documents of one part of a source."""

    share: float = 0.2
    is_lifted: bool = False

    def allows(self, loss: Loss) -> bool:
        return (
            self.is_lifted
            or loss.documents <= FEW_DOCUMENTS
            or loss.documents <= self.share * loss.of_documents
        )

    def check(self, changes: Changes) -> Changes:
        """Move what may not be deleted from `gone` to `refused`."""
        return replace(
            changes,
            gone=tuple(loss for loss in changes.gone if self.allows(loss)),
            refused=tuple(loss for loss in changes.gone if not self.allows(loss)),
        )


def explain(loss: Loss) -> str:
    """Say what was refused, and what to do."""
    return (
        f"{loss.part} would lose {loss.documents} of {loss.of_documents} documents; they were kept."
        " If they are really gone, run again with --allow-mass-delete"
    )


async def prune(writer: IndexWriter, chunk_ids: Sequence[str]) -> None:
    """Delete these chunks; an empty list asks the store for nothing."""
    if chunk_ids:
        await writer.delete(chunk_ids)
