"""An identity provider that is not Backstage, and the API that decides who may do what there.

    with FakeIdentityProvider() as provider:
        token = provider.token(groups=["developers"])
        … provider.jwks_url, provider.url …

Its keys and policy may be changed and faults added while it runs; it takes no request that the
documented contract of `/api/v1/authz/evaluates` does not know.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.loopback import Fault, LoopbackServer, RecordedRequest

ISSUER, AUDIENCE = "https://login.example", "portal-assistant"
JWKS, EVALUATES = "/oauth2/jwks", "/api/v1/authz/evaluates"
ACTION = "portal-assistant:invoke"
_SIGNATURE_ONLY: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud")}
_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@dataclass
class ProviderKey:
    """A key pair of any algorithm; `named` says whether its public half names that."""

    kid: str
    algorithm: str = "RS256"
    named: bool = True
    private: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.algorithm.startswith(("RS", "PS")):
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private = ec.generate_private_key(_CURVES[self.algorithm]())

    @property
    def jwk(self) -> dict[str, Any]:
        kind = RSAAlgorithm if self.algorithm.startswith(("RS", "PS")) else ECAlgorithm
        public: dict[str, Any] = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid} | ({"alg": self.algorithm} if self.named else {})

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """Sign whatever is claimed, be it nonsense."""
        return jwt.PyJWS().encode(
            as_json(claims),
            self.private,
            algorithm=self.algorithm,
            headers={"typ": "JWT", "kid": self.kid} | header,
        )


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _SubjectContext(_Strict):
    type: Literal["user", "service_account"]
    entitlement_claim: Annotated[str, Field(min_length=1)]
    entitlement_values: list[str]


class _Hierarchy(_Strict):
    namespace: str | None = None
    project: str | None = None
    component: str | None = None
    resource: str | None = None


class _Resource(_Strict):
    type: str
    id: str = ""
    hierarchy: _Hierarchy


class _Evaluation(_Strict):
    subject_context: _SubjectContext
    resource: _Resource
    action: str
    context: dict[str, Any]


_BATCH = TypeAdapter(Annotated[list[_Evaluation], Field(min_length=1)])


class FakeIdentityProvider:
    """Signs tokens, publishes the keys, and allows ACTION by `allowed` (claim and value)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.keys = [ProviderKey("rsa-1")]
        self.allowed = {("groups", "developers"), ("sub", "robot")}
        self._clock = clock
        self._server = LoopbackServer(
            Starlette(
                routes=[
                    Route(JWKS, self._jwks),
                    Route(EVALUATES, self._evaluates, methods=["POST"]),
                ]
            )
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def jwks_url(self) -> str:
        return self.url + JWKS

    @property
    def requests(self) -> list[RecordedRequest]:
        return self._server.requests

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    def fail(self, fault: Fault) -> Fault:
        self._server.add(fault)
        return fault

    def mend(self) -> None:
        self._server.mend()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims as they should be, changed; None takes one away."""
        now = int(self._clock())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mia", "iat": now, "exp": now + 3600}
        return {key: value for key, value in {**claims, **changes}.items() if value is not None}

    def token(self, **changes: Any) -> str:
        return self.keys[-1].sign(self.claims(**changes))

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [key.jwk for key in self.keys]})

    async def _evaluates(self, request: Request) -> Response:
        claims = self._claims_of(request.headers.get("authorization", ""))
        if claims is None:
            return JSONResponse({"code": "UNAUTHORIZED", "error": "unauthorized"}, status_code=401)
        try:
            batch = _BATCH.validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"code": "BAD_REQUEST", "error": str(error)}, status_code=400)
        return JSONResponse([self._decision(one, claims) for one in batch])

    def _claims_of(self, authorization: str) -> dict[str, Any] | None:
        scheme, _, token = authorization.partition(" ")
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            key = next(key for key in self.keys if key.kid == kid)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                options=_SIGNATURE_ONLY,
            )
        except (jwt.PyJWTError, KeyError, StopIteration):
            return None
        return claims if scheme == "Bearer" else None

    def _decision(self, one: _Evaluation, claims: Mapping[str, Any]) -> dict[str, Any]:
        subject = one.subject_context
        held = claims.get(subject.entitlement_claim)
        held = held if isinstance(held, list) else [held]
        pairs = {(subject.entitlement_claim, value) for value in subject.entitlement_values}
        is_own = set(subject.entitlement_values) <= set(held)
        is_asked = one.action == ACTION and one.resource.type == "portal-assistant"
        decision = is_own and is_asked and bool(pairs & self.allowed)
        return {"decision": decision, "context": {"reason": "by policy"}}


def as_json(content: Any) -> bytes:
    return json.dumps(content).encode()
