"""Writes what changed: who may see it and where it is first, then new text."""

from collections.abc import Callable, Iterator, Sequence

import anyio.to_thread

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.store import EmbeddedChunk, IndexWriter, Run

BATCH = 64


async def rewrite_metadata(writer: IndexWriter, chunks: Sequence[Chunk], *, run: Run) -> None:
    """Bring what stands beside the texts up to date, without embedding anything."""
    for batch in _batches(chunks):
        await writer.rewrite_metadata(batch, run=run)


async def write_texts(
    writer: IndexWriter,
    embedder: Embedder,
    chunks: Sequence[Chunk],
    *,
    run: Run,
    written: Callable[[int], None],
) -> None:
    """Embed and write chunks in batches; `written` is told the size of each."""
    for batch in _batches(chunks):
        embedded = await anyio.to_thread.run_sync(_embed, embedder, batch)
        await writer.upsert(embedded, run=run)
        written(len(batch))


def _embed(embedder: Embedder, chunks: Sequence[Chunk]) -> list[EmbeddedChunk]:
    vectors = embedder.embed_documents([chunk.embedded_text for chunk in chunks])
    return [
        EmbeddedChunk(chunk=chunk, dense=dense, lexical=document_terms(chunk.embedded_text))
        for chunk, dense in zip(chunks, vectors, strict=True)
    ]


def _batches(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    for start in range(0, len(chunks), BATCH):
        yield chunks[start : start + BATCH]
