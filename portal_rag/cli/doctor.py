"""One check after another, of all that the service needs; each with what to do if it fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from portal_rag.cli.checks import Examination
from portal_rag.errors import PortalRagError
from portal_rag.settings import ServiceSettings, load_service_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, what was found, and what to do about it if it failed."""

    name: str
    ok: bool
    finding: str
    advice: str = ""


Show = Callable[[Check], None]
_Probe = Callable[[Examination], Awaitable[str]]
_Probes = tuple[tuple[str, _Probe, str], ...]
_FILES: _Probes = (
    (
        "machines",
        Examination.machines,
        "Correct the file that PORTAL_RAG_MACHINE_CLIENTS_FILE names (README, Machine clients).",
    ),
    (
        "recording",
        Examination.recording,
        "Correct PORTAL_RAG_AUDIT_LOG or PORTAL_RAG_SENSITIVE_FILE (README, Audit log).",
    ),
)
_PROBES: _Probes = (
    (
        "identity",
        Examination.identity,
        "Correct PORTAL_RAG_PLUGIN_KEY_FILE, PORTAL_RAG_PLUGIN_KEY or PORTAL_RAG_PLUGIN_PUBLIC_KEYS"
        " (README, As a Backstage plugin), or set PORTAL_RAG_IDENTITY=forward.",
    ),
    *_FILES,
    (
        "backstage",
        Examination.backstage,
        "Check PORTAL_RAG_BACKSTAGE_URL, that the backend is running, and that its auth and"
        " permission plugins are installed.",
    ),
    (
        "model",
        Examination.model,
        "Install it, or set PORTAL_RAG_EMBEDDING_MODEL to a model that is on this machine.",
    ),
    (
        "index",
        Examination.index,
        "Run `portal-index run`, with the same PORTAL_RAG_INDEX_DIR (or PORTAL_RAG_QDRANT_URL) and"
        " PORTAL_RAG_EMBEDDING_MODEL as this service.",
    ),
)
_OIDC_PROBES: _Probes = (
    (
        "auth config",
        Examination.auth_config,
        "Correct the file of PORTAL_RAG_AUTH_CONFIG; deploy/auth/auth-config.yaml is an example.",
    ),
    *_FILES,
    (
        "identity provider",
        Examination.provider,
        "Check PORTAL_RAG_JWT_JWKS_URL: the provider's discovery document calls it jwks_uri.",
    ),
    (
        "authorization",
        Examination.authorization,
        "Check PORTAL_RAG_AUTHZ_URL: the base URL of the API that has /api/v1/authz/evaluates.",
    ),
)


def examine(show: Show) -> bool:
    """Run all checks, quick ones first, and show each as it ends; say whether all passed.

    Without usable settings nothing else can be checked.
    """
    try:
        settings = load_service_settings()
    except PortalRagError as error:
        advice = "Correct the environment; the README's Settings lists every name."
        show(Check(name="settings", ok=False, finding=error.message, advice=advice))
        return False
    show(Check(name="settings", ok=True, finding="all names and values are understood"))
    return anyio.run(_probe, settings, show)


async def _probe(settings: ServiceSettings, show: Show) -> bool:
    examination = Examination(settings)
    passed = True
    for name, probe, advice in _OIDC_PROBES if settings.auth == "oidc" else _PROBES:
        check = await _check(examination, name, probe, advice)
        show(check)
        passed = passed and check.ok
    return passed


async def _check(examination: Examination, name: str, probe: _Probe, advice: str) -> Check:
    try:
        return Check(name=name, ok=True, finding=await probe(examination))
    except PortalRagError as error:
        return Check(name=name, ok=False, finding=error.message, advice=advice)
