"""Liveness and readiness, at Backstage's paths and at the plain one."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal_rag.api.state import State
from portal_rag.errors import PortalRagError


async def liveness(request: Request[State]) -> Response:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"})


async def readiness(request: Request[State]) -> Response:
    """Say whether the index can be read, if any is; `portal-rag doctor` says what is wrong."""
    index = request.state["services"].index
    try:
        if index:
            await index.manifest()
    except PortalRagError:
        return JSONResponse(
            {"message": "The index cannot be read", "status": "error"}, status_code=503
        )
    return JSONResponse({"status": "ok"})
