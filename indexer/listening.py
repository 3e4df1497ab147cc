"""Listens to Backstage's event bus, and turns what is heard into hints."""

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from indexer.hinting import Hints, parse_hint
from portal_rag.backstage.events import Event, EventsClient
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import (
    AuthenticationError,
    InputError,
    NotAllowedError,
    NotFoundError,
    UpstreamError,
)

PAUSE_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
WITHOUT_BUS_SECONDS = 600.0


class Listener:
    """Reads one subscription for ever; when it fails, it waits and says so once.

    `sleep` takes seconds, `random` gives a number from 0 to 1, `notice` is told what an operator
    should know.
    """

    def __init__(
        self,
        events: EventsClient,
        hints: Hints,
        *,
        sleep: Callable[[float], Coroutine[Any, Any, None]],
        random: Callable[[], float],
        notice: Callable[[str], None],
    ) -> None:
        self._events = events
        self._hints = hints
        self._sleep = sleep
        self._random = random
        self._notice = notice
        self._is_subscribed = False
        self._may_have_missed = False
        self._failures = 0
        self._said: str | None = None

    async def listen(self) -> NoReturn:
        """Turn events into hints, whatever the bus does."""
        while True:
            await self._sleep(await self._listen_once())

    async def _listen_once(self) -> float:
        """Read once, subscribing where need be; gives the seconds to wait before the next time."""
        try:
            await self._subscribe()
            await self._read()
        except (AuthenticationError, NotAllowedError, NotFoundError) as error:
            return self._stays_without(error)
        except UpstreamError as error:
            return self._backs_off(error)
        return PAUSE_SECONDS if self._is_subscribed else self._backoff()

    async def _subscribe(self) -> None:
        if self._is_subscribed:
            return
        await self._events.subscribe()
        self._is_subscribed = True
        if self._may_have_missed:
            self._hints.post(None)
        self._may_have_missed = False

    async def _read(self) -> None:
        try:
            events = await self._events.read()
        except NotFoundError:  # Backstage forgets subscriptions that nobody reads
            self._is_subscribed = False
            self._may_have_missed = True
            return
        for event in events:
            self._hints.post(_entity_of(event))
        self._failures = 0
        if self._said:
            self._notice("the event bus of Backstage is heard again")
            self._said = None

    def _stays_without(self, error: Exception) -> float:
        why = (
            "this Backstage has no event bus (plugin events, from events-backend 0.3.13)"
            if isinstance(error, NotFoundError)
            else f"{error}; may PORTAL_INDEX_BACKSTAGE_TOKEN use the plugin 'events'?"
        )
        self._say(f"no hints from events: {why}; runs go on at intervals")
        self._is_subscribed = False
        self._may_have_missed = True
        return WITHOUT_BUS_SECONDS

    def _backs_off(self, error: UpstreamError) -> float:
        self._say(f"no hints from events for now: {error}; runs go on at intervals")
        if self._failures == 0 and not error.is_transient:
            self._hints.post(None)  # what could not be understood is taken off the bus all the same
        return self._backoff()

    def _backoff(self) -> float:
        self._failures += 1
        longest = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(self._failures, 10))
        return longest * (0.5 + 0.5 * self._random())

    def _say(self, text: str) -> None:
        if text != self._said:
            self._notice(text)
        self._said = text


def _entity_of(event: Event) -> EntityRef | None:
    """Take the one word of a payload that is looked at, if it is a reference."""
    ref = event.payload.get("entityRef")
    if not isinstance(ref, str):
        return None
    try:
        return parse_hint(ref)
    except InputError:
        return None
