"""The public keys that tokens are signed with, fetched when needed and never too often."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from portal_rag.errors import PortalRagError, UpstreamError

ALGORITHMS = frozenset(
    {"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}
)
LIFE_SECONDS = 600.0
COOLDOWN_SECONDS = 30.0
FAILURE_PAUSE_SECONDS = 5.0
MOST_RELOADS = 10
RELOAD_WINDOW_SECONDS = 60.0

KeySet = tuple[str, ...]
USER_KEYS: KeySet = ("auth", ".well-known", "jwks.json")
_log = structlog.get_logger(__name__)


def plugin_keys(plugin_id: str) -> KeySet:
    """Say where a plugin publishes its keys; the id must have been checked."""
    return plugin_id, ".backstage", "auth", "v1", "jwks.json"


class KeyPublisher(Protocol):
    """Where key sets are read: a `BackstageTransport`, or another issuer."""

    async def get_json(self, *path: str, token: str | None) -> Any:
        """Read a set; there is no token, for whoever asks may know public keys."""
        ...


@dataclass(slots=True)
class _Known:
    keys: Mapping[str, PyJWK] | None = None
    fresh_until: float = 0.0
    failing_until: float = 0.0
    no_reload_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class JwksCache:
    """Keeps key sets for LIFE_SECONDS.

    A key that is not there makes the set be fetched again, for each replica of the auth backend
    has a key of its own; but not twice within COOLDOWN_SECONDS per set, and at most MOST_RELOADS
    times within RELOAD_WINDOW_SECONDS over all sets. While an endpoint fails the keys that it gave
    before stay in force, and it is left alone for FAILURE_PAUSE_SECONDS after each failure.
    """

    def __init__(self, publisher: KeyPublisher, *, timer: Callable[[], float]) -> None:
        """Prepare; `timer` counts seconds from any start."""
        self._publisher = publisher
        self._timer = timer
        self._sets: dict[KeySet, _Known] = {}
        self._reloads: deque[float] = deque(maxlen=MOST_RELOADS)

    async def find(self, key_set: KeySet, kid: str) -> PyJWK | None:
        """Look up a key for signatures by an algorithm of ALGORITHMS; its `algorithm_name` binds.

        Raises:
            UpstreamError: the set cannot be fetched, and was not before.
        """
        known = self._sets.setdefault(key_set, _Known())
        if not self._is_enough(known, kid):
            async with known.lock:
                if not self._is_enough(known, kid) and self._may_fetch(known):
                    await self._fetch(key_set, known)
        if known.keys is None:
            raise UpstreamError(key_set[0], "its public keys cannot be fetched", is_transient=True)
        return known.keys.get(kid)

    def _is_enough(self, known: _Known, kid: str) -> bool:
        return known.keys is not None and kid in known.keys and self._timer() < known.fresh_until

    def _may_fetch(self, known: _Known) -> bool:
        now = self._timer()
        if now < known.failing_until:
            return False
        return now >= known.fresh_until or self._may_reload(known, now)

    def _may_reload(self, known: _Known, now: float) -> bool:
        is_spent = (
            len(self._reloads) == MOST_RELOADS and now - self._reloads[0] < RELOAD_WINDOW_SECONDS
        )
        if is_spent or now < known.no_reload_until:
            return False
        known.no_reload_until = now + COOLDOWN_SECONDS
        self._reloads.append(now)
        return True

    async def _fetch(self, key_set: KeySet, known: _Known) -> None:
        try:
            keys = usable_keys(key_set, await self._publisher.get_json(*key_set, token=None))
        except PortalRagError as error:
            _log.warning("jwks_unavailable", plugin=key_set[0], error=error.message)
            known.failing_until = self._timer() + FAILURE_PAUSE_SECONDS
            return
        known.keys = keys
        known.fresh_until = self._timer() + LIFE_SECONDS


def usable_keys(key_set: KeySet, answer: object) -> Mapping[str, PyJWK]:
    """Keep of an answer the keys that tokens may be verified with, by their ids.

    Raises:
        UpstreamError: it is no set of keys.
    """
    keys = answer.get("keys") if isinstance(answer, Mapping) else None
    if not isinstance(keys, list):
        raise UpstreamError(key_set[0], "the answer is not a set of keys")
    usable = (key for jwk in keys if (key := _usable_key(jwk)))
    return {kid: key for key in usable if (kid := key.key_id)}


def _usable_key(jwk: object) -> PyJWK | None:
    """Keep a key that says itself which asymmetric algorithm it is for; ignore any other."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return None
    algorithm = jwk.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return None
    if jwk.get("use", "sig") != "sig":
        return None
    try:
        return PyJWK(jwk, algorithm)
    except (PyJWTError, ValueError):
        return None
