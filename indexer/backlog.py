"""New texts on their way into the index: embedded while the sources are still being read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Self

import anyio.lowlevel
import anyio.to_thread

from indexer.changes import NewTexts
from indexer.spooling import Spool
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.store import EmbeddedChunk, EmbeddedDocument

WINDOW = 256
"""So many chunks are sorted by length: a batch takes as long as its longest text."""
BATCH = 64


class Backlog:
    """Takes documents as they are read, and gives them embedded, in the same order.

    Both wait on disk; memory holds one window. What is embedded is not yet stored: that is for the
    caller, once all is done that has to come first. The windows do not depend on who is faster, so
    the same documents always give the same vectors.
    """

    def __init__(self, embedder: Embedder, *, seconds: Callable[[], float]) -> None:
        self._embedder = embedder
        self._seconds = seconds
        self._files = ExitStack()
        self._texts: Spool[NewTexts] = self._files.enter_context(Spool())
        self._embedded: Spool[EmbeddedDocument] = self._files.enter_context(Spool())
        self._arrived, self._advanced = asyncio.Event(), asyncio.Event()
        self._is_complete = False
        self._waiting_chunks = 0
        self.chunks = 0
        self.embedding_seconds = 0.0

    async def __aenter__(self) -> Self:
        self._embedding = asyncio.create_task(self._embed_all())
        self._embedding.add_done_callback(lambda _: self._advanced.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._embedding.cancel()
        await asyncio.wait({self._embedding})
        self._files.close()

    async def put(self, texts: NewTexts) -> None:
        """Add what is new of a document.

        Raises:
            UpstreamError: the temporary folder is full.
        """
        if texts.chunks or texts.trimmed:
            self._texts.put(texts)
            self.chunks += len(texts.chunks)
            self._waiting_chunks += len(texts.chunks)
            self._arrived.set()
        await anyio.lowlevel.checkpoint()

    def complete(self) -> None:
        """Say that nothing more will come."""
        self._is_complete = True
        self._arrived.set()

    async def documents(self) -> AsyncIterator[EmbeddedDocument]:
        """Give the documents of a completed backlog; what went wrong in between is raised here."""
        while True:
            self._advanced.clear()
            while self._embedded:
                yield self._embedded.take()
            if self._embedding.done():
                break
            await self._advanced.wait()
        await self._embedding

    async def _embed_all(self) -> None:
        while not (self._is_complete and not self._texts):
            if self._is_complete or self._waiting_chunks >= WINDOW:
                await self._embed_window()
            else:
                self._arrived.clear()
                await self._arrived.wait()

    async def _embed_window(self) -> None:
        window = self._next_window()
        chunks = [chunk for document in window for chunk in document.chunks]
        self._waiting_chunks -= len(chunks)
        embedded = iter(await self._embed_by_length(chunks))
        for document in window:
            self._embedded.put(
                EmbeddedDocument(
                    chunks=tuple(islice(embedded, len(document.chunks))), trimmed=document.trimmed
                )
            )
        self._advanced.set()

    def _next_window(self) -> list[NewTexts]:
        window, size = [], 0
        while self._texts and size < WINDOW:
            window.append(self._texts.take())
            size += len(window[-1].chunks)
        return window

    async def _embed_by_length(self, chunks: Sequence[Chunk]) -> list[EmbeddedChunk]:
        """Embed the longest first, each batch in a thread; gives them in the order given."""
        order = sorted(range(len(chunks)), key=lambda place: -len(chunks[place].text))
        embedded: dict[int, EmbeddedChunk] = {}
        for places in _batches(order):
            batch = [chunks[place] for place in places]
            started = self._seconds()
            made = await anyio.to_thread.run_sync(_embed, self._embedder, batch)
            self.embedding_seconds += self._seconds() - started
            embedded.update(zip(places, made, strict=True))
        return [embedded[place] for place in range(len(chunks))]


def _embed(embedder: Embedder, chunks: Sequence[Chunk]) -> list[EmbeddedChunk]:
    vectors = embedder.embed_documents([chunk.embedded_text for chunk in chunks])
    return [
        EmbeddedChunk(chunk=chunk, dense=dense, lexical=document_terms(chunk.embedded_text))
        for chunk, dense in zip(chunks, vectors, strict=True)
    ]


def _batches(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), BATCH):
        yield places[start : start + BATCH]
