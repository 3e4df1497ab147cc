"""Hints come out of the event bus of a real Backstage."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from evals.backstage import Portal
from indexer.hinting import Hints
from indexer.listening import Listener
from portal_rag.backstage.events import Event, EventsClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import NotAllowedError, NotFoundError
from tests.backstage.conftest import TLS

TOPIC = "portal-rag-docs"
SHOP = EntityRef.parse("component:default/cart-service")
PAYLOAD = {"entityRef": str(SHOP)}


def transport_to(portal: Portal) -> BackstageTransport:
    return BackstageTransport(portal.url, deadline_seconds=30, verify=TLS)


def client_of(
    portal: Portal, transport: BackstageTransport, name: str, *, token: str | None = None
) -> EventsClient:
    return EventsClient(transport, token=token or portal.service_token, name=name, topics=(TOPIC,))


async def publish(portal: Portal) -> int:
    headers = {"authorization": f"Bearer {portal.service_token}"}
    body = {"event": {"topic": TOPIC, "payload": PAYLOAD}}
    async with httpx.AsyncClient(base_url=portal.url, headers=headers, verify=TLS) as client:
        return (await client.post("/api/events/bus/v1/events", json=body)).status_code


async def test_an_event_is_read_once(portal: Portal) -> None:
    async with transport_to(portal) as transport:
        events = client_of(portal, transport, "test-reading")
        await events.subscribe()
        await events.subscribe()
        assert await publish(portal) == httpx.codes.CREATED
        assert await events.read() == (Event(topic=TOPIC, payload=PAYLOAD),)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await events.read()


async def test_a_listener_that_waits_hears_an_event_as_a_hint(portal: Portal) -> None:
    hints, pauses = Hints(), asyncio.Queue[float]()

    def pause(seconds: float) -> Coroutine[Any, Any, None]:
        pauses.put_nowait(seconds)
        return asyncio.sleep(0)

    async with transport_to(portal) as transport, asyncio.timeout(30):
        events = client_of(portal, transport, "test-listening")
        await events.subscribe()
        listener = Listener(events, hints, sleep=pause, random=lambda: 0.5, notice=print)
        listening = asyncio.ensure_future(listener.listen())
        await publish(portal)
        await hints.wait()
        assert hints.take() == (SHOP,)
        await pauses.get()
        await publish(portal)
        await hints.wait()
        assert hints.take() == (SHOP,)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_subscription_that_was_not_made_is_not_found(portal: Portal) -> None:
    async with transport_to(portal) as transport:
        with pytest.raises(NotFoundError):
            await client_of(portal, transport, "test-unknown").read()


async def test_a_user_may_not_listen(portal: Portal) -> None:
    async with transport_to(portal) as transport:
        token = portal.user_token("carol")
        with pytest.raises(NotAllowedError):
            await client_of(portal, transport, "test-user", token=token).subscribe()
