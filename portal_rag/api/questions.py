"""`POST /api/portal-rag/v1/questions`: one question in, one cited answer out."""

from functools import partial

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal_rag.api.request_log import current_request_id
from portal_rag.api.state import State
from portal_rag.api.wire import parse_question, to_wire
from portal_rag.domain import Question
from portal_rag.errors import (
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    UpstreamTimeoutError,
)
from portal_rag.principals import Principal
from portal_rag.services import Services
from portal_rag.trail import Answered

LARGEST_BODY = 600_000
"""Bytes: fifty turns of ten thousand characters, and the question."""


async def answer_question(request: Request[State]) -> Response:
    """Answer with the asker's own rights; from here on, whatever happens is on record."""
    principal = await request.state["authentication"].principal(request.headers)
    question = parse_question(await _json_body(request))
    services = request.state["services"]
    answered = await services.recorder.follow(
        principal,
        question,
        partial(_answered, services, principal, question),
        request_id=current_request_id(),
    )
    return JSONResponse(to_wire(answered.answer), headers={"cache-control": "no-store"})


async def _answered(services: Services, principal: Principal, question: Question) -> Answered:
    """Answer within the time that a question may take, if this asker may ask."""
    await services.admit(principal)
    try:
        with anyio.fail_after(services.question_timeout_seconds):
            portal = services.portal_of(principal)
            return await services.pipeline.answer_with_trail(question, portal)
    except TimeoutError as error:
        raise UpstreamTimeoutError(
            "portal-rag", "the question took too long; please ask again"
        ) from error


async def _json_body(request: Request[State]) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaTypeError("The content type must be application/json")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise PayloadTooLargeError(f"The body is larger than {LARGEST_BODY} bytes")
    return bytes(body)
