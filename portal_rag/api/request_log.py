"""One log line a request, with an id that all of its other lines carry too."""

import re
import time
import uuid
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger()


class RequestLog:
    """Binds the request id; logs method, path, status and milliseconds, never who or what."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
                took = round((time.perf_counter() - started) * 1000)
                _log.info(
                    "request",
                    method=scope["method"],
                    path=quote(scope["path"]),
                    status=message["status"],
                    took_ms=took,
                )
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


def current_request_id() -> str:
    """Say which request this is, as its log lines and the header of its answer do."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
