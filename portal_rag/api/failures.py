"""Errors as Backstage writes them, so that its clients recognise ours."""

from collections.abc import Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal_rag.errors import AuthenticationError, PortalRagError

MOUNT = "/api/portal-rag"
_NAMES: Mapping[int, str] = {404: "NotFoundError", 405: "NotAllowedError"}
_log = structlog.get_logger()


async def known_failure(request: Request, error: Exception) -> Response:
    """Answer an error that was raised on purpose with its own name, status and message."""
    if not isinstance(error, PortalRagError):
        return await unknown_failure(request, error)
    if isinstance(error, AuthenticationError):
        _log.info("token_refused", reason=error.reason)
    _log.info("request_failed", error=error.name, status=error.status)
    return failure(request, name=error.name, status=error.status, message=error.message)


async def routing_failure(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method."""
    if not isinstance(error, HTTPException):
        return await unknown_failure(request, error)
    name = _NAMES.get(error.status_code, "Error")
    return failure(request, name=name, status=error.status_code, message=error.detail)


async def unknown_failure(request: Request, error: Exception) -> Response:
    """Answer a bug: the log has all of it, the caller learns nothing."""
    _log.error("unexpected_failure", exc_info=error)
    return failure(request, name="Error", status=500, message="Something went wrong on our side")


def failure(request: Request, *, name: str, status: int, message: str) -> JSONResponse:
    """Write Backstage's error body; the URL is relative to our mount and without its query."""
    body: dict[str, Any] = {
        "error": {"name": name, "message": message},
        "request": {"method": request.method, "url": request.url.path.removeprefix(MOUNT)},
        "response": {"statusCode": status},
    }
    return JSONResponse(body, status_code=status)
