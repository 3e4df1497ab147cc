"""The stores that keep one contract, each behind the same three functions."""

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from qdrant_client import AsyncQdrantClient

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_store import EdgeReader, open_edge_writer
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.predicates import UNSAID, PredicateHashes
from portal_rag.corpus.server_store import ServerReader, begin_server_run, open_server_client
from portal_rag.corpus.store import (
    SCHEMA_VERSION,
    EmbeddedChunk,
    IndexReader,
    IndexWriter,
    Manifest,
    Run,
)
from portal_rag.corpus.visibility import OnlyResources
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.qdrant import FakeQdrant

EMBEDDER = HashingEmbedder()
ALIAS = "portal-rag"
RUN = Run(id="run-1", started_at=datetime(2026, 6, 9, 14, 0, tzinfo=UTC))
LATER_RUN = Run(id="run-2", started_at=datetime(2026, 6, 10, 14, 0, tzinfo=UTC))
KINDS = ("edge", "memory", "http", *(("server",) if os.environ.get("QDRANT_URL") else ()))


class Store(Protocol):
    """Readers and writers of one index."""

    async def writer(
        self, *, embedder: HashingEmbedder = EMBEDDER, rebuild: bool = False
    ) -> IndexWriter: ...

    def reader(self, *, embedder: HashingEmbedder = EMBEDDER) -> IndexReader: ...


class EdgeFolder:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def writer(
        self, *, embedder: HashingEmbedder = EMBEDDER, rebuild: bool = False
    ) -> IndexWriter:
        return open_edge_writer(
            self.directory,
            fingerprint=embedder.fingerprint,
            dimensions=embedder.dimensions,
            rebuild=rebuild,
        )

    def reader(self, *, embedder: HashingEmbedder = EMBEDDER) -> EdgeReader:
        return EdgeReader(self.directory, embedder.fingerprint)


class SharedConnection(AsyncQdrantClient):
    """A client whose server outlives it: closing it ends nothing."""

    async def close(self, grpc_grace: float | None = None, **kwargs: object) -> None:
        pass


class Server:
    def __init__(self, client: AsyncQdrantClient, alias: str) -> None:
        self.client = client
        self.alias = alias

    async def writer(
        self, *, embedder: HashingEmbedder = EMBEDDER, rebuild: bool = False
    ) -> IndexWriter:
        return await begin_server_run(
            self.client,
            self.alias,
            fingerprint=embedder.fingerprint,
            dimensions=embedder.dimensions,
            rebuild=rebuild,
        )

    def reader(self, *, embedder: HashingEmbedder = EMBEDDER) -> ServerReader:
        return ServerReader(self.client, self.alias, embedder.fingerprint)

    async def collections(self) -> set[str]:
        listed = await self.client.get_collections()
        return {item.name for item in listed.collections if item.name.startswith(self.alias)}


@asynccontextmanager
async def open_store(kind: str) -> AsyncIterator[Store]:
    """Make an empty store of this kind."""
    match kind:
        case "edge":
            with tempfile.TemporaryDirectory() as directory:
                yield EdgeFolder(Path(directory) / "index")
        case "server":
            async with open_real_server() as server:
                yield server
        case _:
            async with open_fake_server(kind) as server:
                yield server


@asynccontextmanager
async def open_fake_server(kind: str) -> AsyncIterator[Server]:
    """Use the engine within the client: directly, or over HTTP where each exchange is checked."""
    if kind == "memory":
        client = SharedConnection(":memory:")
        yield Server(client, ALIAS)
        await AsyncQdrantClient.close(client)
        return
    with FakeQdrant() as fake:
        client = SharedConnection(url=fake.url, check_compatibility=False)
        yield Server(client, ALIAS)
        await AsyncQdrantClient.close(client)
    assert fake.violations == []


@asynccontextmanager
async def open_real_server() -> AsyncIterator[Server]:
    url, key = os.environ["QDRANT_URL"], os.environ.get("QDRANT_API_KEY")
    client = open_server_client(url, key)
    connection = SharedConnection(url=url, api_key=key, check_compatibility=False)
    server = Server(connection, f"test-{uuid.uuid4().hex[:8]}")
    try:
        yield server
    finally:
        for name in await server.collections():
            await client.delete_collection(name)
        await AsyncQdrantClient.close(connection)
        await client.close()


def embed(*chunks: Chunk, predicates: PredicateHashes = UNSAID) -> list[EmbeddedChunk]:
    dense = EMBEDDER.embed_documents([chunk.embedded_text for chunk in chunks])
    return [
        EmbeddedChunk(
            chunk=chunk,
            dense=vector,
            lexical=document_terms(chunk.embedded_text),
            predicates=predicates,
        )
        for chunk, vector in zip(chunks, dense, strict=True)
    ]


def make_manifest(
    chunk_count: int,
    *,
    embedder: HashingEmbedder = EMBEDDER,
    sources: Sequence[str] = ("files/techdocs",),
    built_from_files: bool = True,
    run: Run = RUN,
    schema_version: int = SCHEMA_VERSION,
    salt: str = "",
) -> Manifest:
    return Manifest(
        schema_version=schema_version,
        embedding_fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        sources=tuple(sources),
        built_from_files=built_from_files,
        chunk_count=chunk_count,
        run_id=run.id,
        published_at=run.started_at,
        salt=salt,
    )


async def publish(store: Store, *chunks: Chunk, rebuild: bool = False) -> Manifest:
    """Add these chunks in a run of their own."""
    writer = await store.writer(rebuild=rebuild)
    await writer.upsert(embed(*chunks), run=RUN)
    manifest = make_manifest(await writer.count())
    await writer.publish(manifest, entities=())
    await writer.close()
    return manifest


def readable(refs: Iterable[str]) -> OnlyResources:
    return OnlyResources(frozenset(map(EntityRef.parse, refs)))
