"""A question is embedded once, as long as it is among the last that were asked."""

from concurrent.futures import ThreadPoolExecutor

from portal_rag.corpus.remembering_embedder import RememberingEmbedder
from portal_rag.corpus.store import DenseVector
from tests.fakes.embedding import HashingEmbedder


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_query(self, text: str) -> DenseVector:
        self.asked.append(text)
        return super().embed_query(text)


def test_the_same_question_is_embedded_once() -> None:
    counting = Counting()
    embedder = RememberingEmbedder(counting)
    assert (
        embedder.embed_query("a") == embedder.embed_query("a") == HashingEmbedder().embed_query("a")
    )
    assert counting.asked == ["a"]


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    counting = Counting()
    embedder = RememberingEmbedder(counting, most=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        embedder.embed_query(text)
    assert counting.asked == ["a", "b", "c", "b"]


def test_it_passes_for_the_embedder_that_it_remembers_for() -> None:
    plain, embedder = HashingEmbedder(), RememberingEmbedder(HashingEmbedder())
    assert embedder.fingerprint == plain.fingerprint
    assert embedder.dimensions == plain.dimensions
    assert embedder.embed_documents(["a", "b"]) == plain.embed_documents(["a", "b"])


def test_many_threads_may_ask_at_once() -> None:
    embedder = RememberingEmbedder(HashingEmbedder(), most=3)
    texts = [f"question {number % 7}" for number in range(500)]
    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(embedder.embed_query, texts))
    assert vectors == [HashingEmbedder().embed_query(text) for text in texts]
