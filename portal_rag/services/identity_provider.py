"""Who asks, and whether they may, where another identity provider than Backstage says it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog

from portal_rag.backstage.jwks import JwksCache, usable_keys
from portal_rag.clients.oidc.admission import SubjectAdmission
from portal_rag.clients.oidc.keys import KEY_SET, ProviderKeys
from portal_rag.clients.oidc.subjects import Subjects, load_subjects
from portal_rag.clients.oidc.tokens import SubjectTokens
from portal_rag.clients.oidc.transport import OidcTransport
from portal_rag.domain import Clock, NoPortal
from portal_rag.errors import ConfigurationError, NotAllowedError
from portal_rag.principals import ExternalSubject, Principal
from portal_rag.services.askers import Askers
from portal_rag.settings import LOOPBACK, ServiceSettings

_log = structlog.get_logger()


def open_subjects(settings: ServiceSettings) -> Subjects:
    """Read which claims say who somebody is.

    Raises:
        ConfigurationError: the file is not set, missing or wrong.
    """
    if not settings.auth_config:
        raise _unset("PORTAL_RAG_AUTH_CONFIG")
    return load_subjects(settings.auth_config)


def open_provider(settings: ServiceSettings) -> OidcTransport:
    """Prepare for calls to the provider; nothing is sent yet."""
    if not settings.jwt_jwks_url:
        raise _unset("PORTAL_RAG_JWT_JWKS_URL")
    if not settings.authz_url:
        raise _unset("PORTAL_RAG_AUTHZ_URL")
    return OidcTransport(jwks_url=settings.jwt_jwks_url, authz_url=settings.authz_url)


async def count_keys(settings: ServiceSettings) -> int:
    """Ask the provider now for keys that tokens may be verified with.

    Raises:
        UpstreamError: they cannot be read.
    """
    async with open_provider(settings) as transport:
        answer = await ProviderKeys(transport).get_json(*KEY_SET, token=None)
    return len(usable_keys(KEY_SET, answer))


@asynccontextmanager
async def open_provider_askers(settings: ServiceSettings, clock: Clock) -> AsyncIterator[Askers]:
    """Wire all that the provider decides; nothing of Backstage or the index is opened for it."""
    subjects = open_subjects(settings)
    _warn_of_plain_http(settings)
    async with open_provider(settings) as transport:
        admission = SubjectAdmission(
            transport=transport,
            action=subjects.action,
            deadline_seconds=settings.authz_timeout_seconds,
        )

        async def admit(principal: Principal) -> None:
            await admission.check(_subject(principal))

        yield Askers(
            portal_of=no_portal_of,
            admit=admit,
            verifier=_verifier(settings, transport, subjects, clock),
        )


def no_portal_of(principal: Principal) -> NoPortal:
    """Show nothing of the portal.

    Raises:
        NotAllowedError: whoever asks is none whom the provider vouched for.
    """
    _subject(principal)
    return NoPortal()


def _subject(principal: Principal) -> ExternalSubject:
    if not isinstance(principal, ExternalSubject):
        raise NotAllowedError("Only those whom the identity provider vouches for can ask here")
    return principal


def _verifier(
    settings: ServiceSettings, transport: OidcTransport, subjects: Subjects, clock: Clock
) -> SubjectTokens:
    if not settings.jwt_issuer:
        raise _unset("PORTAL_RAG_JWT_ISSUER")
    if not settings.jwt_audience:
        raise _unset("PORTAL_RAG_JWT_AUDIENCE")
    return SubjectTokens(
        keys=JwksCache(ProviderKeys(transport), timer=time.monotonic),
        clock=clock,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        subjects=subjects,
    )


def _warn_of_plain_http(settings: ServiceSettings) -> None:
    named = {
        "PORTAL_RAG_JWT_JWKS_URL": settings.jwt_jwks_url,
        "PORTAL_RAG_AUTHZ_URL": settings.authz_url,
    }
    for setting, url in named.items():
        parts = urlsplit(url or "")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            _log.warning("unencrypted", setting=setting, advice="use https, or a network you trust")


def _unset(setting: str) -> ConfigurationError:
    return ConfigurationError(
        f"{setting} is not set; PORTAL_RAG_AUTH=oidc needs it (README, Settings)"
    )
