"""New texts are embedded beside the reading, and come out whole and in order."""

import threading
from collections.abc import Sequence

import pytest

from indexer.backlog import BATCH, WINDOW, Backlog
from indexer.changes import NewTexts
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.store import DenseVector, EmbeddedDocument
from tests.factories import make_chunk
from tests.fakes.embedding import HashingEmbedder


class ListeningEmbedder(HashingEmbedder):
    """Notes the batches, and tells when the first has come."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.has_begun = threading.Event()
        self._fails = fails

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self.batches.append(list(texts))
        self.has_begun.set()
        if self._fails:
            raise MemoryError("no room for so many numbers")
        return super().embed_documents(texts)


def document(number: int, *texts: str, trimmed: Sequence[str] = ()) -> NewTexts:
    chunks = [
        make_chunk(text, page=f"{number}/", ordinal=ordinal) for ordinal, text in enumerate(texts)
    ]
    return NewTexts(chunks=tuple(chunks), trimmed=tuple(trimmed))


async def embedded(
    embedder: HashingEmbedder, documents: Sequence[NewTexts]
) -> list[EmbeddedDocument]:
    async with Backlog(embedder, seconds=lambda: 0.0) as backlog:
        for each in documents:
            await backlog.put(each)
        backlog.complete()
        return [each async for each in backlog.documents()]


async def test_documents_come_out_embedded_and_in_order_whatever_their_lengths() -> None:
    documents = [
        document(number, *("word " * ((7 * number + part) % 50) for part in range(number % 5)))
        for number in range(1, 3 * WINDOW // 2)
    ]
    embedder = ListeningEmbedder()
    made = await embedded(embedder, documents)
    with_texts = [each for each in documents if each.chunks]
    assert [tuple(item.chunk for item in each.chunks) for each in made] == [
        each.chunks for each in with_texts
    ]
    for item in (item for each in made for item in each.chunks):
        text = item.chunk.embedded_text
        assert item.dense == embedder.embed_query(text)
        assert item.lexical == document_terms(text)
    assert max(map(len, embedder.batches)) == BATCH


async def test_a_batch_holds_texts_of_similar_length() -> None:
    long, short = ["x" * 900] * BATCH, ["y"] * BATCH
    mixed = [text for pair in zip(long, short, strict=True) for text in pair]
    embedder = ListeningEmbedder()
    await embedded(embedder, [document(1, *mixed)])
    assert [{text[-1] for text in batch} for batch in embedder.batches] == [{"x"}, {"y"}]


async def test_embedding_begins_while_documents_are_still_put_in() -> None:
    embedder = ListeningEmbedder()
    async with Backlog(embedder, seconds=lambda: 0.0) as backlog:
        number = 0
        while not embedder.has_begun.is_set():
            number += 1
            assert number <= 50 * WINDOW
            await backlog.put(document(number, "text"))
        assert number >= WINDOW
        backlog.complete()
        assert len([each async for each in backlog.documents()]) == number == backlog.chunks


async def test_a_document_that_only_lost_its_end_comes_out_too() -> None:
    made = await embedded(ListeningEmbedder(), [document(1, trimmed=["a"]), document(2)])
    assert made == [EmbeddedDocument(chunks=(), trimmed=("a",))]


async def test_what_the_model_raises_is_raised_where_documents_are_taken() -> None:
    with pytest.raises(MemoryError):
        await embedded(ListeningEmbedder(fails=True), [document(1, "text")])


async def test_a_backlog_that_is_left_early_leaves_nothing_running() -> None:
    embedder = ListeningEmbedder()
    async with Backlog(embedder, seconds=lambda: 0.0) as backlog:
        for number in range(WINDOW):
            await backlog.put(document(number, "text"))
    batches = len(embedder.batches)
    await embedded(HashingEmbedder(), [document(1, "text")])
    assert len(embedder.batches) == batches


async def test_the_time_that_the_model_took_is_counted() -> None:
    ticks = iter(range(100))
    async with Backlog(HashingEmbedder(), seconds=lambda: next(ticks)) as backlog:
        await backlog.put(document(1, *["text"] * (BATCH + 1)))
        backlog.complete()
        assert [each async for each in backlog.documents()]
        assert backlog.embedding_seconds == 2
