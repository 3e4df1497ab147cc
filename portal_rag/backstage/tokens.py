"""Whose token is this? Verifies Backstage's tokens as Backstage's own plugins do."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Protocol, final

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from portal_rag.backstage.entities import parse_ref
from portal_rag.backstage.jwks import USER_KEYS, KeySet, plugin_keys
from portal_rag.backstage.signed_claims import Claims, Expected, signed_claims, unverified_header
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError

USER_TYPE = "vnd.backstage.user"
LIMITED_USER_TYPE = "vnd.backstage.limited-user"
PLUGIN_TYPE = "vnd.backstage.plugin"
USER_AUDIENCE = "backstage"
_USER_FAILURE = "Failed user token verification"
_PLUGIN_FAILURE = "Failed plugin token verification"
_PLUGIN_ID = re.compile(r"[A-Za-z0-9_-]+")


class SigningKeys(Protocol):
    """Where public keys come from."""

    async def find(self, key_set: KeySet, kid: str) -> PyJWK | None:
        """Look up a key whose `algorithm_name` is asymmetric; None if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UserToken:
    """A user's own token, which may be passed on to Backstage."""

    user_ref: EntityRef
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBehalfOfToken:
    """A plugin acts for a user; `obo` is the proof, which only plugins can use at Backstage."""

    user_ref: EntityRef
    caller: str
    obo: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceToken:
    """A plugin acts for itself; `subject` is `plugin:` and its id."""

    subject: str


VerifiedToken = UserToken | OnBehalfOfToken | ServiceToken
_SEAL = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UserProof:
    """That a user is signed in: a limited user token, which plugins pass on and nobody else uses.

    Only `TokenVerifier.prove` makes one; without its seal there is a TypeError.
    """

    user_ref: EntityRef
    token: str = field(repr=False)
    expires_at: datetime
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("the proof of a user comes from verification alone")


class TokenVerifier:
    """Tells who sent a token, or raises `AuthenticationError` with a short fixed text.

    `own_plugin_id` is the audience that plugins must name; only `allowed_callers` among them are
    listened to. The issuer is not compared: it is the portal's outside URL, not the one we use.
    """

    def __init__(
        self,
        *,
        jwks: SigningKeys,
        clock: Callable[[], datetime],
        own_plugin_id: str,
        allowed_callers: frozenset[str],
    ) -> None:
        self._jwks = jwks
        self._clock = clock
        self._own_plugin_id = own_plugin_id
        self._allowed_callers = allowed_callers

    async def verify(self, unverified_token: str) -> VerifiedToken:
        """Verify a token that came as `Authorization: Bearer`.

        Raises:
            UpstreamError: the keys of the issuer cannot be fetched, so nothing can be said.
        """
        token_type = _type_of(unverified_token)
        if token_type == USER_TYPE:
            return await self._verify_user(unverified_token)
        if token_type == PLUGIN_TYPE:
            return await self._verify_plugin(unverified_token)
        if token_type == LIMITED_USER_TYPE:
            raise AuthenticationError("Illegal limited user token", reason="type")
        raise AuthenticationError("Illegal token", reason="type")

    async def prove(self, verified: UserToken | OnBehalfOfToken) -> UserProof:
        """Make of a verified token the proof with which this service may act for the user.

        Raises:
            AuthenticationError: the token holds none, as those of very old portals.
            UpstreamError: the keys of the issuer cannot be fetched, so nothing can be said.
        """
        token = verified.token if isinstance(verified, UserToken) else verified.obo
        limited = token if _type_of(token) == LIMITED_USER_TYPE else _limited(token)
        claims = await self._user_claims(limited, audience=None)
        if _user_ref(claims) != verified.user_ref:
            raise AuthenticationError(_USER_FAILURE, reason="proof")
        return UserProof(
            user_ref=verified.user_ref,
            token=limited,
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            seal=_SEAL,
        )

    async def _verify_user(self, unverified_token: str) -> UserToken:
        claims = await self._user_claims(unverified_token, audience=USER_AUDIENCE)
        return UserToken(
            user_ref=_user_ref(claims),
            token=unverified_token,
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )

    async def _verify_plugin(self, unverified_token: str) -> VerifiedToken:
        caller = self._allowed_caller(unverified_token)
        claims = await self._claims(
            unverified_token,
            plugin_keys(caller),
            audience=self._own_plugin_id,
            failure=_PLUGIN_FAILURE,
        )
        if "obo" in claims:
            return await self._verify_on_behalf_of(claims["obo"], caller)
        return ServiceToken(subject=f"plugin:{caller}")

    def _allowed_caller(self, unverified_token: str) -> str:
        """Check who claims to have signed, before a URL is made of the name."""
        caller = _unverified_claims(unverified_token, _PLUGIN_FAILURE).get("sub")
        if not isinstance(caller, str) or not _PLUGIN_ID.fullmatch(caller):
            raise AuthenticationError(
                "Invalid plugin token: forbidden subject format", reason="caller"
            )
        if caller not in self._allowed_callers:
            raise AuthenticationError(
                "Invalid plugin token: this plugin is not allowed to call", reason="caller"
            )
        return caller

    async def _verify_on_behalf_of(self, unverified_obo: object, caller: str) -> OnBehalfOfToken:
        if not isinstance(unverified_obo, str):
            raise AuthenticationError(_USER_FAILURE, reason="proof")
        audiences = {LIMITED_USER_TYPE: None, USER_TYPE: USER_AUDIENCE}
        token_type = _type_of(unverified_obo)
        if token_type not in audiences:
            raise AuthenticationError(_USER_FAILURE, reason="proof")
        claims = await self._user_claims(unverified_obo, audience=audiences[token_type])
        return OnBehalfOfToken(user_ref=_user_ref(claims), caller=caller, obo=unverified_obo)

    async def _user_claims(self, unverified_token: str, *, audience: str | None) -> Claims:
        return await self._claims(
            unverified_token, USER_KEYS, audience=audience, failure=_USER_FAILURE
        )

    async def _claims(
        self, unverified_token: str, key_set: KeySet, *, audience: str | None, failure: str
    ) -> Claims:
        """Verify a token by a key of its issuer; an audience of None means no audience at all."""
        kid = unverified_header(unverified_token).get("kid")
        key = await self._jwks.find(key_set, kid) if isinstance(kid, str) else None
        if key is None:
            raise AuthenticationError(failure, reason="kid")
        # The issuer is the portal's outside URL, which may not be the one that is called here.
        expected = Expected(audience=audience)
        return signed_claims(unverified_token, key, expected, now=self._clock(), failure=failure)


def _limited(user_token: str) -> str:
    """Rebuild, byte by byte, the limited token whose signature a user token carries as `uip`."""
    header, claims = unverified_header(user_token), _unverified_claims(user_token, _USER_FAILURE)
    signature = claims.get("uip")
    if not isinstance(signature, str):
        raise AuthenticationError(
            "The user token holds no proof for plugins (no claim uip)", reason="proof"
        )
    parts = (
        {"typ": LIMITED_USER_TYPE, "alg": header.get("alg"), "kid": header.get("kid")},
        {"sub": claims.get("sub"), "iat": claims.get("iat"), "exp": claims.get("exp")},
    )
    return ".".join([*map(_segment, parts), signature])


def _segment(part: Mapping[str, object]) -> str:
    content = json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(content).decode().rstrip("=")


def _unverified_claims(unverified_token: str, failure: str) -> Claims:
    try:
        claims: Claims = jwt.decode(unverified_token, options={"verify_signature": False})
    except PyJWTError as error:
        raise AuthenticationError(failure, reason="malformed") from error
    return claims


def _type_of(unverified_token: str) -> str | None:
    token_type = unverified_header(unverified_token).get("typ")
    return token_type if isinstance(token_type, str) else None


def _user_ref(claims: Claims) -> EntityRef:
    ref = parse_ref(claims["sub"])
    if ref is None:
        raise AuthenticationError(_USER_FAILURE, reason="claims")
    return ref
