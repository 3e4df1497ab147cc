"""The shared store: a Qdrant server or cluster; readers go through an alias.

Each schema version and embedding has a collection of its own, `<alias>-v<schema>-<digest>`; a
rebuild fills a twin of it. The manifest is kept in the collection's metadata, so that it changes
places together with the points; collection metadata needs Qdrant 1.16 or later.
"""

import hashlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient, models

from portal_rag.corpus.constraints import Nothing
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
from portal_rag.corpus.schema import check_publishable, check_readable
from portal_rag.corpus.selection import counted, salted, select
from portal_rag.corpus.server_collection import Collection, ask
from portal_rag.corpus.store import (
    NO_STATE,
    SCHEMA_VERSION,
    DenseVector,
    EmbeddedChunk,
    Hit,
    Manifest,
    Run,
    SourceState,
    SparseVector,
    StoredMark,
)
from portal_rag.corpus.visibility import Visibility
from portal_rag.errors import IndexUnavailableError

READER_TIMEOUT_SECONDS = 2
WRITER_TIMEOUT_SECONDS = 60
_CHECK_EVERY_SECONDS = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def open_server_client(
    url: str, api_key: str | None, *, timeout_seconds: int = READER_TIMEOUT_SECONDS
) -> AsyncQdrantClient:
    """Prepare for calls to a server; nothing is sent yet. A URL without a port means 6333.

    A key that would go unencrypted to another machine is warned of.
    """
    where = urlsplit(url)
    if api_key and where.scheme == "http" and where.hostname not in _LOOPBACK:
        warnings.warn(
            f"PORTAL_RAG_QDRANT_API_KEY is sent unencrypted to {where.hostname}; use https",
            stacklevel=2,
        )
    return AsyncQdrantClient(
        url=url,
        headers={"api-key": api_key} if api_key else None,
        timeout=timeout_seconds,
        check_compatibility=False,
    )


async def open_server_reader(
    url: str, *, api_key: str | None, alias: str, fingerprint: str
) -> "ServerReader":
    """Prepare to search; an unreachable server is an error of the first question, not of this."""
    return ServerReader(open_server_client(url, api_key), alias, fingerprint)


async def open_server_writer(
    url: str,
    *,
    api_key: str | None,
    alias: str,
    fingerprint: str,
    dimensions: int,
    rebuild: bool = False,
) -> "ServerWriter":
    """Begin a run; with `rebuild`, or a new embedding, it starts from an empty collection.

    Raises:
        UpstreamError: the server cannot be reached, or refuses.
    """
    async with AsyncExitStack() as stack:
        client = open_server_client(url, api_key, timeout_seconds=WRITER_TIMEOUT_SECONDS)
        stack.push_async_callback(client.close)
        writer = await begin_server_run(
            client, alias, fingerprint=fingerprint, dimensions=dimensions, rebuild=rebuild
        )
        stack.pop_all()
    return writer


class ServerReader:
    """Searches what the alias points to; that it fits the embedder is checked every 10 seconds."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        alias: str,
        fingerprint: str,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._published = Collection(client, alias)
        self._fingerprint = fingerprint
        self._timer = timer
        self._checked_at: float | None = None
        self._salt = ""

    async def manifest(self) -> Manifest:
        manifest = await self._published.manifest()
        if manifest is None:
            raise IndexUnavailableError(
                f"Nothing is published as {self._published.name}; run `portal-index run`"
            )
        check_readable(manifest, fingerprint=self._fingerprint)
        self._checked_at, self._salt = self._timer(), manifest.salt
        return manifest

    async def search(
        self, vector: DenseVector | SparseVector, *, visible_to: Visibility, limit: int
    ) -> Sequence[Hit]:
        """Rank the visible chunks; a question that has no terms finds none."""
        among = select(visible_to)
        if isinstance(among, Nothing) or not vector.values:
            return ()
        if self._checked_at is None or self._timer() - self._checked_at >= _CHECK_EVERY_SECONDS:
            await self.manifest()
        only, corpus = (salted(each, self._salt) for each in (among, counted(visible_to)))
        return await self._published.search(vector, among=only, counted=corpus, limit=limit)

    async def close(self) -> None:
        await self._client.close()


class ServerWriter:
    """One run over the collection of its embedding; each write is seen at once if that is live.

    A run that begins a new collection is seen as a whole, when `publish` moves the alias.
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        alias: str,
        *,
        collection: Collection,
        live: str | None,
        fingerprint: str,
        dimensions: int,
        started_from: Manifest | None,
        replaces: Manifest | None,
    ) -> None:
        """`live` is the collection that the alias points to, `replaces` what it holds."""
        self._client = client
        self._alias = alias
        self._collection = collection
        self._live = live
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._started_from = started_from
        self._replaces = replaces
        self._is_writing = False

    async def manifest(self) -> Manifest | None:
        return self._started_from

    async def replaced(self) -> Manifest | None:
        return self._replaces

    async def stored(self, source: str) -> Mapping[str, StoredMark]:
        return await self._collection.marks(source)

    async def state(self) -> SourceState:
        return await self._collection.state()

    async def upsert(
        self, chunks: Sequence[EmbeddedChunk], *, run: Run, trimmed: Sequence[str] = ()
    ) -> None:
        await self._begin_writing()
        await self._collection.upsert(chunks, run, trimmed)

    async def rewrite_metadata(self, chunks: Sequence[Chunk], *, run: Run) -> None:
        await self._begin_writing()
        await self._collection.rewrite_metadata(chunks, run)

    async def govern(self, predicates: Mapping[EntityRef, PredicateHashes], *, run: Run) -> None:
        await self._begin_writing()
        await self._collection.govern(predicates, run)

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        await self._begin_writing()
        await self._collection.delete(chunk_ids)

    async def count(self) -> int:
        return await self._collection.count()

    async def publish(
        self,
        manifest: Manifest,
        *,
        entities: Sequence[Mapping[str, Any]] | None,
        state: SourceState = NO_STATE,
    ) -> None:
        """Write the manifest and move the alias here; `entities` are not kept on a server.

        Raises:
            UpstreamError: the server holds something else than the manifest says, or failed.
        """
        check_publishable(
            manifest,
            fingerprint=self._fingerprint,
            dimensions=self._dimensions,
            held=await self.count(),
        )
        await self._collection.write_manifest(manifest, state)
        self._is_writing = False
        if self._live != self._collection.name:
            await self._move_alias()

    async def record(self, run: Mapping[str, Any]) -> None:
        await self._collection.record(run)

    async def close(self) -> None:
        await self._client.close()

    async def _begin_writing(self) -> None:
        """Forget the state, which would be wrong if the run ended halfway: the next reads all."""
        if not self._is_writing:
            self._is_writing = True
            await self._collection.forget_state()

    async def _move_alias(self) -> None:
        """Move the alias in one step, then drop what it pointed to if that was an index of ours."""
        former, self._live = self._live, self._collection.name
        create = models.CreateAlias(collection_name=self._live, alias_name=self._alias)
        delete = models.DeleteAlias(alias_name=self._alias)
        operations = [models.DeleteAliasOperation(delete_alias=delete)] if former else []
        await ask(
            self._client.update_collection_aliases,
            [*operations, models.CreateAliasOperation(create_alias=create)],
        )
        if former and former.startswith(f"{self._alias}-v"):
            await Collection(self._client, former).drop()


async def begin_server_run(
    client: AsyncQdrantClient,
    alias: str,
    *,
    fingerprint: str,
    dimensions: int,
    rebuild: bool = False,
) -> ServerWriter:
    """Begin a run over this client, which the writer closes in the end.

    Raises:
        UpstreamError: the server cannot be reached, or refuses.
    """
    live = await _live_collection(client, alias)
    collection = Collection(client, _collection_name(alias, fingerprint, live, rebuild=rebuild))
    if rebuild and await collection.exists():
        await collection.drop()
    await collection.create(dimensions=dimensions)
    return ServerWriter(
        client,
        alias,
        collection=collection,
        live=live,
        fingerprint=fingerprint,
        dimensions=dimensions,
        started_from=await collection.manifest(),
        replaces=await _readable_manifest(client, live) if live else None,
    )


async def _readable_manifest(client: AsyncQdrantClient, live: str) -> Manifest | None:
    try:
        return await Collection(client, live).manifest()
    except IndexUnavailableError:
        return None


async def _live_collection(client: AsyncQdrantClient, alias: str) -> str | None:
    aliases = (await ask(client.get_aliases)).aliases
    return next((item.collection_name for item in aliases if item.alias_name == alias), None)


def _collection_name(alias: str, fingerprint: str, live: str | None, *, rebuild: bool) -> str:
    """Name the live collection if it is of this embedding; its twin if that is to be rebuilt."""
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()[:8]
    name = f"{alias}-v{SCHEMA_VERSION}-{digest}"
    twin = f"{name}-twin"
    return twin if (live == twin) != (rebuild and live in {name, twin}) else name
