"""Removes what is gone from the sources that could be read, unless it is suspiciously much."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.changes import Changes, Loss
from portal_rag.corpus.store import Content, IndexWriter
from portal_rag.errors import UpstreamError

FEW_DOCUMENTS = 10
"""Losing no more than so many is never suspicious."""
CHUNKS_AT_ONCE = 1_000
_NOTHING = Content(documents=0, chunks=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MassDeleteGuard:
    """Refuses to delete more than `share` of the documents of one part of a source."""

    share: float = 0.2
    is_lifted: bool = False

    def allows(self, documents: int, *, of_documents: int) -> bool:
        """Say whether so many may be deleted unasked."""
        return (
            self.is_lifted or documents <= FEW_DOCUMENTS or documents <= self.share * of_documents
        )

    def check(self, changes: Changes) -> Changes:
        """Move what may not be deleted from `gone` to `refused`."""
        return replace(
            changes,
            gone=tuple(loss for loss in changes.gone if self._allows(loss)),
            refused=tuple(loss for loss in changes.gone if not self._allows(loss)),
        )

    def check_rebuilt(self, before: Mapping[str, Content], after: Mapping[str, Content]) -> None:
        """Compare an index that was started over with the one that it is to replace.

        Raises:
            UpstreamError: too many documents of a part are missing in the new one.
        """
        for part, held in sorted(before.items()):
            lost = held.documents - after.get(part, _NOTHING).documents
            if not self.allows(lost, of_documents=held.documents):
                raise UpstreamError("index", _explained(part, lost, held.documents))

    def _allows(self, loss: Loss) -> bool:
        return self.allows(loss.documents, of_documents=loss.of_documents)


def explain(loss: Loss) -> str:
    """Say what was refused, and what to do."""
    return _explained(loss.part, loss.documents, loss.of_documents)


async def prune(writer: IndexWriter, losses: Iterable[Loss]) -> None:
    """Delete these documents, each of them in one step."""
    waiting: list[str] = []
    for ids in (each for loss in losses for each in loss.chunk_ids.values()):
        if waiting and len(waiting) + len(ids) > CHUNKS_AT_ONCE:
            await writer.delete(waiting)
            waiting = []
        waiting += ids
    await withdraw(writer, waiting)


async def withdraw(writer: IndexWriter, chunk_ids: Sequence[str]) -> None:
    """Delete these chunks; an empty list asks the store for nothing."""
    if chunk_ids:
        await writer.delete(chunk_ids)


def _explained(part: str, lost: int, of_documents: int) -> str:
    return (
        f"{part} would lose {lost} of {of_documents} documents; they were kept."
        " If they are really gone, run again with --allow-mass-delete"
    )
