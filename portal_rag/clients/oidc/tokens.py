"""Whose token is this? Verifies the tokens of an identity provider that is not Backstage."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jwt import PyJWK

from portal_rag.backstage.signed_claims import Expected, signed_claims, unverified_header
from portal_rag.backstage.tokens import SigningKeys
from portal_rag.clients.oidc.keys import KEY_SET
from portal_rag.clients.oidc.subjects import Subjects
from portal_rag.errors import (
    AuthenticationError,
    IdentityProviderUnavailableError,
    UpstreamError,
)
from portal_rag.principals import ExternalSubject

_FAILURE = "Failed token verification"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTokens:
    """Tells who sent a token. Where keys are found is never taken from the token itself."""

    keys: SigningKeys
    clock: Callable[[], datetime]
    issuer: str
    audience: str
    subjects: Subjects

    async def verify(self, unverified_token: str) -> ExternalSubject:
        """Verify a token that came as `Authorization: Bearer`.

        Raises:
            AuthenticationError: it is not for us, not now, not by the issuer, or of nobody.
            IdentityProviderUnavailableError: without its keys nothing can be said.
        """
        key = await self._key(unverified_header(unverified_token).get("kid"))
        expected = Expected(audience=self.audience, issuer=self.issuer, among_audiences=True)
        now = self.clock()
        claims = signed_claims(unverified_token, key, expected, now=now, failure=_FAILURE)
        if not claims["sub"]:
            raise AuthenticationError(_FAILURE, reason="claims")
        return self.subjects.subject_of(claims, unverified_token)

    async def _key(self, kid: object) -> PyJWK:
        try:
            key = await self.keys.find(KEY_SET, kid) if isinstance(kid, str) else None
        except UpstreamError as error:
            raise IdentityProviderUnavailableError(
                "The identity provider's keys cannot be fetched, so nobody can be recognised;"
                " please ask again"
            ) from error
        if key is None:
            raise AuthenticationError(_FAILURE, reason="kid")
        return key
