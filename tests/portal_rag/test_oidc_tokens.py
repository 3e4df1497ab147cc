"""Forged and misused tokens of another identity provider, sent to the whole service."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from tests.backstage.forging import encoded, header_of, segment
from tests.backstage.ticking import Ticking
from tests.fakes.identity_provider import (
    AUDIENCE,
    EVALUATES,
    ISSUER,
    JWKS,
    FakeIdentityProvider,
    ProviderKey,
    as_json,
)
from tests.fakes.loopback import Fault
from tests.portal_rag.oidc import post, serving_oidc
from tests.portal_rag.world import QUESTIONS

Forge = Callable[[FakeIdentityProvider], str]
STRANGER = ProviderKey("rsa-1")
NOW = 1_800_000_000
NESTED = b'{"alg": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(clock=Ticking()) as provider:
        yield provider


@pytest.fixture
def provider(shared: FakeIdentityProvider) -> Iterator[FakeIdentityProvider]:
    shared.requests.clear()
    yield shared
    shared.mend()
    del shared.keys[1:]


@pytest.fixture
def client(provider: FakeIdentityProvider) -> Iterator[TestClient]:
    with serving_oidc(provider) as client:
        yield client


def by_public_key_as_secret(form: serialization.Encoding) -> Forge:
    def forge(provider: FakeIdentityProvider) -> str:
        public = provider.keys[0].private.public_key()
        secret = public.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
        signed = f"{segment({'alg': 'HS256', 'kid': 'rsa-1'})}.{segment(claims_of(provider))}"
        return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    return forge


def claims_of(provider: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    return provider.claims(groups=["developers"], **changes)


def unsigned(algorithm: str) -> Forge:
    header = segment({"alg": algorithm, "kid": "rsa-1", "typ": "JWT"})
    return lambda provider: f"{header}.{segment(claims_of(provider))}."


def under_header(header: Mapping[str, Any]) -> Forge:
    return lambda provider: ".".join([segment(header), *provider.token().split(".")[1:]])


def changed(**changes: Any) -> Forge:
    return lambda provider: provider.token(**{"groups": ["developers"], **changes})


def headed(**header: Any) -> Forge:
    return lambda provider: provider.keys[0].sign(claims_of(provider), **header)


def by_stranger(**header: Any) -> Forge:
    return lambda provider: STRANGER.sign(claims_of(provider), **header)


def with_other_claims(provider: FakeIdentityProvider) -> str:
    header, _, signature = provider.token(groups=["visitors"]).split(".")
    return f"{header}.{segment(claims_of(provider))}.{signature}"


FORGED: Mapping[str, Forge] = {
    "garbage": lambda _: "garbage",
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg empty": unsigned(""),
    "alg RS256 without signature": unsigned("RS256"),
    "HS256 by the public key (PEM)": by_public_key_as_secret(serialization.Encoding.PEM),
    "HS256 by the public key (DER)": by_public_key_as_secret(serialization.Encoding.DER),
    "another alg than the key's": lambda p: jwt.encode(
        claims_of(p), p.keys[0].private, algorithm="RS512", headers={"kid": "rsa-1"}
    ),
    "PS256 by the same key": lambda p: jwt.encode(
        claims_of(p), p.keys[0].private, algorithm="PS256", headers={"kid": "rsa-1"}
    ),
    "foreign key, known kid": by_stranger(),
    "foreign key, unknown kid": by_stranger(kid="of-nobody"),
    "claims of another": with_other_claims,
    "no kid": headed(kid=""),
    "kid a path": headed(kid="../../dev/null"),
    "own key in the header": by_stranger(jwk=STRANGER.jwk),
    "own key in the header, own kid": by_stranger(jwk=STRANGER.jwk, kid="mine"),
    "critical extension": headed(crit=["x"], x=1),
    "iss of another": changed(iss="https://login.example.evil"),
    "iss with a slash more": changed(iss=f"{ISSUER}/"),
    "iss in capitals": changed(iss=ISSUER.upper()),
    "iss missing": changed(iss=None),
    "iss in a list": changed(iss=[ISSUER]),
    "aud of another": changed(aud="another-client"),
    "aud of others": changed(aud=["another-client", "account"]),
    "aud a part of ours": changed(aud=AUDIENCE[:-1]),
    "aud a list in a list": changed(aud=[[AUDIENCE]]),
    "aud beside a number": changed(aud=[AUDIENCE, 7]),
    "aud an object": changed(aud={AUDIENCE: True}),
    "aud empty": changed(aud=[]),
    "aud missing": changed(aud=None),
    "exp missing": changed(exp=None),
    "exp as text": changed(exp=str(NOW + 60)),
    "exp true": changed(exp=True),
    "exp without end": changed(exp=1e300),
    "expired": changed(exp=NOW - 60),
    "iat missing": changed(iat=None),
    "iat as text": changed(iat="soon"),
    "nbf to come": changed(nbf=NOW + 60),
    "nbf as text": changed(nbf="soon"),
    "sub missing": changed(sub=None),
    "sub empty": changed(sub=""),
    "sub a number": changed(sub=7),
    "sub in a list": changed(sub=["mia"]),
    "groups a number": changed(groups=7),
    "groups an object": changed(groups={"developers": True}),
    "groups of numbers": changed(groups=["developers", 7]),
    "groups in groups": changed(groups=[["developers"]]),
    "groups with nothing": changed(groups=["developers", ""]),
    "groups empty text": changed(groups=""),
    "groups true": changed(groups=True),
    "groups elsewhere": changed(groups=None, _claim_names={"groups": "src1"}, sub="robot"),
    "40 kB": changed(padding="x" * 40_000),
    "claims that are no object": lambda p: ".".join(
        [p.token().split(".")[0], segment(["developers"]), "AAAA"]
    ),
    "alg a list": under_header({"alg": ["RS256"], "kid": "rsa-1"}),
    "kid a number": under_header({"alg": "RS256", "kid": 1}),
    "kid a list": under_header({"alg": "RS256", "kid": ["rsa-1"]}),
    "kid half a character": under_header({"alg": "RS256", "kid": "\ud800"}),
    "unencoded payload": headed(b64=False, crit=["b64"]),
    "deeply nested header": lambda _: f"{encoded(NESTED)}.AAAA.AAAA",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_no_forged_or_misused_token_is_accepted(
    module_client: TestClient, shared: FakeIdentityProvider, forge: Forge
) -> None:
    response = post(module_client, forge(shared))
    assert response.status_code == 401, response.text
    assert response.json()["error"]["name"] == "AuthenticationError"
    assert "developers" not in response.text
    assert shared.asked(EVALUATES) == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("garbage", "malformed"),
        ("foreign key, known kid", "signature"),
        ("foreign key, unknown kid", "kid"),
        ("iss of another", "issuer"),
        ("iss missing", "issuer"),
        ("aud of another", "audience"),
        ("expired", "expired"),
        ("nbf to come", "not_yet_valid"),
        ("sub a number", "claims"),
        ("groups a number", "claims"),
    ],
)
def test_the_log_says_once_what_was_wrong_and_the_caller_is_not_told(
    module_client: TestClient, shared: FakeIdentityProvider, name: str, reason: str
) -> None:
    token = FORGED[name](shared)
    with capture_logs() as log:
        response = post(module_client, token)
    refusals = [line for line in log if line["event"] == "token_refused"]
    assert [(line["reason"], line["log_level"]) for line in refusals] == [(reason, "info")]
    assert "reason" not in response.text
    assert token not in str(log)


def test_the_log_tells_nobodys_questions_apart(module_client: TestClient) -> None:
    with capture_logs() as log:
        assert post(module_client, None).status_code == 401
    assert [line["reason"] for line in log if line["event"] == "token_refused"] == ["missing"]


@pytest.fixture(scope="module")
def module_client(shared: FakeIdentityProvider) -> Iterator[TestClient]:
    with serving_oidc(shared) as client:
        yield client


def test_a_null_claim_is_no_way_to_a_weaker_type(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    token = provider.keys[0].sign({**provider.claims(sub="robot"), "groups": None})
    assert post(client, token).status_code == 401


def test_keys_that_a_header_points_to_are_never_fetched(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    with FakeIdentityProvider(clock=Ticking()) as evil:
        evil.keys = [ProviderKey("evil")]
        for name in ("jku", "x5u"):
            for kid in ("evil", "rsa-1"):
                header = {name: evil.jwks_url, "kid": kid}
                token = evil.keys[0].sign(claims_of(provider), **header)
                assert post(client, token).status_code == 401
        assert evil.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: [("cookie", f"token={token}")],
        lambda token: [("cookie", f"token={token}"), ("authorization", "Bearer garbage")],
        lambda token: [("authorization", token)],
        lambda token: [("authorization", f"Basic {token}")],
        lambda token: [("authorization", f"Bearer {token} x")],
        lambda token: [("authorization", f"Bearer {token}, Bearer {token}")],
        lambda token: [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")],
        lambda token: [("authorization", f"Bearer {token}"), ("authorization", "Bearer x")],
        lambda token: [("authorization", "Bearer x"), ("authorization", f"Bearer {token}")],
        lambda token: [("x-forwarded-access-token", token), ("x-openchoreo-token", token)],
        lambda _: [("x-forwarded-user", "mia"), ("x-forwarded-groups", "developers")],
    ],
)
def test_only_one_bearer_token_in_one_header_counts(
    client: TestClient,
    provider: FakeIdentityProvider,
    headers: Callable[[str], list[tuple[str, str]]],
) -> None:
    sent = [("content-type", "application/json"), *headers(provider.token(groups=["developers"]))]
    body = b'{"question": "Who owns shop?"}'
    assert client.post(QUESTIONS, content=body, headers=sent).status_code == 401
    assert provider.requests == [] or provider.asked(EVALUATES) == 0


def test_a_token_in_the_address_is_no_credential(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    token = provider.token(groups=["developers"])
    address = f"{QUESTIONS}?access_token={token}"
    assert client.post(address, json={"question": "Who owns shop?"}).status_code == 401


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["account", AUDIENCE]])
def test_a_token_for_several_audiences_is_good_if_we_are_one(
    client: TestClient, provider: FakeIdentityProvider, audience: object
) -> None:
    token = provider.token(groups=["developers"], aud=audience)
    assert post(client, token).status_code == 200


@pytest.mark.parametrize("exp", [NOW - 4, NOW + 1])
def test_clocks_may_differ_by_a_few_seconds(
    client: TestClient, provider: FakeIdentityProvider, exp: int
) -> None:
    token = provider.token(groups=["developers"], exp=exp, nbf=NOW + 4)
    assert post(client, token).status_code == 200


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512"])
def test_keys_need_not_name_their_algorithm(
    client: TestClient, provider: FakeIdentityProvider, algorithm: str, named: bool
) -> None:
    provider.keys.append(ProviderKey("new", algorithm, named=named))
    assert post(client, provider.token(groups=["developers"])).status_code == 200


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_keys_of_longer_digests_are_taken_where_they_say_so(
    client: TestClient, provider: FakeIdentityProvider, algorithm: str
) -> None:
    provider.keys.append(ProviderKey("new", algorithm))
    assert post(client, provider.token(groups=["developers"])).status_code == 200


def test_keys_of_other_algorithms_are_not_taken(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    provider.keys.append(ProviderKey("new", "PS256"))
    assert post(client, provider.token(groups=["developers"])).status_code == 401


def test_a_secret_among_the_published_keys_is_no_key(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    secret = "s" * 64
    published = {"kty": "oct", "k": encoded(secret.encode()), "kid": "shared"}
    keys = [published, {**published, "alg": "HS256"}, {**published, "alg": "RS256"}, None, 7]
    provider.fail(Fault(JWKS, body=as_json({"keys": keys})))
    for algorithm in ("HS256", "HS512"):
        token = jwt.encode(
            claims_of(provider), secret, algorithm=algorithm, headers={"kid": "shared"}
        )
        assert post(client, token).status_code == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_key_that_is_too_short_is_no_key(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    public = RSAAlgorithm.to_jwk(short.public_key(), as_dict=True)
    provider.fail(Fault(JWKS, body=as_json({"keys": [{**public, "kid": "short", "alg": "RS256"}]})))
    token = jwt.encode(claims_of(provider), short, algorithm="RS256", headers={"kid": "short"})
    assert post(client, token).status_code == 401


def test_a_flood_of_unknown_keys_asks_the_provider_twice(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    for number in range(100):
        token = f"{segment({'alg': 'RS256', 'kid': f'random-{number}'})}.AAAA.AAAA"
        assert post(client, token).status_code == 401
    assert provider.asked(JWKS) == 2


def test_a_key_that_was_replaced_is_known_at_once(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    before = provider.token(groups=["developers"])
    assert post(client, before).status_code == 200
    provider.keys.append(ProviderKey("rsa-2"))
    after = provider.token(groups=["developers"])
    assert header_of(after)["kid"] == "rsa-2"
    assert post(client, after).status_code == 200
    assert provider.asked(JWKS) == 2


def test_keys_stay_in_force_while_the_provider_is_away(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    token = provider.token(groups=["developers"])
    assert post(client, token).status_code == 200
    provider.fail(Fault(JWKS, status=500))
    assert post(client, by_stranger(kid="x")(provider)).status_code == 401
    assert post(client, token).status_code == 200
