from collections.abc import Callable, Mapping
from typing import Any

import pytest

from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.errors import AuthenticationError, TokenFault
from tests.backstage.conftest import ALICE, CALLER, OWN_ID
from tests.backstage.forging import (
    Forge,
    by_public_key_as_secret,
    changed,
    claims_of,
    headed,
    limited,
    obo,
    resigned,
    service,
    user,
    user_key,
    with_claims_of,
    without_algorithm,
)
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import PLUGIN, USER, SigningKey


def by_stranger(portal: FakeBackstage, kid: str) -> str:
    return resigned(SigningKey(kid), user(portal))


FORGED: Mapping[str, Forge] = {
    "alg none": lambda portal: without_algorithm(user(portal)),
    "alg NONE": lambda portal: without_algorithm(user(portal), "NONE"),
    "alg missing": lambda portal: without_algorithm(user(portal), ""),
    "HS256 by the public key": lambda p: by_public_key_as_secret(user_key(p), user(p)),
    "another asymmetric alg": lambda portal: without_algorithm(user(portal), "ES384"),
    "foreign key, known kid": lambda portal: by_stranger(portal, user_key(portal).kid),
    "foreign key, unknown kid": lambda portal: by_stranger(portal, "of-nobody"),
    "key of a plugin": lambda p: p.tokens.plugin_keys[CALLER][0].sign(USER, claims_of(user(p))),
    "claims of another": lambda p: with_claims_of(user(p), p.user_token("user:default/carol")),
    "no kid": headed(kid=""),
    "critical extension": headed(crit=["x"], x=1),
    "own key in the header": headed(jwk=SigningKey("x").jwk, kid="x"),
    "keys from elsewhere": headed(jku="http://127.0.0.1:1/jwks.json", kid="x"),
    "typ of a limited token": limited,
    "typ missing": headed(typ=None),
    "typ of other JWTs": headed(typ="JWT"),
    "typ in another case": headed(typ=USER.upper()),
    "typ of a plugin": headed(typ=PLUGIN),
    "aud of a plugin": changed(aud=OWN_ID),
    "aud missing": changed(aud=None),
    "aud in a list": changed(aud=["backstage", "x"]),
    "exp missing": changed(exp=None),
    "iat missing": changed(iat=None),
    "sub missing": changed(sub=None),
    "expired": changed(exp=1_799_999_000),
    "exp as text": changed(exp="1900000000"),
    "exp true": changed(exp=True),
    "exp without end": changed(exp=1e300),
    "exp infinite": changed(exp=float("inf")),
    "exp negative": changed(exp=-1),
    "iat as text": changed(iat="soon"),
    "nbf to come": changed(nbf=1_800_001_000),
    "nbf as text": changed(nbf="soon"),
    "sub no reference": changed(sub="alice"),
    "sub no text": changed(sub=7),
    "sub empty": changed(sub=""),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_user_token_is_refused(
    verifier: TokenVerifier, portal: FakeBackstage, forge: Forge
) -> None:
    token = forge(portal)
    with pytest.raises(AuthenticationError) as raised:
        await verifier.verify(token)
    assert len(raised.value.message) < 80
    assert "default" not in raised.value.message


REASONS: Mapping[str, TokenFault] = {
    "alg none": "signature",
    "foreign key, known kid": "signature",
    "foreign key, unknown kid": "kid",
    "typ of a limited token": "type",
    "typ of other JWTs": "type",
    "aud of a plugin": "audience",
    "aud missing": "audience",
    "exp missing": "claims",
    "exp as text": "claims",
    "expired": "expired",
    "nbf to come": "not_yet_valid",
    "sub no reference": "claims",
}


@pytest.mark.parametrize("name", REASONS)
async def test_an_error_knows_what_is_wrong_with_a_token_without_saying_it(
    verifier: TokenVerifier, portal: FakeBackstage, name: str
) -> None:
    with pytest.raises(AuthenticationError) as raised:
        await verifier.verify(FORGED[name](portal))
    assert raised.value.reason == REASONS[name]


def by_plugin(**changes: Any) -> Forge:
    return lambda portal: service(portal, **changes)


def for_user(make_proof: Callable[[FakeBackstage], Any]) -> Forge:
    return lambda portal: obo(portal, make_proof(portal))


FORGED_BY_PLUGINS: Mapping[str, Forge] = {
    "aud of another plugin": by_plugin(aud="catalog"),
    "aud of users": by_plugin(aud="backstage"),
    "aud missing": by_plugin(aud=None),
    "exp missing": by_plugin(exp=None),
    "iat missing": by_plugin(iat=None),
    "expired": by_plugin(exp=1_799_999_000),
    "alg none": lambda portal: without_algorithm(service(portal)),
    "HS256 by the public key": lambda portal: by_public_key_as_secret(
        portal.tokens.plugin_keys[CALLER][0], service(portal)
    ),
    "foreign key": lambda p: resigned(SigningKey(f"{CALLER}-1"), service(p)),
    "key of another plugin": lambda p: resigned(p.tokens.plugin_keys["search"][0], service(p)),
    "key of users": lambda portal: resigned(user_key(portal), service(portal)),
    "claims no json": lambda portal: f"{service(portal).split('.')[0]}.AAAA.AAAA",
    "obo no text": for_user(lambda _: 7),
    "obo an object": for_user(lambda _: {"sub": ALICE}),
    "obo empty": for_user(lambda _: ""),
    "obo no token": for_user(lambda _: "garbage"),
    "obo of a plugin": for_user(service),
    "obo of another kind": for_user(headed(typ="JWT")),
    "obo by the plugin": for_user(lambda p: resigned(p.tokens.plugin_keys[CALLER][0], limited(p))),
    "obo with claims of another": for_user(
        lambda p: with_claims_of(limited(p), p.user_token("user:default/carol"))
    ),
    "obo alg none": for_user(lambda portal: without_algorithm(limited(portal))),
    "obo expired": for_user(lambda p: resigned(user_key(p), limited(p), exp=1_799_999_000)),
    "obo limited but with an audience": for_user(
        lambda portal: resigned(user_key(portal), limited(portal), aud="x")
    ),
    "obo full but of another audience": for_user(changed(aud="catalog")),
    "obo without exp": for_user(
        lambda portal: resigned(user_key(portal), limited(portal), exp=None)
    ),
}


@pytest.mark.parametrize("forge", FORGED_BY_PLUGINS.values(), ids=FORGED_BY_PLUGINS.keys())
async def test_a_forged_plugin_token_is_refused(
    verifier: TokenVerifier, portal: FakeBackstage, forge: Forge
) -> None:
    token = forge(portal)
    with pytest.raises(AuthenticationError):
        await verifier.verify(token)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("aud of another plugin", "audience"),
        ("obo no text", "proof"),
        ("obo no token", "malformed"),
        ("obo of another kind", "proof"),
        ("obo expired", "expired"),
    ],
)
async def test_an_error_knows_what_is_wrong_with_a_plugins_token(
    verifier: TokenVerifier, portal: FakeBackstage, name: str, reason: TokenFault
) -> None:
    with pytest.raises(AuthenticationError) as raised:
        await verifier.verify(FORGED_BY_PLUGINS[name](portal))
    assert raised.value.reason == reason


async def test_a_plugin_that_may_not_call_is_told_apart(
    verifier: TokenVerifier, portal: FakeBackstage
) -> None:
    with pytest.raises(AuthenticationError) as raised:
        await verifier.verify(service(portal, sub="search"))
    assert raised.value.reason == "caller"
