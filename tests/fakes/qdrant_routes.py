"""The REST interface of a Qdrant server, as far as the stores use it.

Requests are read with the models of qdrant-client, and applied to its in-memory engine.
"""

import re
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError
from qdrant_client import QdrantClient, models
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_READS = re.compile(r"/points/(query|scroll|count)$")
_MISSING, _PRESENT = re.compile(r"not found"), re.compile(r"already exists")
_COLLECTION = "/collections/{name}"

Answer = Callable[[str, bytes], Any]  # from a collection's name and a body to a result


class QdrantRoutes:
    """Answers one request after the other, as a server with these keys does."""

    def __init__(self, *, key: str | None, read_only_key: str | None) -> None:
        self._key = key
        self._read_only_key = read_only_key
        self._engine = QdrantClient(":memory:")
        self._lock = threading.Lock()

    def close(self) -> None:
        self._engine.close()

    def app(self) -> Starlette:
        routes: Sequence[tuple[str, str, Answer]] = (
            ("GET", "/aliases", lambda _name, _body: self._engine.get_aliases()),
            ("GET", "/collections", lambda _name, _body: self._engine.get_collections()),
            ("POST", "/collections/aliases", self._change_aliases),
            ("GET", _COLLECTION, lambda name, _body: self._engine.get_collection(name)),
            ("PUT", _COLLECTION, self._create),
            ("PATCH", _COLLECTION, self._update),
            ("DELETE", _COLLECTION, lambda name, _body: self._engine.delete_collection(name)),
            ("GET", f"{_COLLECTION}/exists", self._exists),
            ("PUT", f"{_COLLECTION}/index", self._create_index),
            ("POST", f"{_COLLECTION}/points/batch", self._update_points),
            ("POST", f"{_COLLECTION}/points/count", self._count),
            ("POST", f"{_COLLECTION}/points/query", self._query),
            ("POST", f"{_COLLECTION}/points/scroll", self._scroll),
        )
        return Starlette(
            routes=[
                Route(path, self._endpoint(answer), methods=[method])
                for method, path, answer in routes
            ],
            exception_handlers={HTTPException: _refuse},
        )

    def _endpoint(self, answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if refusal := self._refusal(request):
                return refusal
            name, body = request.path_params.get("name", ""), await request.body()
            return await run_in_threadpool(self._answer, answer, name, body)

        return endpoint

    def _answer(self, answer: Answer, name: str, body: bytes) -> Response:
        started = time.perf_counter()
        try:
            with self._lock, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what the engine does not do, such as indexes
                result = answer(name, body)
        except ValidationError as error:
            return _error(400, f"Format error in JSON body: {error.errors()[0]['msg']}")
        except ValueError as error:
            return _error(_status_of(error), str(error))
        return JSONResponse(
            {"result": _plain(result), "status": "ok", "time": time.perf_counter() - started}
        )

    def _refusal(self, request: Request) -> Response | None:
        if self._key is None:
            return None
        given = request.headers.get("api-key")
        if given == self._key:
            return None
        if given is None or given != self._read_only_key:
            return PlainTextResponse("Invalid API key or JWT", 401)
        if request.method == "GET" or _READS.search(request.url.path):
            return None
        return _error(403, "Forbidden: Global write access is required")

    def _change_aliases(self, _name: str, body: bytes) -> Any:
        asked = models.ChangeAliasesOperation.model_validate_json(body)
        return self._engine.update_collection_aliases(asked.actions)

    def _exists(self, name: str, _body: bytes) -> Any:
        return models.CollectionExistence(exists=self._engine.collection_exists(name))

    def _create(self, name: str, body: bytes) -> Any:
        asked = models.CreateCollection.model_validate_json(body)
        return self._engine.create_collection(
            name,
            vectors_config=asked.vectors,
            sparse_vectors_config=asked.sparse_vectors,
            metadata=asked.metadata,
        )

    def _update(self, name: str, body: bytes) -> Any:
        asked = models.UpdateCollection.model_validate_json(body)
        return self._engine.update_collection(name, metadata=asked.metadata)

    def _create_index(self, name: str, body: bytes) -> Any:
        asked = models.CreateFieldIndex.model_validate_json(body)
        return self._engine.create_payload_index(name, asked.field_name, asked.field_schema)

    def _update_points(self, name: str, body: bytes) -> Any:
        asked = models.UpdateOperations.model_validate_json(body)
        return self._engine.batch_update_points(name, asked.operations)

    def _count(self, name: str, body: bytes) -> Any:
        asked = models.CountRequest.model_validate_json(body)
        return self._engine.count(name, count_filter=asked.filter)

    def _query(self, name: str, body: bytes) -> Any:
        asked = models.QueryRequest.model_validate_json(body)
        return self._engine.query_points(
            name,
            query=asked.query,
            using=asked.using,
            query_filter=asked.filter,
            search_params=asked.params,
            limit=asked.limit or 10,
            with_payload=asked.with_payload or False,
            with_vectors=asked.with_vector or False,
        )

    def _scroll(self, name: str, body: bytes) -> Any:
        asked = models.ScrollRequest.model_validate_json(body)
        points, following = self._engine.scroll(
            name,
            scroll_filter=asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=True if asked.with_payload is None else asked.with_payload,
            with_vectors=asked.with_vector or False,
        )
        return models.ScrollResult(points=points, next_page_offset=following)


def _status_of(error: ValueError) -> int:
    if _MISSING.search(str(error)):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.CONFLICT if _PRESENT.search(str(error)) else HTTPStatus.BAD_REQUEST


def _error(status: int, text: str) -> Response:
    return JSONResponse({"status": {"error": text}, "time": 0.0}, status)


def _plain(result: Any) -> Any:
    match result:
        case BaseModel():
            return result.model_dump(mode="json", exclude_none=True)
        case list():
            return [_plain(each) for each in result]
        case _:
            return result


async def _refuse(_request: Request, error: Exception) -> Response:
    return Response(status_code=error.status_code if isinstance(error, HTTPException) else 500)
