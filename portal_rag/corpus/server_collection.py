"""One collection on a Qdrant server, and where the errors of its client are translated."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.conversions.common_types import PointId
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from portal_rag.corpus.constraints import AnyOf, Filterable
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
from portal_rag.corpus.schema import (
    DENSE,
    INDEXED_KEYS,
    LEXICAL,
    MARK_KEYS,
    from_payload,
    manifest_from_json,
    manifest_to_json,
    to_mark,
)
from portal_rag.corpus.selection import SOURCE
from portal_rag.corpus.server_points import (
    deleting,
    governing,
    rarity,
    rewriting,
    sparse,
    to_filter,
    writing,
)
from portal_rag.corpus.source_state import pack, unpack
from portal_rag.corpus.store import (
    MOST_AT_ONCE,
    DenseVector,
    EmbeddedChunk,
    Hit,
    Manifest,
    Run,
    SourceState,
    SparseVector,
    StoredMark,
)
from portal_rag.errors import (
    IndexUnavailableError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from portal_rag.retrying import reads

P = ParamSpec("P")
T = TypeVar("T")
_SYSTEM = "Qdrant"
_PAGE = 1000
_MANIFEST, _STATE, _LAST_RUN = "manifest", "state", "last_run"
_NOT_QDRANT = "did not answer as Qdrant does; check PORTAL_RAG_QDRANT_URL"


async def ask(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the server, and again if that failed for a passing reason: what is asked must bear it.

    Raises:
        UpstreamTimeoutError: it did not answer in time.
        UpstreamError: it could not be reached, or refused.
    """
    async for attempt in reads():
        with attempt, _server_errors():
            return await call(*args, **kwargs)
    raise AssertionError("the retry policy raises the last error")


class Collection:
    """A collection of chunks, by its own name or by an alias."""

    def __init__(self, client: AsyncQdrantClient, name: str) -> None:
        self._client = client
        self.name = name

    async def exists(self) -> bool:
        return await ask(self._client.collection_exists, self.name)

    async def create(self, *, dimensions: int) -> None:
        """Make it if it is not there; its keyword indexes must precede the first point."""
        if not await self.exists():
            await ask(
                self._client.create_collection,
                self.name,
                vectors_config={
                    DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
                },
                sparse_vectors_config={
                    LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
        for key in INDEXED_KEYS:
            await ask(
                self._client.create_payload_index,
                self.name,
                key,
                models.PayloadSchemaType.KEYWORD,
            )

    async def drop(self) -> None:
        await ask(self._client.delete_collection, self.name)

    async def manifest(self) -> Manifest | None:
        """Read what was last published here; None if nothing was."""
        encoded = (await self._metadata()).get(_MANIFEST)
        return manifest_from_json(encoded) if encoded else None

    async def write_manifest(self, manifest: Manifest, state: SourceState) -> None:
        """Replace the manifest together with what is left to the next run."""
        await self._remember({_MANIFEST: manifest_to_json(manifest), _STATE: pack(state)})

    async def state(self) -> SourceState:
        """Read what was left to this run; empty if it cannot be understood."""
        return unpack((await self._metadata()).get(_STATE))

    async def forget_state(self) -> None:
        await self._remember({_STATE: None})

    async def last_run(self) -> Mapping[str, Any] | None:
        recorded = (await self._metadata()).get(_LAST_RUN)
        return recorded if isinstance(recorded, dict) else None

    async def record(self, run: Mapping[str, Any]) -> None:
        await self._remember({_LAST_RUN: dict(run)})

    async def _metadata(self) -> Mapping[str, Any]:
        if not await self.exists():
            return {}
        info = await ask(self._client.get_collection, self.name)
        return info.config.metadata or {}

    async def _remember(self, changed: Mapping[str, Any]) -> None:
        metadata = {**await self._metadata(), **changed}
        await ask(self._client.update_collection, self.name, metadata=metadata)

    async def search(
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
        only = to_filter(among)
        if isinstance(vector, DenseVector):
            asked = ask(
                self._client.query_points,
                self.name,
                query=list(vector.values),
                using=DENSE,
                query_filter=only,
                limit=limit,
            )
        else:
            asked = ask(
                self._client.query_points,
                self.name,
                query=sparse(vector),
                using=LEXICAL,
                query_filter=only,
                search_params=rarity(to_filter(counted)),
                limit=limit,
            )
        found = sorted((await asked).points, key=lambda point: (-point.score, str(point.id)))
        return [Hit(stored=from_payload(point.payload or {}), score=point.score) for point in found]

    async def marks(self, source: str) -> dict[str, StoredMark]:
        marks: dict[str, StoredMark] = {}
        offset: PointId | None = None
        while True:
            points, offset = await ask(
                self._client.scroll,
                self.name,
                scroll_filter=to_filter(AnyOf(SOURCE, (source,))),
                limit=_PAGE,
                offset=offset,
                with_payload=list(MARK_KEYS),
            )
            marks.update((str(point.id), to_mark(point.payload or {})) for point in points)
            if offset is None:
                return marks

    async def upsert(
        self, chunks: Sequence[EmbeddedChunk], run: Run, trimmed: Sequence[str]
    ) -> None:
        """Write and delete in one request for each MOST_AT_ONCE chunks; the deletions go last."""
        written = [writing(batch, run) for batch in _batches(chunks)]
        deleted = [deleting(batch) for batch in _batches(trimmed)]
        operations: list[models.UpdateOperation] = [*written, *deleted]
        is_one_request = len(written) <= 1 and len(deleted) <= 1
        for together in [operations] if is_one_request else [[each] for each in operations]:
            await self._update(together)

    async def rewrite_metadata(self, chunks: Sequence[Chunk], run: Run) -> None:
        for batch in _batches(chunks):
            await self._update([rewriting(chunk, run) for chunk in batch])

    async def govern(self, predicates: Mapping[EntityRef, PredicateHashes], run: Run) -> None:
        for batch in _batches(tuple(predicates.items())):
            await self._update([governing(ref, hashes, run) for ref, hashes in batch])

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        for batch in _batches(chunk_ids):
            await self._update([deleting(batch)])

    async def _update(self, operations: Sequence[models.UpdateOperation]) -> None:
        if operations:
            await ask(self._client.batch_update_points, self.name, list(operations))

    async def count(self) -> int:
        return (await ask(self._client.count, self.name, exact=True)).count


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + MOST_AT_ONCE] for start in range(0, len(items), MOST_AT_ONCE))


@contextmanager
def _server_errors() -> Iterator[None]:
    """Translate the client's exceptions; what the server said stays in the chained one."""
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise UpstreamError(
            _SYSTEM,
            "asks to wait",
            upstream_status=HTTPStatus.TOO_MANY_REQUESTS,
            is_transient=True,
            retry_after_seconds=error.retry_after_s,
        ) from error
    except UnexpectedResponse as error:
        raise _refusal(error.status_code) from error
    except ResponseHandlingException as error:
        if isinstance(error.source, httpx.TimeoutException):
            raise UpstreamTimeoutError(_SYSTEM, "did not answer in time") from error
        if isinstance(error.source, httpx.TransportError):
            raise UpstreamError(_SYSTEM, "cannot be reached", is_transient=True) from error
        raise UpstreamError(_SYSTEM, _NOT_QDRANT) from error
    except json.JSONDecodeError as error:
        raise UpstreamError(_SYSTEM, _NOT_QDRANT) from error


def _refusal(status: int | None) -> PortalRagError:
    match status:
        case HTTPStatus.NOT_FOUND:
            return IndexUnavailableError("The collection is not there; run `portal-index run`")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            reason = "does not accept PORTAL_RAG_QDRANT_API_KEY for this"
        case _:
            reason = f"answered {status}"
    return UpstreamError(
        _SYSTEM,
        reason,
        upstream_status=status,
        is_transient=status is None
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status == HTTPStatus.TOO_MANY_REQUESTS,
    )
