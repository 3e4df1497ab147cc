"""`GET /metrics`, where it is switched on."""

from starlette.requests import Request
from starlette.responses import Response

from portal_rag.api.state import State
from portal_rag.errors import NotFoundError
from portal_rag.metrics import CONTENT_TYPE


async def metrics(request: Request[State]) -> Response:
    """Give counts and times as Prometheus reads them."""
    counted = request.state["services"].recorder.metrics
    if counted is None:
        raise NotFoundError("Metrics are switched off (PORTAL_RAG_METRICS=false)")
    return Response(counted.exposition(), media_type=CONTENT_TYPE)
