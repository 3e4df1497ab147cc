"""The event bus of a Backstage backend (events-backend 0.6.6, its store in memory)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.backstage_tokens import Tokens, bad_input, not_allowed, not_found

Json = dict[str, Any]
BUS = "/api/events/bus/v1"
AT_MOST = 10


@dataclass
class Subscription:
    topics: frozenset[str]
    read: int


class EventBus:
    """Keeps events; a read of nothing hangs until something comes, or for `hang_seconds`.

    `hanging` is set when one does.
    """

    def __init__(self, *, hang_seconds: float = 55.0) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.hanging = threading.Event()
        self.hang_seconds = hang_seconds
        self._events: list[Json] = []
        self._came = asyncio.Condition()

    def routes(self, tokens: Tokens) -> Sequence[Route]:
        return _Routes(tokens, self).routes()

    def subscribe(self, name: str, topics: Sequence[str]) -> None:
        known = self.subscriptions.get(name)
        read = known.read if known else len(self._events)
        self.subscriptions[name] = Subscription(frozenset(topics), read)

    async def publish(self, event: Json) -> bool:
        if not any(event["topic"] in each.topics for each in self.subscriptions.values()):
            return False
        async with self._came:
            self._events.append(event)
            self._came.notify_all()
        return True

    def take(self, name: str) -> list[Json]:
        subscription = self.subscriptions[name]
        waiting = self._waiting(subscription)[:AT_MOST]
        if waiting:
            subscription.read = waiting[-1] + 1
        return [self._events[number] for number in waiting]

    async def hang(self, name: str) -> AsyncIterator[bytes]:
        subscription = self.subscriptions[name]
        self.hanging.set()
        try:
            async with asyncio.timeout(self.hang_seconds), self._came:
                await self._came.wait_for(lambda: bool(self._waiting(subscription)))
        except TimeoutError:
            pass
        yield b""

    def _waiting(self, subscription: Subscription) -> list[int]:
        return [
            number
            for number in range(subscription.read, len(self._events))
            if self._events[number]["topic"] in subscription.topics
        ]


@dataclass(frozen=True)
class _Routes:
    tokens: Tokens = field(repr=False)
    bus: EventBus

    def routes(self) -> Sequence[Route]:
        subscription = BUS + "/subscriptions/{name}"
        return (
            Route(BUS + "/events", self._publish, methods=["POST"]),
            Route(subscription, self._subscribe, methods=["PUT"]),
            Route(subscription + "/events", self._read, methods=["GET"]),
        )

    def _check(self, request: Request) -> None:
        caller = self.tokens.authenticate(request.headers.get("authorization"), "events")
        if caller.user_ref:
            raise not_allowed("This endpoint does not allow 'user' credentials")

    async def _publish(self, request: Request) -> Response:
        self._check(request)
        is_kept = await self.bus.publish((await request.json())["event"])
        return Response(None, 201 if is_kept else 204)

    async def _subscribe(self, request: Request) -> Response:
        body = await request.json()
        if "topics" not in body:
            raise bad_input("request/body must have required property 'topics'")
        self._check(request)
        self.bus.subscribe(request.path_params["name"], body["topics"])
        return Response(None, 201)

    async def _read(self, request: Request) -> Response:
        self._check(request)
        name = request.path_params["name"]
        if name not in self.bus.subscriptions:
            raise not_found("Subscription not found")
        if events := self.bus.take(name):
            return JSONResponse({"events": events})
        headers = {"backstage-events-notify-timeout": str(int(self.bus.hang_seconds * 1_000))}
        return StreamingResponse(self.bus.hang(name), 202, headers)
