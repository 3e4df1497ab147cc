"""Events become hints; a bus that fails or is missing is waited for, and said once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from indexer.hinting import Hints
from indexer.listening import PAUSE_SECONDS, WITHOUT_BUS_SECONDS, Listener
from portal_rag.backstage.events import EventsClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from tests.backstage.conftest import ALICE, TLS
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_events import BUS, EventBus

SHOP = EntityRef.parse("component:default/shop")
TOPIC = "portal-rag-docs"
BODY = b'{"events": [{"topic": "t", "payload": %s}]}'


class Listening:
    """A listener that stops at each pause until it is told to go on."""

    def __init__(self, portal: FakeBackstage, transport: BackstageTransport, token: str) -> None:
        self.portal = portal
        self.hints = Hints()
        self.notices: list[str] = []
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self._go_on: asyncio.Queue[None] = asyncio.Queue()
        client = EventsClient(transport, token=token, name="index", topics=(TOPIC,))
        self._listener = Listener(
            client,
            self.hints,
            sleep=self._pause,
            random=lambda: 1.0,
            notice=self.notices.append,
        )
        self._task: asyncio.Task[None] | None = None

    async def _pause(self, seconds: float) -> None:
        self.pauses.put_nowait(seconds)
        await self._go_on.get()

    async def next_pause(self) -> float:
        """Let it go on; gives the seconds that it would wait after the next read."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._listener.listen())
        else:
            self._go_on.put_nowait(None)
        async with asyncio.timeout(10):
            return await self.pauses.get()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def transport(portal: FakeBackstage) -> AsyncIterator[BackstageTransport]:
    async with BackstageTransport(portal.url, deadline_seconds=5, verify=TLS) as transport:
        yield transport


@pytest.fixture
def bus() -> EventBus:
    return EventBus(hang_seconds=0.01)


@pytest.fixture
async def portal(bus: EventBus) -> AsyncIterator[FakeBackstage]:
    with FakeBackstage(events=bus) as portal:
        yield portal


@pytest.fixture
async def listening(
    portal: FakeBackstage, transport: BackstageTransport
) -> AsyncIterator[Listening]:
    listening = Listening(portal, transport, portal.service_token)
    yield listening
    await listening.stop()


@pytest.mark.parametrize(
    ("payload", "hinted"),
    [
        (b'{"entityRef": "component:default/shop"}', (SHOP,)),
        (b'{"entityRef": "Component:Shop", "text": "ignored"}', (SHOP,)),
        (b'{"entityRef": "shop"}', (None,)),
        (b'{"entityRef": ["component:default/shop"]}', (None,)),
        (b'{"entityRef": "component:default/\\u001b[2J"}', (None,)),
        (b'{"ref": "refs/heads/main"}', (None,)),
        (b'"component:default/shop"', (None,)),
    ],
)
async def test_of_an_event_only_an_entity_reference_is_taken(
    listening: Listening, payload: bytes, hinted: tuple[EntityRef | None, ...]
) -> None:
    listening.portal.answer(f"{BUS}/subscriptions/portal-rag.index/events", body=BODY % payload)
    assert await listening.next_pause() == PAUSE_SECONDS
    assert listening.hints.take() == hinted


async def test_silence_is_no_hint_and_no_tight_loop(listening: Listening) -> None:
    assert [await listening.next_pause() for _ in range(3)] == [PAUSE_SECONDS] * 3
    assert listening.hints.take() == ()
    assert listening.notices == []


async def test_a_forgotten_subscription_is_made_again_and_everything_looked_at(
    listening: Listening, bus: EventBus
) -> None:
    await listening.next_pause()
    bus.subscriptions.clear()
    assert await listening.next_pause() == 2.0
    assert listening.hints.take() == ()
    assert await listening.next_pause() == PAUSE_SECONDS
    assert listening.hints.take() == (None,)
    assert "portal-rag.index" in bus.subscriptions


async def test_a_bus_that_fails_is_asked_less_and_less_and_said_once(listening: Listening) -> None:
    await listening.next_pause()
    listening.portal.answer(BUS, status=503)
    pauses = [await listening.next_pause() for _ in range(8)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert listening.hints.take() == ()
    assert len(listening.notices) == 1
    listening.portal.mend()
    assert await listening.next_pause() == PAUSE_SECONDS
    assert listening.notices[1:] == ["the event bus of Backstage is heard again"]


async def test_events_that_cannot_be_understood_are_one_general_hint(listening: Listening) -> None:
    listening.portal.answer(f"{BUS}/subscriptions/portal-rag.index/events", body=b"<html>")
    hinted = []
    for _ in range(3):
        await listening.next_pause()
        hinted.append(listening.hints.take())
    assert hinted == [(None,), (), ()]


async def test_a_portal_without_the_bus_is_asked_again_much_later(listening: Listening) -> None:
    listening.portal.answer(BUS, status=404, times=2)
    assert [await listening.next_pause() for _ in range(2)] == [WITHOUT_BUS_SECONDS] * 2
    [notice] = listening.notices
    assert "no event bus" in notice
    assert await listening.next_pause() == PAUSE_SECONDS
    assert listening.hints.take() == (None,)


@pytest.mark.parametrize("who", [ALICE, None])
async def test_a_token_that_may_not_listen_is_said_with_what_to_do(
    portal: FakeBackstage, transport: BackstageTransport, who: str | None
) -> None:
    token = portal.user_token(who) if who else "somebody"
    listening = Listening(portal, transport, token)
    assert await listening.next_pause() == WITHOUT_BUS_SECONDS
    await listening.stop()
    [notice] = listening.notices
    assert "PORTAL_INDEX_BACKSTAGE_TOKEN" in notice
    assert token not in notice
