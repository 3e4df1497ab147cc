import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.permission import PermissionClient
from portal_rag.backstage.plugin_keys import PluginKey, create_key
from portal_rag.backstage.plugin_tokens import PluginTokens
from portal_rag.backstage.tokens import OnBehalfOfToken, TokenVerifier, UserProof, UserToken
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError
from tests.backstage.conftest import ALICE, OWN_ID
from tests.backstage.forging import claims_of, header_of, obo, resigned, user, user_key
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import SigningKey

CART = EntityRef.parse("component:default/cart")
CHECKOUT = EntityRef.parse("component:default/checkout")
HIDDEN = EntityRef.parse("component:default/fraudscorer")
ALL = [CART, CHECKOUT, HIDDEN]


@pytest.fixture
def key(portal: FakeBackstage) -> PluginKey:
    """Our key, which the portal knows."""
    key = create_key(datetime(2026, 6, 9, tzinfo=UTC))
    known = SigningKey(key.kid)
    known.private = key.private
    portal.tokens.plugin_keys[OWN_ID] = [known]
    return key


@pytest.fixture
def signer(key: PluginKey, clock: Ticking) -> PluginTokens:
    return PluginTokens(key, plugin_id=OWN_ID, clock=clock.now)


@pytest.fixture
async def proof(verifier: TokenVerifier, portal: FakeBackstage) -> UserProof:
    return await proof_of(verifier, user(portal))


async def proof_of(verifier: TokenVerifier, token: str) -> UserProof:
    verified = await verifier.verify(token)
    assert isinstance(verified, UserToken | OnBehalfOfToken)
    return await verifier.prove(verified)


async def test_a_users_token_is_made_the_limited_one_that_backstage_would_make(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    token = user(portal)
    proof = await proof_of(verifier, token)
    assert proof.token == portal.tokens.limited(token)
    assert proof.user_ref == EntityRef.parse(ALICE)
    assert proof.token not in repr(proof)


@pytest.mark.parametrize("is_full", [False, True])
async def test_the_proof_of_a_plugins_user_is_passed_on_and_never_its_own_token(
    verifier: TokenVerifier, portal: FakeBackstage, is_full: bool
) -> None:
    signed_in = user(portal)
    limited = portal.tokens.limited(signed_in)
    proof = await proof_of(verifier, obo(portal, signed_in if is_full else limited))
    assert proof.token == limited


@pytest.mark.parametrize("uip", [None, 7, "", "AAAA", "e30.e30"])
async def test_a_user_token_whose_proof_is_missing_or_false_is_none(
    verifier: TokenVerifier, portal: FakeBackstage, uip: object
) -> None:
    token = resigned(user_key(portal), user(portal), uip=uip)
    assert isinstance(await verifier.verify(token), UserToken)
    with pytest.raises(AuthenticationError):
        await proof_of(verifier, token)


async def test_the_proof_of_one_user_in_the_token_of_another_is_none(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    others = claims_of(portal.user_token("user:default/carol"))["uip"]
    with pytest.raises(AuthenticationError):
        await proof_of(verifier, resigned(user_key(portal), user(portal), uip=others))


async def test_nobody_can_be_proven_by_a_false_statement_about_a_token(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    verified = await verifier.verify(user(portal))
    assert isinstance(verified, UserToken)
    with pytest.raises(AuthenticationError):
        await verifier.prove(replace(verified, user_ref=EntityRef("user", "default", "carol")))
    for garbage in ("", "garbage", "e30.e30.", f"{user(portal).split('.')[0]}.AAAA.AAAA"):
        with pytest.raises(AuthenticationError):
            await verifier.prove(replace(verified, token=garbage))


def test_a_proof_cannot_be_made_without_verification(clock: Ticking) -> None:
    make: Callable[..., Any] = UserProof
    claimed = {"user_ref": EntityRef.parse(ALICE), "token": "x", "expires_at": clock.now()}
    for seal in ({}, {"seal": None}, {"seal": object()}):
        with pytest.raises(TypeError):
            make(**claimed, **seal)


async def test_a_proof_cannot_be_changed(proof: UserProof) -> None:
    change: Callable[..., Any] = replace
    with pytest.raises((TypeError, ValueError)):
        change(proof, token="another")
    change = setattr
    with pytest.raises(AttributeError):
        change(proof, "token", "another")


def test_nothing_is_minted_without_a_proof(signer: PluginTokens) -> None:
    mint: Callable[..., Any] = signer.mint
    for given in ({}, {"obo": None}, {"obo": ""}, {"obo": "a-token"}):
        with pytest.raises(TypeError):
            mint("catalog", **given)


@pytest.mark.parametrize("audience", ["auth", "scaffolder", OWN_ID, "", "catalog ", "../catalog"])
async def test_nothing_is_minted_for_other_plugins(
    signer: PluginTokens, proof: UserProof, audience: Any
) -> None:
    with pytest.raises(ValueError, match="nothing to ask"):
        signer.mint(audience, obo=proof)


async def test_a_token_says_who_asks_whom_for_whom_and_until_when(
    signer: PluginTokens, key: PluginKey, proof: UserProof, clock: Ticking
) -> None:
    token = signer.mint("catalog", obo=proof)
    assert header_of(token) == {"alg": "ES256", "typ": "vnd.backstage.plugin", "kid": key.kid}
    assert claims_of(token) == {
        "sub": "portal-rag",
        "aud": "catalog",
        "iat": int(clock.seconds),
        "exp": int(clock.seconds) + 3600,
        "obo": proof.token,
    }


@pytest.mark.parametrize("sign_in_lasts", [86_400, 600, 1])
async def test_a_token_ends_with_the_users_sign_in_and_after_an_hour_at_most(
    signer: PluginTokens,
    verifier: TokenVerifier,
    portal: FakeBackstage,
    clock: Ticking,
    sign_in_lasts: int,
) -> None:
    proof = await proof_of(verifier, portal.user_token(ALICE, expires_in=sign_in_lasts))
    assert claims_of(signer.mint("search", obo=proof))["exp"] == clock.seconds + min(
        3600, sign_in_lasts
    )
    clock.seconds += sign_in_lasts
    with pytest.raises(AuthenticationError):
        signer.mint("search", obo=proof)


async def test_a_token_is_used_again_until_shortly_before_its_end(
    signer: PluginTokens, verifier: TokenVerifier, portal: FakeBackstage, clock: Ticking
) -> None:
    proof = await proof_of(verifier, portal.user_token(ALICE, expires_in=7200))
    first = signer.mint("catalog", obo=proof)
    clock.seconds += 3539
    assert signer.mint("catalog", obo=proof) == first
    clock.seconds += 2
    again = signer.mint("catalog", obo=proof)
    assert claims_of(again)["exp"] == clock.seconds + 3600


async def test_users_sign_ins_and_audiences_never_share_a_token(
    signer: PluginTokens, verifier: TokenVerifier, portal: FakeBackstage, clock: Ticking
) -> None:
    proofs = [await proof_of(verifier, portal.user_token(f"user:default/u{n}")) for n in range(5)]
    clock.seconds += 10
    proofs.append(await proof_of(verifier, portal.user_token("user:default/u0")))
    for _ in range(2):
        for proof in proofs:
            for audience in ("catalog", "permission"):
                claims = claims_of(signer.mint(audience, obo=proof))
                assert (claims["aud"], claims["obo"]) == (audience, proof.token)


async def test_only_so_many_tokens_are_kept(
    key: PluginKey, verifier: TokenVerifier, portal: FakeBackstage, clock: Ticking
) -> None:
    signer = PluginTokens(key, plugin_id=OWN_ID, clock=clock.now, most_tokens=2)
    proofs = [await proof_of(verifier, portal.user_token(f"user:default/u{n}")) for n in range(3)]
    first = [signer.mint("catalog", obo=proof) for proof in proofs]
    assert signer.mint("catalog", obo=proofs[2]) == first[2]
    assert signer.mint("catalog", obo=proofs[0]) != first[0]  # ES256 signs anew each time


async def test_backstage_takes_a_minted_token_as_the_users(
    signer: PluginTokens, proof: UserProof, transport: BackstageTransport
) -> None:
    catalog, permission = CatalogClient(transport), PermissionClient(transport)
    seen, readable = await asyncio.gather(
        catalog.by_refs(ALL, token=signer.mint("catalog", obo=proof)),
        permission.readable(ALL, token=signer.mint("permission", obo=proof)),
    )
    assert seen.keys() == readable == {CART, CHECKOUT}
    with pytest.raises(AuthenticationError):
        await catalog.by_refs(ALL, token=signer.mint("permission", obo=proof))
    with pytest.raises(AuthenticationError):
        await permission.readable(ALL, token=signer.mint("catalog", obo=proof))


async def test_a_proof_alone_opens_nothing(
    proof: UserProof, transport: BackstageTransport, clock: Ticking
) -> None:
    assert proof.expires_at - clock.now() == timedelta(hours=1)
    with pytest.raises(AuthenticationError):
        await CatalogClient(transport).by_refs(ALL, token=proof.token)
