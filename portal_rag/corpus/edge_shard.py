"""Qdrant Edge: the engine of the server, in this process, over one folder.

The engine keeps Python's interpreter lock while it works, so a thread would free nobody: calls
are made directly. It raises bare `Exception`; this module is where those are translated.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self, assert_never

import qdrant_edge as edge

from portal_rag.corpus.constraints import AnyOf, Filterable
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_filter import narrowing, to_filter
from portal_rag.corpus.edge_generations import copy_sparsely
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
from portal_rag.corpus.schema import (
    DENSE,
    INDEXED_KEYS,
    LEXICAL,
    MARK_KEYS,
    from_payload,
    to_governance,
    to_mark,
    to_metadata,
    to_payload,
)
from portal_rag.corpus.selection import RESOURCE_REF, SOURCE
from portal_rag.corpus.store import (
    DenseVector,
    EmbeddedChunk,
    Hit,
    Run,
    SparseVector,
    StoredMark,
)
from portal_rag.errors import IndexUnavailableError, UpstreamError

_PAGE = 1000


class Shard:
    """An open folder of points.

    Nothing is lasting before `finish`. There is no write-ahead log, so any number of processes
    may have the same folder open, and nothing but the writer's lock stops two from writing.
    """

    def __init__(self, engine: edge.EdgeShard, *, private: ExitStack | None = None) -> None:
        self._engine = engine
        self._private = private or ExitStack()

    @classmethod
    def create(cls, folder: Path, *, dimensions: int) -> Self:
        """Make an empty shard; its keyword indexes must be there before the first point."""
        folder.mkdir()
        with _engine_errors():
            engine = edge.EdgeShard.create(str(folder), _configuration(dimensions))
            for key in INDEXED_KEYS:
                engine.update(
                    edge.UpdateOperation.create_field_index(key, edge.PayloadSchemaType.Keyword)
                )
        return cls(engine)

    @classmethod
    def open(cls, folder: Path) -> Self:
        with _engine_errors():
            return cls(edge.EdgeShard.load(str(folder)))

    @classmethod
    def open_to_read(cls, folder: Path) -> Self:
        """Open a published folder, where it may not be written to a private copy of it.

        Raises:
            IndexUnavailableError: it is damaged, or the disk is full (opening it writes).
        """
        try:
            return cls.open(folder) if os.access(folder, os.W_OK) else cls.open_copy(folder)
        except (OSError, UpstreamError) as error:
            raise IndexUnavailableError(
                f"{folder.parent} cannot be opened ({error}); make sure that its disk has room, or,"
                " if it is damaged, run `portal-index run --rebuild`"
            ) from error

    @classmethod
    def open_copy(cls, folder: Path) -> Self:
        """Open a private copy: the engine needs to write to what it opens, even to read it."""
        with ExitStack() as stack:
            private = stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-rag-"))
            copy = Path(private) / "shard"
            copy_sparsely(folder, copy)
            with _engine_errors():
                engine = edge.EdgeShard.load(str(copy))
            return cls(engine, private=stack.pop_all())

    def search(
        self,
        vector: DenseVector | SparseVector,
        *,
        among: Filterable,
        counted: Filterable,
        limit: int,
    ) -> list[Hit]:
        """Rank by this vector, best first; equal scores in the order of their ids.

        How rare a term is counts among `counted`.
        """
        only, corpus = to_filter(among), to_filter(counted)
        with _engine_errors():
            found = self._engine.query(_query(vector, only, corpus, limit))
        found.sort(key=lambda point: (-point.score, str(point.id)))
        return [Hit(stored=from_payload(point.payload or {}), score=point.score) for point in found]

    def marks(self, source: str) -> dict[str, StoredMark]:
        return {str(point.id): to_mark(point.payload or {}) for point in self._scroll(source)}

    def upsert(self, chunks: Sequence[EmbeddedChunk], run: Run) -> None:
        points = [
            edge.Point(
                item.chunk.id,
                {
                    DENSE: list(item.dense.values),
                    LEXICAL: edge.SparseVector(
                        list(item.lexical.indices), list(item.lexical.values)
                    ),
                },
                to_payload(item.chunk, run, item.predicates),
            )
            for item in chunks
        ]
        with _engine_errors():
            self._engine.update(edge.UpdateOperation.upsert_points(points))

    def rewrite_metadata(self, chunks: Iterable[Chunk], run: Run) -> None:
        with _engine_errors():
            for chunk in chunks:
                self._engine.update(
                    edge.UpdateOperation.set_payload([chunk.id], to_metadata(chunk, run))
                )

    def govern(self, predicates: Mapping[EntityRef, PredicateHashes], run: Run) -> None:
        with _engine_errors():
            for ref, hashes in predicates.items():
                governed = AnyOf(RESOURCE_REF, (str(ref),))
                payload = to_governance(hashes, run)
                self._engine.update(
                    edge.UpdateOperation.set_payload_by_filter(narrowing(governed), payload)
                )

    def delete(self, chunk_ids: Iterable[str]) -> None:
        with _engine_errors():
            self._engine.update(edge.UpdateOperation.delete_points(list(chunk_ids)))

    def count(self) -> int:
        with _engine_errors():
            return self._engine.count(edge.CountRequest(exact=True))

    def finish(self) -> None:
        """Merge what was written, put it on disk and close."""
        with _engine_errors():
            self._engine.optimize()
            self._engine.flush()
        self.close()

    def close(self) -> None:
        with self._private, _engine_errors():
            self._engine.close()

    def _scroll(self, source: str) -> Iterator[edge.Record]:
        offset: edge.PointId | None = None
        while True:
            request = edge.ScrollRequest(
                offset=offset,
                limit=_PAGE,
                filter=to_filter(AnyOf(SOURCE, (source,))),
                with_payload=list(MARK_KEYS),
                with_vector=False,
            )
            with _engine_errors():
                points, offset = self._engine.scroll(request)
            yield from points
            if offset is None:
                return


def _configuration(dimensions: int) -> edge.EdgeConfig:
    """Describe an exact index: without a graph (m=0), hidden points cannot influence a search."""
    return edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimensions, distance=edge.Distance.Cosine)},
        sparse_vectors={LEXICAL: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10),
        wal_enabled=False,
    )


def _query(
    vector: DenseVector | SparseVector,
    only: edge.Filter | None,
    corpus: edge.Filter | None,
    limit: int,
) -> edge.QueryRequest:
    """Ask for the nearest; how rare a term is counts in the corpus alone."""
    match vector:
        case DenseVector(values=values):
            nearest = edge.Query.Nearest(list(values), using=DENSE)
            rarity = None
        case SparseVector(indices=indices, values=values):
            terms = edge.SparseVector(list(indices), list(values))
            nearest = edge.Query.Nearest(terms, using=LEXICAL)
            rarity = edge.IdfParams(corpus=corpus)
        case _:
            assert_never(vector)
    return edge.QueryRequest(
        limit,
        query=nearest,
        filter=only,
        with_payload=True,
        params=edge.SearchParams(exact=True, idf=rarity),
    )


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the engine has no exception type of its own
        raise UpstreamError("Qdrant Edge", str(error)) from error
