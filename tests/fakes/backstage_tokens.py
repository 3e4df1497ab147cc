"""Backstage's tokens: issued, and told apart when they come back, as the real backend does."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

PLUGINS = ("auth", "catalog", "mcp-actions", "permission", "search", "techdocs")
USER, LIMITED, PLUGIN = (f"vnd.backstage.{kind}" for kind in ("user", "limited-user", "plugin"))


class BackstageError(Exception):
    """An answer that is not a success; the statuses are those of `@backstage/errors`."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.message = status, name, message


def unauthenticated(message: str) -> BackstageError:
    return BackstageError(401, "AuthenticationError", message)


def not_allowed(message: str) -> BackstageError:
    return BackstageError(403, "NotAllowedError", message)


def not_found(message: str) -> BackstageError:
    return BackstageError(404, "NotFoundError", message)


def bad_input(message: str) -> BackstageError:
    return BackstageError(400, "InputError", message)


class SigningKey:
    """An EC P-256 key pair under a key id."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, Any]:
        public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": "ES256"}

    def sign(self, typ: str | None, claims: Mapping[str, Any]) -> str:
        return jwt.encode(
            dict(claims),
            self.private,
            algorithm="ES256",
            headers={"typ": typ, "kid": self.kid},
            sort_headers=False,  # a limited token is rebuilt byte by byte
        )


@dataclass(frozen=True)
class Caller:
    """Who asks: a user (perhaps through a plugin), or a service where `user_ref` is None."""

    user_ref: str | None = None
    ownership: tuple[str, ...] = ()
    plugin: str | None = None
    cannot_be_delegated: bool = False


class Tokens:
    """Everything about who is who; `plugin_keys` of our own plugin may be added by a test.

    Or `discovery` says where a plugin runs (its id → the URL below which it publishes its keys);
    then these are fetched, and fetched again for a key that was not among them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.user_keys = [SigningKey("user-1")]
        self.plugin_keys: dict[str, list[SigningKey]] = {
            plugin: [SigningKey(f"{plugin}-1")] for plugin in PLUGINS
        }
        self.service_token = "a-static-service-token"
        self.restricted_token = "a-static-token-for-reading-the-catalog"
        self.ownership: dict[str, tuple[str, ...]] = {}
        self.discovery: dict[str, str] = {}
        self._fetched: dict[str, dict[str, Any]] = {}
        self._clock = clock

    def user(self, user_ref: str, ownership: Sequence[str], *, expires_in: float = 3600) -> str:
        """Sign a user in; userinfo tells `ownership` from now on."""
        self.ownership[user_ref] = tuple(ownership)
        iat = int(self._clock())
        key, times = self.user_keys[-1], {"iat": iat, "exp": iat + int(expires_in)}
        limited = key.sign(LIMITED, {"sub": user_ref, **times})
        claims = {
            "iss": "https://portal.example/api/auth",
            "sub": user_ref,
            "aud": "backstage",
            **times,
            "uip": limited.rpartition(".")[2],
        }
        return key.sign(USER, claims)

    def limited(self, user_token: str) -> str:
        """Rebuild the limited token whose signature a user token carries."""
        header = jwt.get_unverified_header(user_token)
        claims = _unverified(user_token)
        parts = (
            {"typ": LIMITED, "alg": header["alg"], "kid": header["kid"]},
            {"sub": claims["sub"], "iat": claims["iat"], "exp": claims["exp"]},
        )
        return ".".join([*map(_segment, parts), claims["uip"]])

    def plugin(
        self, caller: str, audience: str, *, obo: str | None = None, expires_in: float = 3600
    ) -> str:
        iat = int(self._clock())
        claims = {"sub": caller, "aud": audience, "iat": iat, "exp": iat + int(expires_in)}
        return self.plugin_keys[caller][-1].sign(PLUGIN, claims | ({"obo": obo} if obo else {}))

    def authenticate(
        self, authorization: str | None, plugin: str, *, takes_limited: bool = False
    ) -> Caller:
        match = re.fullmatch(r"Bearer +(\S+)", authorization or "", re.IGNORECASE)
        if not match:
            raise unauthenticated("Missing credentials")
        token = match[1]
        typ = _type_of(token)
        if typ == PLUGIN:
            return self._plugin_caller(token, plugin)
        if typ == USER or (typ == LIMITED and takes_limited):
            return self._user_caller(token)
        if typ == LIMITED:
            raise unauthenticated("Illegal limited user token")
        return self._service_caller(token, plugin)

    def _service_caller(self, token: str, plugin: str) -> Caller:
        if token == self.service_token:
            return Caller()
        if token != self.restricted_token:
            raise unauthenticated("Illegal token")
        if plugin not in {"catalog", "techdocs"}:
            raise not_allowed("This token's access is restricted to plugin(s) 'catalog'")
        return Caller(cannot_be_delegated=True)

    def _user_caller(self, token: str, actor: str | None = None) -> Caller:
        claims = self._verified(token, self.user_keys, "Failed user token verification")
        user_ref = claims["sub"]
        return Caller(user_ref, self.ownership.get(user_ref, (user_ref,)), actor)

    def _plugin_caller(self, token: str, audience: str) -> Caller:
        failure = "Failed plugin token verification"
        caller = str(_unverified(token).get("sub"))
        if not re.fullmatch(r"[A-Za-z0-9_-]+", caller):
            raise unauthenticated("Invalid plugin token: forbidden subject format")
        if caller in self.discovery:
            claims = self._decoded(token, self._published(caller, token, failure), failure)
        else:
            claims = self._verified(token, self.plugin_keys.get(caller, []), failure)
        if claims.get("aud") != audience:
            raise unauthenticated(failure)
        if "obo" in claims:
            return self._user_caller(claims["obo"], caller)
        return Caller(plugin=caller)

    def _verified(self, token: str, keys: Iterable[SigningKey], failure: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(token).get("kid")
        for key in keys:
            if key.kid == kid:
                return self._decoded(token, key.private.public_key(), failure)
        raise unauthenticated(failure)

    def _published(self, plugin: str, token: str, failure: str) -> Any:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid not in self._fetched.get(plugin, {}):
            url = f"{self.discovery[plugin]}/.backstage/auth/v1/jwks.json"
            keys = httpx.get(url, trust_env=False).raise_for_status().json()["keys"]
            self._fetched[plugin] = {key["kid"]: jwt.PyJWK(key).key for key in keys}
        key = self._fetched[plugin].get(str(kid))
        if key is None:
            raise unauthenticated(failure)
        return key

    def _decoded(self, token: str, key: Any, failure: str) -> dict[str, Any]:
        unchecked = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
        options: Any = {**unchecked, "require": ["sub", "iat", "exp"]}
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], options=options)
        except jwt.PyJWTError as error:
            raise unauthenticated(failure) from error
        if claims["exp"] <= self._clock():
            raise unauthenticated(failure)
        return claims


def _type_of(token: str) -> str | None:
    try:
        return jwt.get_unverified_header(token).get("typ")
    except jwt.PyJWTError:
        return None


def _unverified(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _segment(json_object: object) -> str:
    text = json.dumps(json_object, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
