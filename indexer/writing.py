"""Writes what changed: who may see it and where it is first, then new text."""

from collections.abc import AsyncIterator, Callable, Sequence

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import EmbeddedDocument, IndexWriter, Run

CHUNKS_AT_ONCE = 64


async def rewrite_metadata(writer: IndexWriter, chunks: Sequence[Chunk], *, run: Run) -> None:
    """Bring what stands beside the texts up to date, without embedding anything."""
    for start in range(0, len(chunks), CHUNKS_AT_ONCE):
        await writer.rewrite_metadata(chunks[start : start + CHUNKS_AT_ONCE], run=run)


async def write_texts(
    writer: IndexWriter,
    documents: AsyncIterator[EmbeddedDocument],
    *,
    run: Run,
    written: Callable[[int], None],
) -> None:
    """Write documents as they come, each of them in one step; `written` is told chunks."""
    waiting: list[EmbeddedDocument] = []
    async for document in documents:
        waiting.append(document)
        if sum(len(each.chunks) for each in waiting) >= CHUNKS_AT_ONCE:
            await _write(writer, waiting, run, written)
            waiting = []
    await _write(writer, waiting, run, written)


async def _write(
    writer: IndexWriter,
    documents: Sequence[EmbeddedDocument],
    run: Run,
    written: Callable[[int], None],
) -> None:
    if documents:
        chunks = [chunk for document in documents for chunk in document.chunks]
        trimmed = [chunk_id for document in documents for chunk_id in document.trimmed]
        await writer.upsert(chunks, run=run, trimmed=trimmed)
        written(len(chunks))
