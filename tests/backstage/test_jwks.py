import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from portal_rag.backstage.jwks import USER_KEYS, JwksCache, plugin_keys
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.errors import UpstreamError
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import PLUGINS, SigningKey

USER_JWKS = "/api/auth/.well-known/jwks.json"
KID = "user-1"


@pytest.fixture
def timer() -> Ticking:
    return Ticking()


@pytest.fixture
def jwks(transport: BackstageTransport, timer: Ticking) -> JwksCache:
    return JwksCache(transport, timer=timer)


async def test_a_key_is_fetched_once_for_ten_minutes(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking
) -> None:
    for seconds in (0, 300, 299):
        timer.seconds += seconds
        key = await jwks.find(USER_KEYS, KID)
        assert key is not None
        assert key.algorithm_name == "ES256"
    assert portal.asked(USER_JWKS) == 1
    timer.seconds += 2
    await jwks.find(USER_KEYS, KID)
    assert portal.asked(USER_JWKS) == 2


async def test_many_who_ask_at_once_wait_for_one_fetch(
    jwks: JwksCache, portal: FakeBackstage
) -> None:
    found = await asyncio.gather(*(jwks.find(USER_KEYS, KID) for _ in range(50)))
    assert None not in found
    assert portal.asked(USER_JWKS) == 1


async def test_a_known_key_is_found_while_another_one_is_being_looked_for(
    jwks: JwksCache, portal: FakeBackstage
) -> None:
    await jwks.find(USER_KEYS, KID)
    hold = portal.hold(USER_JWKS)
    search = asyncio.create_task(jwks.find(USER_KEYS, "new"))
    await asyncio.to_thread(hold.reached.wait)
    assert await jwks.find(USER_KEYS, KID) is not None
    hold.release()
    assert await search is None


async def test_keys_of_plugins_and_of_users_are_kept_apart(jwks: JwksCache) -> None:
    assert await jwks.find(plugin_keys("auth"), KID) is None
    assert await jwks.find(plugin_keys("auth"), "auth-1") is not None
    assert await jwks.find(plugin_keys("search"), "auth-1") is None


async def test_a_new_key_is_found_at_once_and_the_next_one_after_the_cooldown(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking
) -> None:
    await jwks.find(USER_KEYS, KID)
    portal.tokens.user_keys.append(SigningKey("user-2"))
    assert await jwks.find(USER_KEYS, "user-2") is not None
    portal.tokens.user_keys.append(SigningKey("user-3"))
    timer.seconds += 29
    assert await jwks.find(USER_KEYS, "user-3") is None
    timer.seconds += 2
    assert await jwks.find(USER_KEYS, "user-3") is not None


async def test_a_flood_of_unknown_keys_is_not_passed_on(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking
) -> None:
    for number in range(300):
        timer.seconds += 0.1
        assert await jwks.find(USER_KEYS, f"random-{number}") is None
    assert portal.asked(USER_JWKS) == 2
    assert await jwks.find(USER_KEYS, KID) is not None


async def test_all_sets_together_are_reloaded_ten_times_a_minute(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking
) -> None:
    sets = [USER_KEYS, *map(plugin_keys, PLUGINS)]
    for _ in range(3):
        for key_set in sets:
            await jwks.find(key_set, "unknown")
        timer.seconds += 31
    assert len(portal.requests) == len(sets) + 10
    await jwks.find(USER_KEYS, "unknown")
    assert len(portal.requests) == len(sets) + 11


async def test_a_failing_endpoint_leaves_the_keys_in_force(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking
) -> None:
    await jwks.find(USER_KEYS, KID)
    portal.answer(USER_JWKS, status=404)
    timer.seconds += 3600
    for _ in range(5):
        assert await jwks.find(USER_KEYS, KID) is not None
    assert portal.asked(USER_JWKS) == 2
    timer.seconds += 6
    assert await jwks.find(USER_KEYS, KID) is not None
    assert portal.asked(USER_JWKS) == 3
    portal.mend()
    portal.tokens.user_keys = [SigningKey("user-2")]
    timer.seconds += 6
    assert await jwks.find(USER_KEYS, KID) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (404, b""), (401, b""), (200, b"{"), (200, b"[]"), (200, b'{"keys":{}}')],
)
async def test_without_any_keys_a_failing_endpoint_is_an_upstream_error(
    jwks: JwksCache, portal: FakeBackstage, timer: Ticking, status: int, body: bytes
) -> None:
    portal.answer(USER_JWKS, status=status, body=body)
    with pytest.raises(UpstreamError):
        await jwks.find(USER_KEYS, KID)
    asked = portal.asked(USER_JWKS)
    with pytest.raises(UpstreamError):
        await jwks.find(USER_KEYS, KID)
    assert portal.asked(USER_JWKS) == asked
    portal.mend()
    timer.seconds += 6
    assert await jwks.find(USER_KEYS, KID) is not None


GOOD = SigningKey("good").jwk
SMALL_RSA = RSAAlgorithm.to_jwk(
    rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key(), as_dict=True
)


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "text",
        {},
        {**GOOD, "kid": None},
        {**GOOD, "alg": None},
        {**GOOD, "alg": ["ES256"]},
        {**GOOD, "alg": "HS256"},
        {**GOOD, "alg": "none"},
        {**GOOD, "alg": "RS256"},
        {**GOOD, "alg": "ES256K"},
        {**GOOD, "use": "enc"},
        {**GOOD, "x": "AAAA"},
        {**GOOD, "x": 7},
        {**GOOD, "crv": "P-384"},
        {**SMALL_RSA, "kid": "good", "alg": "ES256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "good", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "good", "alg": "ES256"},
    ],
)
async def test_a_key_that_is_not_plainly_for_signatures_is_ignored(
    jwks: JwksCache, portal: FakeBackstage, jwk: Any
) -> None:
    other = SigningKey("other").jwk
    portal.answer(USER_JWKS, body=json.dumps({"keys": [jwk, other]}).encode())
    assert await jwks.find(USER_KEYS, "good") is None
    assert await jwks.find(USER_KEYS, "other") is not None


@pytest.mark.parametrize("algorithm", ["RS256", "PS512"])
async def test_keys_of_other_asymmetric_algorithms_are_taken(
    jwks: JwksCache, portal: FakeBackstage, algorithm: str
) -> None:
    jwk = {**SMALL_RSA, "kid": "rsa", "alg": algorithm, "use": "sig"}
    portal.answer(USER_JWKS, body=json.dumps({"keys": [jwk]}).encode())
    key = await jwks.find(USER_KEYS, "rsa")
    assert key is not None
    assert key.algorithm_name == algorithm
