import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

from portal_rag.backstage.jwks import USER_KEYS, KeySet
from portal_rag.backstage.tokens import (
    OnBehalfOfToken,
    ServiceToken,
    TokenVerifier,
    UserToken,
    VerifiedToken,
)
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError, UpstreamError
from tests.backstage.conftest import ALICE, CALLER, OWN_ID
from tests.backstage.forging import (
    changed,
    claims_of,
    header_of,
    obo,
    segment,
    service,
    user,
)
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import USER, Tokens

USER_JWKS = "/api/auth/.well-known/jwks.json"


async def test_a_user_token_is_its_users(
    verifier: TokenVerifier, portal: FakeBackstage, clock: Ticking
) -> None:
    token = user(portal)
    verified = await verifier.verify(token)
    assert verified == UserToken(
        user_ref=EntityRef.parse(ALICE),
        token=token,
        expires_at=datetime.fromtimestamp(clock.seconds + 3600, UTC),
    )
    assert token not in repr(verified)


async def test_a_plugin_may_act_for_a_user(verifier: TokenVerifier, portal: FakeBackstage) -> None:
    token = obo(portal)
    verified = await verifier.verify(token)
    proof = claims_of(token)["obo"]
    assert verified == OnBehalfOfToken(user_ref=EntityRef.parse(ALICE), caller=CALLER, obo=proof)
    assert proof not in repr(verified)


async def test_a_full_user_token_proves_a_user_too(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    verified = await verifier.verify(obo(portal, user(portal)))
    assert isinstance(verified, OnBehalfOfToken)
    assert verified.user_ref == EntityRef.parse(ALICE)


async def test_a_plugin_that_acts_for_itself_is_a_service(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    assert await verifier.verify(service(portal)) == ServiceToken(subject=f"plugin:{CALLER}")


async def test_the_issuer_is_not_compared(verifier: TokenVerifier, portal: FakeBackstage) -> None:
    token = changed(iss="https://another.example/api/auth")(portal)
    assert isinstance(await verifier.verify(token), UserToken)


async def test_a_few_seconds_are_forgiven(
    verifier: TokenVerifier, portal: FakeBackstage, clock: Ticking
) -> None:
    token = user(portal)
    clock.seconds += 3604
    await verifier.verify(token)
    clock.seconds += 2
    with pytest.raises(AuthenticationError):
        await verifier.verify(token)


NOT_TOKENS: Mapping[str, str] = {
    "empty": "",
    "a word": "garbage",
    "a static token": "a-static-service-token",
    "dots": "..",
    "no json": "e30.e30",
    "a list as header": f"{segment([])}.{segment({})}.",
    "not ascii": "\N{SNOWMAN}." * 2,
    "a surrogate": "\ud800",
    "deep": f"{segment({'typ': USER})}.{'W' * 9000}.",
    "40 kB": "x" * 40_000,
}


@pytest.mark.parametrize("token", NOT_TOKENS.values(), ids=NOT_TOKENS.keys())
async def test_what_is_no_token_is_refused_without_asking(
    verifier: TokenVerifier, portal: FakeBackstage, token: str
) -> None:
    with pytest.raises(AuthenticationError):
        await verifier.verify(token)
    assert portal.requests == []


@pytest.mark.parametrize(
    "caller",
    [
        "../mcp-actions",
        "..",
        "mcp-actions/../search",
        "mcp-actions?x=",
        "mcp-actions#",
        "mcp%2factions",
        "mcp-actions\n",
        "http://evil.example",
        "\N{KELVIN SIGN}ey",
        "",
        "search",
        "MCP-ACTIONS",
        7,
        None,
    ],
)
async def test_a_caller_that_is_not_allowed_reaches_no_address(
    verifier: TokenVerifier, portal: FakeBackstage, caller: Any
) -> None:
    with pytest.raises(AuthenticationError):
        await verifier.verify(service(portal, sub=caller))
    assert portal.requests == []


async def test_a_token_that_is_barely_too_long_is_refused(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    padding = 32_768 - len(user(portal))
    longest = changed(padding="x" * (padding * 3 // 4 - 20))(portal)
    assert 32_600 < len(longest) <= 32_768
    await verifier.verify(longest)
    with pytest.raises(AuthenticationError):
        await verifier.verify(changed(padding="x" * (padding * 3 // 4 + 20))(portal))


async def test_without_the_keys_nothing_is_said_about_a_token(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    portal.answer(USER_JWKS, status=500)
    with pytest.raises(UpstreamError):
        await verifier.verify(user(portal))


class KeysOf:
    """Hands out the keys of tokens that are made in this process."""

    def __init__(self, tokens: Tokens) -> None:
        self._keys = {key.kid: PyJWK(key.jwk) for key in tokens.user_keys}

    async def find(self, key_set: KeySet, kid: str) -> PyJWK | None:
        return self._keys.get(kid) if key_set == USER_KEYS else None


TOKENS = Tokens(Ticking())
VALID = TOKENS.user(ALICE, [ALICE])
IN_PROCESS = TokenVerifier(
    jwks=KeysOf(TOKENS),
    clock=Ticking().now,
    own_plugin_id=OWN_ID,
    allowed_callers=frozenset(),
)


def verified(token: str) -> VerifiedToken | None:
    try:
        return asyncio.run(IN_PROCESS.verify(token))
    except AuthenticationError:
        return None


def test_a_token_of_this_process_is_verified() -> None:
    assert isinstance(verified(VALID), UserToken)
    assert header_of(VALID)["alg"] == "ES256"


@given(position=st.integers(0, len(VALID) - 1), character=st.characters(max_codepoint=0x7F))
def test_a_token_with_any_character_changed_is_refused(position: int, character: str) -> None:
    token = VALID[:position] + character + VALID[position + 1 :]
    assert (verified(token) is not None) == (token == VALID)


@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_no_text_makes_the_verifier_fail_otherwise(text: str) -> None:
    assert verified(text) is None
