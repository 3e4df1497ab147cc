"""`GET /metrics`, for machine clients alone: what the gate drops tells of hidden things."""

from starlette.requests import Request
from starlette.responses import Response

from portal_rag.api.state import State
from portal_rag.metrics import CONTENT_TYPE


async def metrics(request: Request[State]) -> Response:
    """Give counts and times as Prometheus reads them."""
    await request.state["machines"].check(request.headers, access="metrics")
    counted = request.state["services"].recorder.metrics
    return Response(counted.exposition(), media_type=CONTENT_TYPE)
