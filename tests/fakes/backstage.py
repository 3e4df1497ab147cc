"""A Backstage backend for tests: real HTTP on loopback, and the contract of release 1.55.0.

    with FakeBackstage(entities=[…], sites={…}) as portal:
        token = portal.user_token("user:default/alice")
        … portal.url …

Entities may be changed and faults added while it runs. What it was asked is in `requests`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from tests.fakes.backstage_catalog import ref_of, stitched
from tests.fakes.backstage_events import EventBus
from tests.fakes.backstage_permission import OwnerOrPublic, Permissions, Policy
from tests.fakes.backstage_routes import BackstageRoutes, Site
from tests.fakes.backstage_search import SearchIndex
from tests.fakes.backstage_tokens import Tokens
from tests.fakes.loopback import Event, Fault, Hold, LoopbackServer, RecordedRequest

Json = dict[str, Any]
ADMINS = "group:default/platform-admins"


def entity(
    ref: str,
    *,
    title: str | None = None,
    owner: str | None = None,
    is_public: bool = False,
    annotations: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
    relations: Mapping[str, Sequence[str]] | None = None,
) -> Json:
    """Write an entity; `ref` is in the author's case, relations are type → references."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.rpartition("/")
    ends = {**({"ownedBy": [owner]} if owner else {}), **(relations or {})}
    metadata = {
        "name": name,
        "namespace": namespace or "default",
        "title": title,
        "annotations": dict(annotations) if annotations else None,
        "labels": {"visibility": "public"} if is_public else None,
    }
    return {
        "kind": kind,
        "metadata": {key: value for key, value in metadata.items() if value is not None},
        "spec": dict(spec or {}),
        "relations": [
            {"type": name, "targetRef": target}
            for name, targets in ends.items()
            for target in targets
        ],
    }


class FakeBackstage:
    """A portal of its own entities, sites (reference → path → content) and policy.

    The policy says whether a user (reference, ownership references) may read an entity; members
    of `admins` are allowed everything outright. `is_old` makes it a portal before
    catalog-backend 3.5.0. Without `events` it has no event bus, as the default template, and
    without `search` no Search.
    """

    def __init__(
        self,
        *,
        entities: Iterable[Mapping[str, Any]] = (),
        sites: Mapping[str, Site] | None = None,
        policy: Policy | None = None,
        admins: Sequence[str] = (ADMINS,),
        is_old: bool = False,
        events: EventBus | None = None,
        search: SearchIndex | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.entities: dict[str, Json] = {}
        for entity in entities:
            self.put(entity)
        self.sites: dict[str, Site] = dict(sites or {})
        self.search = search
        self.tokens = Tokens(clock)
        self.permissions = Permissions(self.entities, policy or OwnerOrPublic(), admins)
        routes = BackstageRoutes(
            entities=self.entities,
            sites=self.sites,
            tokens=self.tokens,
            permissions=self.permissions,
            is_old=is_old,
            events=events,
            search=search,
        )
        self._server = LoopbackServer(routes.app())

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def requests(self) -> list[RecordedRequest]:
        return self._server.requests

    @property
    def service_token(self) -> str:
        return self.tokens.service_token

    def asked(self, prefix: str) -> int:
        """Count the requests below a path."""
        return sum(request.path.startswith(prefix) for request in self.requests)

    def put(self, entity: Mapping[str, Any]) -> None:
        """Add or replace an entity."""
        self.entities[ref_of(entity)] = stitched(entity)

    def remove(self, ref: str) -> None:
        del self.entities[ref]

    def user_token(
        self, user_ref: str, *, ownership: Sequence[str] | None = None, expires_in: float = 3600
    ) -> str:
        """Sign a user in; they own through themselves and the groups that they are members of."""
        relations = self.entities.get(user_ref, {}).get("relations", ())
        groups = [each["targetRef"] for each in relations if each["type"] == "memberOf"]
        owned_through = (user_ref, *groups) if ownership is None else ownership
        return self.tokens.user(user_ref, owned_through, expires_in=expires_in)

    def plugin_token(self, caller: str, audience: str, *, obo_user: str | None = None) -> str:
        """Let a plugin call another, on behalf of a user if one is given."""
        obo = self.tokens.limited(self.user_token(obo_user)) if obo_user else None
        return self.tokens.plugin(caller, audience, obo=obo)

    def answer(
        self,
        prefix: str,
        *,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Answer requests below a path with this instead, `times` times or until `mend`.

        The first `after` of them are answered as usual.
        """
        fault = Fault(prefix, times, after, status=status, body=body, headers=headers or {})
        self._server.add(fault)

    def answer_at_length(self, prefix: str, *, size: int) -> Fault:
        """Answer with so many bytes, as long as the caller takes them; gives what became of it."""
        fault = Fault(prefix, size=size)
        self._server.add(fault)
        return fault

    def drop(self, prefix: str, *, times: int | None = None, after: int = 0) -> None:
        """Break off the connection in the middle of the answer, but not of the first `after`."""
        self._server.add(Fault(prefix, times, after, drops=True))

    def hold(self, prefix: str) -> Hold:
        """Let requests wait until the hold is released, then answer them as usual."""
        reached, released = threading.Event(), threading.Event()
        self._server.add(Fault(prefix, reached=reached, released=released))
        return Hold(reached, released)

    def before(self, event: Event) -> None:
        """Let something happen in the portal between a request's coming and its answer."""
        self._server.before(event)

    def mend(self) -> None:
        """End all faults and events."""
        self._server.mend()
