"""Writes what changed: who may see it and where it is first, then new text."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
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
    governed: Callable[[EntityRef], PredicateHashes],
    written: Callable[[int], None],
) -> None:
    """Write documents as they come, each of them in one step; `written` is told chunks.

    `governed` says what is known of the entity that governs a chunk.
    """
    waiting: list[EmbeddedDocument] = []
    async for document in documents:
        waiting.append(document)
        if sum(len(each.chunks) for each in waiting) >= CHUNKS_AT_ONCE:
            written(await _write(writer, waiting, run, governed))
            waiting = []
    if waiting:
        written(await _write(writer, waiting, run, governed))


async def _write(
    writer: IndexWriter,
    documents: Sequence[EmbeddedDocument],
    run: Run,
    governed: Callable[[EntityRef], PredicateHashes],
) -> int:
    chunks = [
        replace(item, predicates=governed(item.chunk.resource_ref))
        for document in documents
        for item in document.chunks
    ]
    trimmed = [chunk_id for document in documents for chunk_id in document.trimmed]
    await writer.upsert(chunks, run=run, trimmed=trimmed)
    return len(chunks)
