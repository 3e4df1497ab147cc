"""Who asks, whether they may, and what they see: all that depends on Backstage."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import DocumentPermissions
from portal_rag.backstage.jwks import JwksCache
from portal_rag.backstage.permission import PermissionClient
from portal_rag.backstage.plugin_keys import (
    Jwk,
    PluginKeys,
    keyring,
    load_keys,
    load_public_keys,
    parse_keys,
)
from portal_rag.backstage.plugin_tokens import PluginTokens
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.admission import Admission
from portal_rag.clients.oidc.tokens import SubjectTokens
from portal_rag.clients.views import make_views
from portal_rag.domain import Clock, NoPortal, Portal
from portal_rag.errors import ConfigurationError
from portal_rag.principals import Principal
from portal_rag.settings import ServiceSettings

PLUGIN_ID = "portal-rag"
PortalOf = Callable[[Principal], Portal | NoPortal]
Admit = Callable[[Principal], Awaitable[None]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Askers:
    """Who asks, whether they may, and what they see; without authentication the rest is None."""

    portal_of: PortalOf
    admit: Admit
    verifier: TokenVerifier | SubjectTokens | None = None
    plugin_keys: tuple[Jwk, ...] | None = None


def open_backstage(settings: ServiceSettings) -> BackstageTransport:
    """Prepare for calls to the Backstage backend; nothing is sent yet."""
    if not settings.backstage_url:
        raise ConfigurationError("PORTAL_RAG_BACKSTAGE_URL is not set (README, Settings)")
    return BackstageTransport(
        settings.backstage_url, deadline_seconds=settings.catalog_timeout_seconds
    )


def open_plugin_keys(settings: ServiceSettings) -> PluginKeys | None:
    """Read the keys of this service as a plugin; None where it is none.

    Raises:
        ConfigurationError: they are missing or wrong.
    """
    if settings.auth != "backstage" or settings.identity != "plugin":
        return None
    if settings.plugin_key:
        own = parse_keys(settings.plugin_key.get_secret_value(), origin="PORTAL_RAG_PLUGIN_KEY")
    elif settings.plugin_key_file:
        own = load_keys(settings.plugin_key_file, setting="PORTAL_RAG_PLUGIN_KEY_FILE")
    else:
        raise ConfigurationError("PORTAL_RAG_PLUGIN_KEY_FILE is not set (README, Settings)")
    public = settings.plugin_public_keys
    others = load_public_keys(public, setting="PORTAL_RAG_PLUGIN_PUBLIC_KEYS") if public else ()
    return keyring(own, others)


def exposed_key_file(settings: ServiceSettings) -> Path | None:
    """Name the file of private keys if accounts other than its owner can reach it."""
    path = settings.plugin_key_file
    return path if path and path.stat().st_mode & 0o077 else None


def open_askers(
    settings: ServiceSettings,
    transport: BackstageTransport,
    keys: PluginKeys | None,
    clock: Clock,
) -> Askers:
    """Wire what Backstage decides for each asker; `keys` are those of the service as a plugin."""
    permission = PermissionClient(transport)
    signer = PluginTokens(keys.signing, plugin_id=PLUGIN_ID, clock=clock) if keys else None
    _log.info("identity", kind=settings.identity, kid=keys.signing.kid if keys else None)
    if keys and (exposed := exposed_key_file(settings)):
        _log.warning("plugin_key_exposed", path=str(exposed), advice="chmod 600 it")
    views = make_views(
        signer=signer,
        catalog=CatalogClient(transport),
        permission=permission if settings.permission_enabled else None,
        search=SearchClient(transport),
        document_permissions=DocumentPermissions.parse(settings.document_permissions),
        timer=time.monotonic,
    )
    admission = Admission(permission=permission, deadline_seconds=settings.authz_timeout_seconds)

    async def admit(principal: Principal) -> None:
        await admission.check(views.credentials_of(principal))

    return Askers(
        portal_of=views.portal_of,
        admit=admit if settings.ask_permission else everybody,
        verifier=_verifier(settings, transport, clock),
        plugin_keys=keys.published if keys else None,
    )


async def everybody(principal: Principal) -> None:
    """Let everybody ask whom the authentication lets in."""


def _verifier(
    settings: ServiceSettings, transport: BackstageTransport, clock: Clock
) -> TokenVerifier:
    return TokenVerifier(
        jwks=JwksCache(transport, timer=time.monotonic),
        clock=clock,
        own_plugin_id=PLUGIN_ID,
        allowed_callers=frozenset(settings.allowed_callers.split(",")),
    )
