"""`POST /api/portal-index/v1/hints`: others say over HTTP that something changed, and no more.

Who holds the token can have entities looked at that this program reads anyway. The answer is the
same whether an entity exists or not, and there is nothing here to read.
"""

import asyncio
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from indexer.hinting import Hints, parse_hint
from indexer.settings import Address
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import (
    AuthenticationError,
    ConfigurationError,
    InputError,
    PayloadTooLargeError,
    PortalRagError,
    UnsupportedMediaTypeError,
)

MOUNT = "/api/portal-index"
LARGEST_BODY = 4_000
"""Bytes: a reference has less than two hundred."""
_NAMES: Mapping[int, str] = {404: "NotFoundError", 405: "NotAllowedError"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What those without a token may take of the descriptors that the runs need too."""

    connections: int = 64
    """Open at once; further ones are closed as soon as they are accepted."""
    waiting: int = 16
    """Not yet accepted; the event loop accepts no more than these in one turn."""
    seconds: float = 10.0
    """A connection's whole life, whatever was sent on it: a hint takes milliseconds."""
    idle_seconds: int = 2
    """Between two requests on one connection."""


def create_hints_app(hints: Hints, *, tokens: Sequence[str]) -> Starlette:
    """Build the application; it lets in whoever shows one of the tokens."""
    accepted = tuple(token.encode() for token in tokens)

    async def post_hint(request: Request) -> Response:
        _check_token(request, accepted)
        hints.post(_entity_of(await _json_body(request)))
        return JSONResponse({"status": "accepted"}, status_code=202)

    return Starlette(
        routes=[
            Route("/health", _health),
            Mount(MOUNT, routes=[Route("/v1/hints", post_hint, methods=["POST"])]),
        ],
        exception_handlers={PortalRagError: _known_failure, HTTPException: _routing_failure},
    )


@asynccontextmanager
async def serving(
    app: Starlette, address: Address, *, limits: Limits = Limits()
) -> AsyncIterator[Address]:
    """Serve in this event loop, which keeps its signals; gives the address, with its real port.

    Raises:
        ConfigurationError: nothing can listen there, for example because something does.
    """
    listening = _listen(address)
    config = uvicorn.Config(
        app,
        access_log=False,
        backlog=limits.waiting,
        http=_bounded(limits),
        lifespan="off",
        log_config=None,
        log_level="error",  # a warning for each malformed request would let anybody fill the log
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=1,
        ws="none",
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        yield Address(host=address.host, port=listening.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listening.close()


def _bounded(limits: Limits) -> type[H11Protocol]:
    class BoundedProtocol(H11Protocol):
        _end: asyncio.TimerHandle

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._end = self.loop.call_later(limits.seconds, transport.abort)
            if len(self.connections) > limits.connections:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end.cancel()
            super().connection_lost(exc)

    return BoundedProtocol


class _Server(uvicorn.Server):
    """Leaves the signals to the program that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(address: Address) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such host"
        raise ConfigurationError(
            f"hints cannot be taken at {address}: {reason}; free the address, or name"
            " another with --hints or PORTAL_INDEX_HINTS_ADDRESS"
        ) from error


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _check_token(request: Request, accepted: Sequence[bytes]) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = token.strip().encode("latin-1")
    is_known = [hmac.compare_digest(shown, each) for each in accepted]
    if scheme.lower() != "bearer" or not any(is_known):
        raise AuthenticationError("Send the hint token as Authorization: Bearer …")


async def _json_body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaTypeError("The content type must be application/json")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                raise PayloadTooLargeError(f"The body is larger than {LARGEST_BODY} bytes")
    except ClientDisconnect as error:
        raise InputError("The body ended early") from error
    return bytes(body)


def _entity_of(body: bytes) -> EntityRef | None:
    try:
        hint = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("The body is not JSON") from error
    if not isinstance(hint, dict):
        raise InputError("The body must be a JSON object")
    for name in hint.keys() - {"entityRef"}:
        raise InputError(f"{name[:50]!r} is not a field of a hint; only entityRef is")
    if not hint:
        return None
    ref = hint["entityRef"]
    if not isinstance(ref, str):
        raise InputError("entityRef: it must be a text such as component:default/shop")
    try:
        return parse_hint(ref)
    except InputError as error:
        raise InputError(f"entityRef: {error.message}") from error


async def _known_failure(request: Request, error: Exception) -> Response:
    if not isinstance(error, PortalRagError):
        raise error
    return _failure(request, name=error.name, status=error.status, message=error.message)


async def _routing_failure(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    name = _NAMES.get(error.status_code, "Error")
    return _failure(request, name=name, status=error.status_code, message=error.detail)


def _failure(request: Request, *, name: str, status: int, message: str) -> Response:
    """Write Backstage's error body; the URL is relative to our mount and without its query."""
    body = {
        "error": {"name": name, "message": message},
        "request": {"method": request.method, "url": request.url.path.removeprefix(MOUNT)},
        "response": {"statusCode": status},
    }
    return JSONResponse(body, status_code=status)
