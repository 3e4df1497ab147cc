"""Backstage's event bus (events-backend 0.3.13 and later): one subscription, read by long polls.

Only service principals may use it. Reading takes events off; delivery is not guaranteed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal_rag.backstage.transport import SUBSCRIPTION_PREFIX, SUBSCRIPTIONS, BackstageTransport
from portal_rag.errors import UpstreamError

LONG_POLL_SECONDS = 70.0
"""Backstage lets go of a reader after 55."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What was published; a payload that is no object counts as empty."""

    topic: str
    payload: Mapping[str, Any] = field(repr=False)


class EventsClient:
    """Reads the events of some topics; readers that share a name share the events among them."""

    def __init__(
        self, transport: BackstageTransport, *, token: str, name: str, topics: Sequence[str]
    ) -> None:
        """Prepare the subscription `portal-rag.<name>`; `subscribe` comes first."""
        self._transport = transport
        self._token = token
        self._path = (*SUBSCRIPTIONS, SUBSCRIPTION_PREFIX + name)
        self._topics = tuple(topics)

    async def subscribe(self) -> None:
        """Begin, or begin again with other topics; events from now on are kept for us.

        Raises:
            NotFoundError: this Backstage has no event bus.
            AuthenticationError, NotAllowedError, UpstreamError: see `BackstageTransport`.
        """
        await self._transport.put_json(
            *self._path, token=self._token, body={"topics": list(self._topics)}
        )

    async def read(self) -> tuple[Event, ...]:
        """Give at most ten events, oldest first; none if it is time to ask again.

        Raises:
            NotFoundError: the subscription was forgotten, events were missed.
            AuthenticationError, NotAllowedError, UpstreamError: see `BackstageTransport`.
        """
        answer = await self._transport.long_poll_json(
            *self._path, "events", token=self._token, deadline_seconds=LONG_POLL_SECONDS
        )
        if answer is None:
            return ()
        events = answer.get("events") if isinstance(answer, dict) else None
        if not isinstance(events, list):
            raise UpstreamError("events", "the answer holds no list of events")
        return tuple(_event(each) for each in events if isinstance(each, dict))


def _event(each: Mapping[str, Any]) -> Event:
    payload = each.get("payload")
    return Event(topic=str(each.get("topic")), payload=payload if isinstance(payload, dict) else {})
