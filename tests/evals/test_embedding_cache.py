from collections.abc import Sequence
from pathlib import Path

from evals.embedding_cache import CachingEmbedder
from portal_rag.corpus.store import DenseVector
from tests.fakes.embedding import HashingEmbedder


class CountingEmbedder(HashingEmbedder):
    def __init__(self, dimensions: int = 64) -> None:
        super().__init__(dimensions)
        self.asked: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self.asked += texts
        return [HashingEmbedder.embed_query(self, text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        self.asked.append(text)
        return super().embed_query(text)


def test_a_text_is_embedded_once_even_over_several_runs(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    with CachingEmbedder(embedder, tmp_path) as cache:
        first = cache.embed_documents(["one", "two", "one"])
        assert cache.embed_query("one") == cache.embed_query("one") == first[0]
    with CachingEmbedder(embedder, tmp_path) as cache:
        assert cache.embed_documents(["two", "one", "three"])[:2] == [first[1], first[0]]
    assert embedder.asked == ["one", "two", "one", "three"]


def test_another_model_has_vectors_of_its_own(tmp_path: Path) -> None:
    with CachingEmbedder(CountingEmbedder(64), tmp_path) as cache:
        cache.embed_query("one")
    with CachingEmbedder(CountingEmbedder(32), tmp_path) as cache:
        assert len(cache.embed_query("one").values) == cache.dimensions == 32
