"""What a signed token claims, once its signature, audience, issuer and times have been verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt import PyJWK
from jwt.exceptions import (
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidSubjectError,
    MissingRequiredClaimError,
    PyJWTError,
)
from jwt.types import Options

from portal_rag.errors import AuthenticationError, TokenFault

MOST_CHARACTERS = 32_768
LEEWAY = timedelta(seconds=5)
_LATEST_EXPIRY = datetime(9999, 1, 1, tzinfo=UTC).timestamp()

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say of itself.

    No `audience` means that it must name none; no `issuer` that any is taken. Where
    `among_audiences` is set, the audience may be one of several in a list.
    """

    audience: str | None
    issuer: str | None = None
    among_audiences: bool = False


def unverified_header(unverified_token: str) -> Mapping[str, Any]:
    """Read what a token says about its key; nothing of it is true yet.

    Raises:
        AuthenticationError: it is no token, or too long for one.
    """
    if len(unverified_token) > MOST_CHARACTERS or not unverified_token.isascii():
        raise AuthenticationError("Illegal token", reason="malformed")
    try:
        return jwt.get_unverified_header(unverified_token)
    except PyJWTError as error:
        raise AuthenticationError("Illegal token", reason="malformed") from error


def signed_claims(
    unverified_token: str, key: PyJWK, expected: Expected, *, now: datetime, failure: str
) -> Claims:
    """Verify a token by the one algorithm of its key; it must hold `sub`, `iat` and `exp`.

    Raises:
        AuthenticationError: with the text `failure`, whatever is wrong.
    """
    try:
        claims = _decode(unverified_token, key, expected)
    except PyJWTError as error:
        raise AuthenticationError(failure, reason=_fault(error)) from error
    untimely = _untimely(claims, now.timestamp())
    if untimely:
        raise AuthenticationError(failure, reason=untimely)
    return claims


def _fault(error: PyJWTError) -> TokenFault:
    match error:
        case InvalidSignatureError() | InvalidAlgorithmError():
            return "signature"
        case InvalidIssuerError() | MissingRequiredClaimError(claim="iss"):
            return "issuer"
        case InvalidAudienceError() | MissingRequiredClaimError(claim="aud"):
            return "audience"
        case InvalidSubjectError() | MissingRequiredClaimError():
            return "claims"
    return "malformed"


def _decode(unverified_token: str, key: PyJWK, expected: Expected) -> Claims:
    named = {"aud": expected.audience, "iss": expected.issuer}
    options: Options = {
        "verify_signature": True,
        "enforce_minimum_key_length": True,
        "require": ["exp", "iat", "sub", *(claim for claim, value in named.items() if value)],
        "verify_aud": True,
        "strict_aud": not expected.among_audiences,
        "verify_sub": True,
        "verify_iss": expected.issuer is not None,
        # The injected clock decides about times.
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "verify_jti": False,
    }
    return jwt.decode(
        unverified_token,
        key=key,
        algorithms=[key.algorithm_name],
        audience=expected.audience,
        issuer=expected.issuer,
        options=options,
    )


def _untimely(claims: Claims, now: float) -> TokenFault | None:
    exp, iat, nbf = claims["exp"], claims["iat"], claims.get("nbf", 0)
    if not all(map(_is_time, (exp, iat, nbf))):
        return "claims"
    leeway = LEEWAY.total_seconds()
    if now >= exp + leeway:
        return "expired"
    return "not_yet_valid" if now < nbf - leeway else None


def _is_time(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < _LATEST_EXPIRY
    )
