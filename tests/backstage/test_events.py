"""The event bus, as a client of it sees it."""

from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from portal_rag.backstage.events import Event, EventsClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.errors import (
    AuthenticationError,
    NotAllowedError,
    NotFoundError,
    UpstreamError,
    UpstreamTimeoutError,
)
from tests.backstage.conftest import ALICE, TLS
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_events import BUS, EventBus

DOCS = "portal-rag-docs"
EVENTS = f"{BUS}/subscriptions/portal-rag.index/events"


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def portal(bus: EventBus) -> Iterator[FakeBackstage]:
    with FakeBackstage(events=bus) as portal:
        yield portal


def client_of(
    portal: FakeBackstage, transport: BackstageTransport, token: str | None = None
) -> EventsClient:
    token = portal.service_token if token is None else token
    return EventsClient(transport, token=token, name="index", topics=(DOCS, "github.push"))


@pytest.fixture
def events(portal: FakeBackstage, transport: BackstageTransport) -> EventsClient:
    return client_of(portal, transport)


async def publish(portal: FakeBackstage, payload: Any, *, topic: str = DOCS) -> int:
    headers = {"authorization": f"Bearer {portal.service_token}"}
    body = {"event": {"topic": topic, "payload": payload}}
    async with httpx.AsyncClient(base_url=portal.url, headers=headers, verify=TLS) as client:
        return (await client.post(f"{BUS}/events", json=body)).status_code


async def test_what_was_published_since_the_subscription_is_read_once(
    portal: FakeBackstage, bus: EventBus, events: EventsClient
) -> None:
    assert await publish(portal, {"too": "early"}) == 204
    await events.subscribe()
    assert await publish(portal, {"entityRef": "component:default/shop"}) == 201
    assert await publish(portal, {"other": "topic"}, topic="gitlab") == 204
    bus.hang_seconds = 0.01
    payload = {"entityRef": "component:default/shop"}
    assert await events.read() == (Event(topic=DOCS, payload=payload),)
    assert await events.read() == ()


async def test_at_most_ten_are_read_at_once(portal: FakeBackstage, events: EventsClient) -> None:
    await events.subscribe()
    for number in range(12):
        await publish(portal, {"number": number})
    numbers = [[event.payload["number"] for event in await events.read()] for _ in range(2)]
    assert numbers == [list(range(10)), [10, 11]]


async def test_a_read_waits_for_an_event_and_the_next_one_has_it(
    portal: FakeBackstage, bus: EventBus, events: EventsClient
) -> None:
    await events.subscribe()
    found: list[tuple[Event, ...]] = []

    async def read_twice() -> None:
        found.extend([await events.read(), await events.read()])

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(read_twice)
            await anyio.to_thread.run_sync(bus.hanging.wait, 5)
            await publish(portal, {"a": 1})
    assert found[-1] == (Event(topic=DOCS, payload={"a": 1}),)


async def test_a_read_may_take_longer_than_other_calls(portal: FakeBackstage) -> None:
    async with BackstageTransport(portal.url, deadline_seconds=0.3, verify=TLS) as transport:
        events = client_of(portal, transport)
        await events.subscribe()
        hold = portal.hold(EVENTS)
        with anyio.move_on_after(0.5) as waiting:
            await events.read()
        hold.release()
        assert waiting.cancelled_caught


async def test_a_long_poll_is_given_up_at_its_own_deadline(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.hold(EVENTS)
    path = EVENTS.removeprefix("/api/").split("/")
    with pytest.raises(UpstreamTimeoutError):
        await transport.long_poll_json(*path, token="t", deadline_seconds=0.1)


async def test_a_subscription_that_was_forgotten_is_not_found_until_it_is_made_again(
    portal: FakeBackstage, bus: EventBus, events: EventsClient
) -> None:
    await events.subscribe()
    bus.subscriptions.clear()
    with pytest.raises(NotFoundError):
        await events.read()
    await events.subscribe()
    await publish(portal, {"a": 1})
    assert len(await events.read()) == 1


async def test_without_the_plugin_there_is_nothing_to_subscribe_to() -> None:
    with FakeBackstage() as old:
        async with BackstageTransport(old.url, deadline_seconds=5, verify=TLS) as transport:
            with pytest.raises(NotFoundError):
                await client_of(old, transport).subscribe()


async def test_only_services_may_listen(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    for token, refusal in (
        (portal.user_token(ALICE), NotAllowedError),
        ("someone", AuthenticationError),
    ):
        with pytest.raises(refusal):
            await client_of(portal, transport, token).subscribe()


@pytest.mark.parametrize("body", [b"[]", b'{"events": {}}', b'{"items": []}', b"<html>"])
async def test_an_answer_that_is_no_list_of_events_is_an_upstream_error(
    portal: FakeBackstage, events: EventsClient, body: bytes
) -> None:
    portal.answer(EVENTS, body=body)
    with pytest.raises(UpstreamError) as raised:
        await events.read()
    assert not raised.value.is_transient


async def test_what_is_odd_in_a_list_of_events_is_left_out(
    portal: FakeBackstage, events: EventsClient
) -> None:
    portal.answer(EVENTS, body=b'{"events": [1, {"topic": "t", "payload": "text"}, null]}')
    assert await events.read() == (Event(topic="t", payload={}),)


@pytest.mark.parametrize(
    "path",
    [
        ("events", "bus", "v1", "subscriptions", "somebody-else"),
        ("events", "bus", "v1", "subscriptions"),
        ("events", "bus", "v1", "subscriptions", "portal-rag.x", "events"),
        ("events", "bus", "v2", "subscriptions", "portal-rag.x"),
        ("catalog", "bus", "v1", "subscriptions", "portal-rag.x"),
        ("catalog", "locations", "portal-rag.x"),
        ("portal-rag.x",),
        (),
    ],
)
async def test_nothing_else_is_put(
    portal: FakeBackstage, transport: BackstageTransport, path: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="not an event subscription"):
        await transport.put_json(*path, token="t", body={})
    assert portal.requests == []
