"""A Qdrant server for tests: real HTTP on loopback over qdrant-client's in-memory engine.

    with FakeQdrant() as server:
        … server.url …
    assert server.violations == []

Every exchange is checked against Qdrant's own description.
"""

import threading
from typing import Any, Self

from tests.contracts.contract import Exchange, qdrant_contract
from tests.fakes.loopback import App, Fault, Hold, LoopbackServer, RecordedRequest
from tests.fakes.qdrant_routes import QdrantRoutes


class FakeQdrant:
    """One server with no collections; where keys are given, requests need one of them.

    `violations` says which exchanges were not as the description has them.
    """

    def __init__(self, *, key: str | None = None, read_only_key: str | None = None) -> None:
        self.violations: list[str] = []
        self._routes = QdrantRoutes(key=key, read_only_key=read_only_key)
        self._server = LoopbackServer(_Checked(self._routes.app(), self.violations))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._routes.close()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def requests(self) -> list[RecordedRequest]:
        return self._server.requests

    def hold_one(self, *, after: int) -> Hold:
        """Let so many requests pass from now on, and the next one wait for its release."""
        reached, released = threading.Event(), threading.Event()
        self._server.add(Fault("/", times=1, after=after, reached=reached, released=released))
        return Hold(reached, released)

    def mend(self) -> None:
        """Let go on what is held."""
        self._server.mend()


class _Checked:
    """Passes requests on, and checks what was asked and answered."""

    def __init__(self, app: App, violations: list[str]) -> None:
        self._app = app
        self._violations = violations

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked, answered = bytearray(), bytearray()
        start: dict[str, Any] = {}

        async def receive_recorded() -> Any:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def send_recorded(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            answered.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # Before the caller sees the answer: it may end the test.
                exchange = _exchange(scope, start, bytes(asked), bytes(answered))
                self._violations.extend(qdrant_contract().violations(exchange))
            await send(message)

        await self._app(scope, receive_recorded, send_recorded)


def _exchange(scope: Any, start: Any, asked: bytes, answered: bytes) -> Exchange:
    return Exchange(
        method=scope["method"],
        path=scope["raw_path"].decode(),
        query=scope["query_string"].decode(),
        content_type=_header(scope, b"content-type"),
        body=asked,
        status=start["status"],
        answer_type=_header(start, b"content-type"),
        answer=answered,
    )


def _header(message: Any, name: bytes) -> str:
    value: bytes = dict(message["headers"]).get(name, b"")
    return value.decode()
