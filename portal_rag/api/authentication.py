"""Who is asking: a Backstage user, somebody of another provider, or this machine's own reader."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from portal_rag.backstage.tokens import OnBehalfOfToken, ServiceToken, TokenVerifier, UserToken
from portal_rag.clients.oidc.tokens import SubjectTokens
from portal_rag.errors import AuthenticationError, NotAllowedError
from portal_rag.principals import LocalReader, PortalUser, Principal, RepresentedUser

_BEARER = re.compile(r"Bearer[ ]+(\S+)", re.IGNORECASE)
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_SERVICES = "This endpoint does not allow 'service' credentials"


@dataclass(frozen=True, slots=True)
class _ByBackstage:
    """Tokens that Backstage, or one of its plugins, has signed."""

    verifier: TokenVerifier

    async def check(self, headers: Headers) -> None:
        """Make sure that there are credentials, whoever's.

        Raises:
            AuthenticationError: no token, or none that can be verified.
        """
        await self.verifier.verify(bearer_token(headers))


@dataclass(frozen=True, slots=True)
class BackstageAuthentication(_ByBackstage):
    """Only full user tokens in the Authorization header count; cookies and query do not."""

    async def principal(self, headers: Headers) -> Principal:
        """Say who asks.

        Raises:
            AuthenticationError: no token, or none that can be verified.
            NotAllowedError: the token is good, but no user may ask with it here.
        """
        unverified_token = bearer_token(headers)
        token = await self.verifier.verify(unverified_token)
        match token:
            case UserToken(user_ref=user_ref):
                return PortalUser(user_ref=user_ref, token=unverified_token)
            case OnBehalfOfToken():
                raise NotAllowedError(
                    "Plugin tokens on behalf of a user need this service to run with"
                    " `identity: plugin`; send the user's own token instead"
                )
        raise NotAllowedError(_NO_SERVICES)


@dataclass(frozen=True, slots=True)
class PluginAuthentication(_ByBackstage):
    """As BackstageAuthentication, but plugins too may ask for a user, with the user's proof."""

    async def principal(self, headers: Headers) -> Principal:
        """Say who asks.

        Raises:
            AuthenticationError: no token, or none that can be verified or proves a user.
            NotAllowedError: a plugin asks for itself.
        """
        token = await self.verifier.verify(bearer_token(headers))
        if isinstance(token, ServiceToken):
            raise NotAllowedError(_NO_SERVICES)
        through = token.caller if isinstance(token, OnBehalfOfToken) else None
        return RepresentedUser(proof=await self.verifier.prove(token), through=through)


@dataclass(frozen=True, slots=True)
class OidcAuthentication:
    """Only tokens of the one identity provider count, in the Authorization header alone."""

    tokens: SubjectTokens

    async def principal(self, headers: Headers) -> Principal:
        """Say who asks.

        Raises:
            AuthenticationError: no token, or none that can be verified.
            IdentityProviderUnavailableError: no token can be verified now.
        """
        return await self.tokens.verify(bearer_token(headers))

    async def check(self, headers: Headers) -> None:
        """Make sure of the same as `principal`."""
        await self.principal(headers)


class LocalAuthentication:
    """No credentials: whoever reaches this loopback address directly is the local reader.

    Host and Origin are checked, so that no web page can make a browser ask (DNS rebinding and
    cross-site requests).
    """

    async def principal(self, headers: Headers) -> Principal:
        """Say who asks.

        Raises:
            NotAllowedError: the request came under a foreign host name or from a foreign page.
        """
        if _hostname("//" + headers.get("host", "")) not in _LOOPBACK_HOSTS:
            raise NotAllowedError("Without authentication only loopback host names are answered")
        origin = headers.get("origin")
        if origin is not None and _hostname(origin) not in _LOOPBACK_HOSTS:
            raise NotAllowedError("Without authentication other web pages may not ask")
        return LocalReader()

    async def check(self, headers: Headers) -> None:
        """Make sure of the same as `principal`."""
        await self.principal(headers)


Authentication = (
    BackstageAuthentication | PluginAuthentication | OidcAuthentication | LocalAuthentication
)


def bearer_token(headers: Headers) -> str:
    """Give the one token that was sent; of two, somebody before us might have looked at the other.

    Raises:
        AuthenticationError: there is none, or more than one Authorization header.
    """
    if len(headers.getlist("authorization")) > 1:
        raise AuthenticationError("There must be one Authorization header", reason="several")
    tokens = bearer_tokens(headers)
    if not tokens:
        raise AuthenticationError("Missing credentials", reason="missing")
    return tokens[0]


def bearer_tokens(headers: Headers) -> Sequence[str]:
    """List whatever was sent as a token."""
    matches = map(_BEARER.fullmatch, headers.getlist("authorization"))
    return [match[1] for match in matches if match]


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
