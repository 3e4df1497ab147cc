"""A collection in the product's own engine, asked by meaning, by words, or by both as it does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from evals.remembered_vectors import Matrix, RememberedVectors
from evals.retrieval_bench.collections import Asked, Collection
from portal_rag.corpus.constraints import Everything
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_shard import Shard
from portal_rag.corpus.lexical import document_terms, query_terms
from portal_rag.corpus.store import DenseVector, EmbeddedChunk, Hit, Run, SparseVector
from portal_rag.evidence.choosing import MOST_PASSAGES, choose
from portal_rag.evidence.excerpting import window
from portal_rag.evidence.passages import ROUNDS
from portal_rag.evidence.ranking import Candidate, fuse

DEPTH = ROUNDS[0]
_RUN = Run(id="measuring", started_at=datetime(2026, 1, 1, tzinfo=UTC))
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The first few excerpts as a reader would get them: their pages, and their total length."""

    pages: tuple[str, ...]
    characters: int


@dataclass(frozen=True, slots=True)
class Engine:
    """Ranks the chunks of one collection for one of its questions."""

    shard: Shard

    def by_meaning(self, vector: DenseVector) -> list[Hit]:
        return self._search(vector)

    def by_words(self, question: Asked) -> list[Hit]:
        terms = query_terms(question.text)
        return self._search(terms) if terms.indices else []

    def by_both(self, question: Asked, vector: DenseVector) -> list[Candidate]:
        """Rank as the service does for a question about no entity and no kind of document."""
        return fuse(
            self.by_meaning(vector),
            self.by_words(question),
            about=frozenset(),
            kinds=frozenset(),
        )

    def _search(self, vector: DenseVector | SparseVector) -> list[Hit]:
        every = Everything()
        return self.shard.search(vector, among=every, counted=every, limit=DEPTH)


@contextmanager
def open_engine(
    collection: Collection, vectors: RememberedVectors, text_of: Callable[[Chunk], str]
) -> Iterator[Engine]:
    """Put a collection into an engine of its own; `text_of` is embedded and matched."""
    texts = [text_of(chunk) for chunk in collection.chunks]
    dense = vectors.of_documents(texts)
    with TemporaryDirectory(prefix="portal-rag-") as folder:
        shard = Shard.create(Path(folder) / "shard", dimensions=dense.shape[1])
        try:
            _fill(shard, collection.chunks, texts, dense)
            yield Engine(shard)
        finally:
            shard.close()


def _fill(shard: Shard, chunks: Sequence[Chunk], texts: Sequence[str], dense: Matrix) -> None:
    for start in range(0, len(chunks), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(chunks)))
        shard.upsert(
            [
                EmbeddedChunk(
                    chunk=chunks[at],
                    dense=DenseVector(tuple(dense[at].tolist())),
                    lexical=document_terms(texts[at]),
                )
                for at in part
            ],
            _RUN,
        )


def pages_of(chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """Name the pages in the order in which their first chunk comes."""
    return tuple(dict.fromkeys(chunk.document_path for chunk in chunks))


def chunks_of(ranking: Sequence[Hit] | Sequence[Candidate]) -> list[Chunk]:
    """Give the chunks of a ranking in its order."""
    return [each.stored.chunk for each in ranking]


def first_shown(chunks: Sequence[Chunk]) -> Shown:
    """Show the first passages as they are, several of one page if they rank so."""
    first = chunks[:MOST_PASSAGES]
    return Shown(pages=pages_of(first), characters=sum(len(chunk.text) for chunk in first))


def chosen_shown(question: Asked, candidates: Sequence[Candidate], *, longest: int) -> Shown:
    """Show what the service would, none of it longer than `longest`."""
    excerpts = choose(candidates)
    asked = query_terms(question.text).indices
    texts = [
        window(each.text, asked, length=longest, terms=lambda line: query_terms(line).indices)
        for each in excerpts
    ]
    return Shown(
        pages=pages_of([each.best.stored.chunk for each in excerpts]),
        characters=sum(map(len, texts)),
    )
