"""What Backstage asks of any of its plugins: public keys, and the permissions it knows."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal_rag.api.state import State
from portal_rag.backstage.permission import ASK
from portal_rag.errors import NotFoundError

_METADATA = {
    "permissions": [{"type": "basic", "name": ASK, "attributes": {"action": "read"}}],
    "rules": [],
}


async def public_keys(request: Request[State]) -> Response:
    """Publish the keys with which tokens of this plugin are verified, to anybody."""
    keys = request.state["services"].plugin_keys
    if keys is None:
        raise NotFoundError("This service does not sign tokens (PORTAL_RAG_IDENTITY=forward)")
    return JSONResponse({"keys": [dict(key) for key in keys]})


async def permission_metadata(request: Request[State]) -> Response:
    """Name the permissions of this plugin to whoever has credentials."""
    await request.state["authentication"].check(request.headers)
    return JSONResponse(_METADATA)
