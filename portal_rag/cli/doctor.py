"""One check after another, of all that the service needs; each with what to do if it fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from portal_rag.errors import IndexUnavailableError, PortalRagError, UpstreamError
from portal_rag.services.askers import open_backstage, open_plugin_keys
from portal_rag.services.identity_provider import count_keys, open_provider, open_subjects
from portal_rag.services.index import open_index, open_query_model
from portal_rag.services.machine_clients import open_machine_clients
from portal_rag.settings import ServiceSettings, load_service_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, what was found, and what to do about it if it failed."""

    name: str
    ok: bool
    finding: str
    advice: str = ""


async def _check_model(settings: ServiceSettings) -> str:
    model = await open_query_model(settings)
    finding = f"{model.embedder.fingerprint} loads with {model.runtime}"
    if model.refusal:
        return f"{finding}; the exported model is not used: {model.refusal}"
    return f"{finding} and makes vectors of {model.embedder.dimensions}"


async def _check_index(settings: ServiceSettings) -> str:
    model = await open_query_model(settings)
    index = await open_index(settings, model.embedder.fingerprint)
    try:
        manifest = await index.manifest()
    finally:
        await index.close()
    if settings.auth == "none" and not manifest.built_from_files:
        raise IndexUnavailableError("PORTAL_RAG_AUTH=none needs an index built from files alone")
    sources = ", ".join(manifest.sources)
    return f"{manifest.chunk_count} chunks of {sources}, published {manifest.published_at:%F %H:%M}"


async def _check_backstage(settings: ServiceSettings) -> str:
    if settings.auth == "none":
        return "not needed with PORTAL_RAG_AUTH=none"
    async with open_backstage(settings) as transport:
        keys = await transport.get_json("auth", ".well-known", "jwks.json", token=None)
        if not isinstance(keys, dict) or not keys.get("keys"):
            raise UpstreamError("auth", "what answers there is no Backstage backend")
        if settings.permission_enabled:
            await transport.get_json("permission", "health", token=None)
    return f"{settings.backstage_url} serves its keys and answers for permissions"


async def _check_identity(settings: ServiceSettings) -> str:
    keys = open_plugin_keys(settings)
    if keys is None:
        return "nothing is signed here"
    return f"plugin, signs with {keys.signing.kid} and publishes {len(keys.published)} keys"


async def _check_machines(settings: ServiceSettings) -> str:
    return f"{len(open_machine_clients(settings).clients)} machine clients are known"


async def _check_auth_config(settings: ServiceSettings) -> str:
    subjects = open_subjects(settings)
    rules = ", ".join(f"{rule.subject_type} by {rule.claim}" for rule in subjects.rules)
    return f"{settings.auth_config} tells {rules}; asking needs {subjects.action}"


async def _check_provider(settings: ServiceSettings) -> str:
    count = await count_keys(settings)
    if not count:
        raise UpstreamError("identity provider", "none of its keys has a kid and is for RS or ES")
    return f"{settings.jwt_jwks_url} serves {count} usable keys"


async def _check_authorization(settings: ServiceSettings) -> str:
    async with open_provider(settings) as transport:
        status = await transport.reach_authorization(
            deadline_seconds=settings.authz_timeout_seconds
        )
    return f"{settings.authz_url} answers ({status} without a token)"


_Probe = Callable[[ServiceSettings], Awaitable[str]]
_PROBES: tuple[tuple[str, _Probe, str], ...] = (
    (
        "model",
        _check_model,
        "Install it, or set PORTAL_RAG_EMBEDDING_MODEL to a model that is on this machine.",
    ),
    (
        "index",
        _check_index,
        "Run `portal-index run`, with the same PORTAL_RAG_INDEX_DIR (or PORTAL_RAG_QDRANT_URL) and"
        " PORTAL_RAG_EMBEDDING_MODEL as this service.",
    ),
    (
        "backstage",
        _check_backstage,
        "Check PORTAL_RAG_BACKSTAGE_URL, that the backend is running, and that its auth and"
        " permission plugins are installed.",
    ),
    (
        "identity",
        _check_identity,
        "Make a key with `portal-rag keys create`, or set PORTAL_RAG_IDENTITY=forward.",
    ),
    (
        "machines",
        _check_machines,
        "Correct the file that PORTAL_RAG_MACHINE_CLIENTS_FILE names (README, Machine clients).",
    ),
)
_OIDC_PROBES: tuple[tuple[str, _Probe, str], ...] = (
    (
        "auth config",
        _check_auth_config,
        "Correct the file of PORTAL_RAG_AUTH_CONFIG; deploy/auth/auth-config.yaml is an example.",
    ),
    (
        "identity provider",
        _check_provider,
        "Check PORTAL_RAG_JWT_JWKS_URL: the provider's discovery document calls it jwks_uri.",
    ),
    (
        "authorization",
        _check_authorization,
        "Check PORTAL_RAG_AUTHZ_URL: the base URL of the API that has /api/v1/authz/evaluates.",
    ),
)


def examine() -> list[Check]:
    """Run all checks; without usable settings nothing else can be checked."""
    try:
        settings = load_service_settings()
    except PortalRagError as error:
        advice = "Correct the environment; the README's Settings lists every name."
        return [Check(name="settings", ok=False, finding=error.message, advice=advice)]
    passed = Check(name="settings", ok=True, finding="all names and values are understood")
    return [passed, *anyio.run(_probe, settings)]


async def _probe(settings: ServiceSettings) -> list[Check]:
    probes = _OIDC_PROBES if settings.auth == "oidc" else _PROBES
    return [await _check(settings, *probe) for probe in probes]


async def _check(settings: ServiceSettings, name: str, probe: _Probe, advice: str) -> Check:
    try:
        return Check(name=name, ok=True, finding=await probe(settings))
    except PortalRagError as error:
        return Check(name=name, ok=False, finding=error.message, advice=advice)
