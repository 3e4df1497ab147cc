"""What the two programs need of a vector store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import UNSAID, PredicateHashes
from portal_rag.corpus.visibility import Visibility

SCHEMA_VERSION = 3
MOST_AT_ONCE = 1_000
"""So many chunks a server is sent in one request, which it takes as a whole or not at all."""


@dataclass(frozen=True, slots=True)
class DenseVector:
    """An embedding of unit length."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SparseVector:
    """BM25 term weights by term id; the engine multiplies them with the inverse frequency."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedChunk:
    """A chunk with both of its vectors, ready to be written.

    Without predicates it is found by no condition, not even as one whose entity is not known.
    """

    chunk: Chunk
    dense: DenseVector
    lexical: SparseVector
    predicates: PredicateHashes = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedDocument:
    """What is new in the texts of one document; `trimmed` are ids of chunks that it has lost."""

    chunks: tuple[EmbeddedChunk, ...]
    trimmed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMark:
    """What the index remembers of a chunk, enough to tell whether it changed."""

    document_path: str
    resource_ref: str
    content_hash: str
    metadata_hash: str
    visibility_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk as it was read back, with when it was indexed."""

    chunk: Chunk
    indexed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that was found; `score` compares within one ranked list only."""

    stored: StoredChunk
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How much of one part of a source is in the index."""

    documents: int
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexIdentity:
    """The way in which an index was made: one calibration holds for one such way."""

    embedding: str
    schema: int
    chunking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an index is: which schema and model it was built with, from which sources, when.

    `built_from_files` is true only if every source that ever contributed read local files: the
    condition for answering without authentication. `catalog_hash` changes with the catalog
    snapshot that is kept beside the vectors; empty without one. `contents` is by `Document.source`.
    `salt` is what predicates are hashed with. `chunking_version` is 0 where no run said it.
    """

    schema_version: int
    embedding_fingerprint: str
    dimensions: int
    sources: tuple[str, ...]
    built_from_files: bool
    chunk_count: int
    run_id: str
    published_at: datetime
    catalog_hash: str = ""
    contents: Mapping[str, Content] = field(default_factory=dict)
    salt: str = ""
    chunking_version: int = 0

    @property
    def identity(self) -> IndexIdentity:
        return IndexIdentity(
            embedding=self.embedding_fingerprint,
            schema=self.schema_version,
            chunking=self.chunking_version,
        )


SourceState = Mapping[str, Mapping[str, str]]
"""What a run leaves to the next of each source, by its name; the indexer alone knows what it is."""
NO_STATE: SourceState = {}


class IndexReader(Protocol):
    """The service's side: search what is published."""

    async def manifest(self) -> Manifest:
        """Say what is published now.

        Raises:
            IndexUnavailableError: nothing is published, or it cannot be read.
            UpstreamError: the server did not answer.
        """
        ...

    async def search(
        self, vector: DenseVector | SparseVector, *, visible_to: Visibility, limit: int
    ) -> Sequence[Hit]:
        """Rank the visible chunks by this vector, best first; `OnlyResources()` of none is none.

        Raises:
            IndexUnavailableError: nothing is published, or it cannot be read.
            UpstreamError: the server did not answer.
        """
        ...

    async def close(self) -> None: ...


class IndexWriter(Protocol):
    """The indexer's side: one run at a time; nothing is visible before `publish`, if embedded."""

    async def manifest(self) -> Manifest | None:
        """Say what the run started from; None if the index is new, or started over."""
        ...

    async def replaced(self) -> Manifest | None:
        """Say what readers saw when the run began; None if nothing, or nothing readable."""
        ...

    async def stored(self, source: str) -> Mapping[str, StoredMark]:
        """List the chunks of one source, by chunk id."""
        ...

    async def state(self) -> SourceState:
        """Give what was published with the index; empty where that cannot be relied on."""
        ...

    async def upsert(
        self, chunks: Sequence[EmbeddedChunk], *, run: "Run", trimmed: Sequence[str] = ()
    ) -> None:
        """Write chunks and delete those `trimmed`, in one step for whoever may be killed.

        On a server that holds for MOST_AT_ONCE of them; more take several steps.
        """
        ...

    async def rewrite_metadata(self, chunks: Sequence[Chunk], *, run: "Run") -> None:
        """Replace everything but text, vectors and predicates of chunks that are already stored."""
        ...

    async def govern(self, predicates: Mapping[EntityRef, PredicateHashes], *, run: "Run") -> None:
        """Replace the predicates of all chunks, of any source, that these entities govern."""
        ...

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        """Delete chunks, in one step as `upsert` does."""
        ...

    async def count(self) -> int: ...

    async def publish(
        self,
        manifest: Manifest,
        *,
        entities: Sequence[Mapping[str, Any]] | None,
        state: SourceState = NO_STATE,
    ) -> None:
        """Make the run's work what readers see; `entities` is the catalog snapshot (see below).

        The embedded store keeps the entities of a files-only index beside the vectors, so that it
        can be asked without a Backstage; None keeps those of the index that the run started from.
        A server store has no use for them.
        """
        ...

    async def record(self, run: Mapping[str, Any]) -> None:
        """Keep what is to be known of the last run, as JSON; nothing else changes."""
        ...

    async def close(self) -> None:
        """End the run; what was not published is discarded (embedded) or stays partial (server)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Stamp of one indexing run, kept in every chunk that it writes."""

    id: str
    started_at: datetime
