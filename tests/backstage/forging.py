"""Tokens, true ones and such as no library would make."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from tests.backstage.conftest import ALICE, CALLER, OWN_ID
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import USER, SigningKey

Forge = Callable[[FakeBackstage], str]


def segment(json_object: object) -> str:
    return encoded(json.dumps(json_object).encode())


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def header_of(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def resigned(key: SigningKey, token: str, **changes: Any) -> str:
    """Sign a token's claims anew, changed; None takes a claim away."""
    claims = {k: v for k, v in {**claims_of(token), **changes}.items() if v is not None}
    return key.sign(header_of(token)["typ"], claims)


def with_header(key: SigningKey, token: str, header: Mapping[str, Any]) -> str:
    """Sign with any header, rightly, by ES256."""
    return jwt.encode(claims_of(token), key.private, algorithm="ES256", headers=dict(header))


def with_claims_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return ".".join([header, other.split(".")[1], signature])


def without_algorithm(token: str, algorithm: str = "none") -> str:
    header = {**header_of(token), "alg": algorithm}
    return f"{segment(header)}.{token.split('.')[1]}."


def by_public_key_as_secret(key: SigningKey, token: str) -> str:
    """Sign by HS256, with the bytes of the public key as the shared secret."""
    secret = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{segment({**header_of(token), 'alg': 'HS256'})}.{token.split('.')[1]}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def user(portal: FakeBackstage) -> str:
    return portal.user_token(ALICE)


def limited(portal: FakeBackstage) -> str:
    return portal.tokens.limited(user(portal))


def obo(portal: FakeBackstage, proof: Any = None) -> str:
    token = portal.tokens.plugin(CALLER, OWN_ID, obo=limited(portal))
    key = portal.tokens.plugin_keys[CALLER][0]
    return token if proof is None else resigned(key, token, obo=proof)


def service(portal: FakeBackstage, **changes: Any) -> str:
    token = portal.tokens.plugin(CALLER, OWN_ID)
    return resigned(portal.tokens.plugin_keys[CALLER][0], token, **changes)


def user_key(portal: FakeBackstage) -> SigningKey:
    return portal.tokens.user_keys[0]


def changed(**changes: Any) -> Forge:
    """A user token that the auth backend itself signed, with other claims."""
    return lambda portal: resigned(user_key(portal), user(portal), **changes)


def headed(**header: Any) -> Forge:
    """A user token that the auth backend itself signed, with another header."""
    return lambda portal: with_header(
        user_key(portal), user(portal), {"typ": USER, "kid": user_key(portal).kid, **header}
    )
