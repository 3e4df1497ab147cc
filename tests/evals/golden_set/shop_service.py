"""A service that knows one shop: it answers as the contract has it, and no better."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.evals.golden_set.made_up import answer, nothing_found


class ShopService:
    """Users sign in with `token-<name>-<version>`; only those of `accepted` versions may ask."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, dict[str, Any]]] = []
        self.accepted: set[str] | None = None
        self.is_ready = True
        self.app = Starlette(
            routes=[
                Route("/.backstage/health/v1/readiness", self._readiness),
                Route("/api/portal-rag/v1/questions", self._questions, methods=["POST"]),
            ]
        )

    async def _readiness(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"}, status_code=200 if self.is_ready else 503)

    async def _questions(self, request: Request) -> Response:
        token = request.headers.get("authorization")
        body = json.loads(await request.body())
        self.asked.append((token, body))
        version = (token or "").rpartition("-")[2]
        if self.accepted is not None and version not in self.accepted:
            return JSONResponse({"error": {"message": "the token has expired"}}, status_code=401)
        if "broken" in body["question"]:
            return Response("oh dear", status_code=500)
        return JSONResponse(answer() if "shop" in body["question"] else nothing_found())
