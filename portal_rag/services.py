"""Composition root: opens every client once, and makes each asker's own view of the portal."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio.to_thread
import structlog

from portal_rag.backstage.catalog import CatalogClient
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
from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.admission import Admission
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.clients.views import make_views
from portal_rag.corpus.edge_generations import current_generation
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.onnx_embedding import is_exported
from portal_rag.corpus.query_model import LoadEmbedder, QueryModel, load_query_model
from portal_rag.corpus.store import IndexReader, Manifest
from portal_rag.domain import Clock, Portal, Principal
from portal_rag.errors import ConfigurationError, IndexUnavailableError, PortalRagError
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.gathering import Gathering
from portal_rag.evidence.passages import IndexPassages
from portal_rag.pipeline import Pipeline
from portal_rag.settings import ServiceSettings

PLUGIN_ID = "portal-rag"
PortalOf = Callable[[Principal], Portal]
Admit = Callable[[Principal], Awaitable[None]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the HTTP edge and the command line need.

    `verifier` is None without authentication. `admit` raises NotAllowedError for those who may
    not ask at all. `plugin_keys` are published; they are None unless the service is a plugin.
    """

    pipeline: Pipeline
    index: IndexReader
    portal_of: PortalOf
    admit: Admit
    verifier: TokenVerifier | None
    plugin_keys: tuple[Jwk, ...] | None
    question_timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Askers:
    """Who asks, whether they may, and what they see."""

    portal_of: PortalOf
    admit: Admit
    verifier: TokenVerifier | None = None
    plugin_keys: tuple[Jwk, ...] | None = None


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_services(
    settings: ServiceSettings, *, load: LoadEmbedder = load_embedder, clock: Clock = _now
) -> AsyncIterator[Services]:
    """Open everything that questions need; what cannot be opened now is a ConfigurationError.

    `clock` tells the times of answers and whether tokens are current.
    """
    keys = open_plugin_keys(settings)
    embedder = _announced(await open_query_model(settings, load=load))
    async with AsyncExitStack() as stack:
        if settings.auth == "none":
            reader = EdgeReader(settings.index_dir, embedder.fingerprint)
            stack.push_async_callback(reader.close)
            reader.entities()  # refuses an index that was not built from files alone
            local = LocalPortal(reader.entities)
            askers = _Askers(portal_of=lambda _: local, admit=_everybody)
            yield _services(settings, embedder, reader, askers, clock)
            return
        index = await open_index(settings, embedder.fingerprint)
        stack.push_async_callback(index.close)
        transport = await stack.enter_async_context(open_backstage(settings))
        askers = _askers(settings, transport, keys, clock)
        yield _services(settings, embedder, index, askers, clock)


def _services(
    settings: ServiceSettings,
    embedder: Embedder,
    index: IndexReader,
    askers: _Askers,
    clock: Clock,
) -> Services:
    stale_after = timedelta(days=settings.stale_after_days)
    sources = (
        CatalogFacts(app_url=settings.app_url, clock=clock),
        IndexPassages(index=index, embedder=embedder, clock=clock, stale_after=stale_after),
    )
    gathering = Gathering(
        sources=sources, deadline_seconds=settings.source_timeout_seconds, timer=time.monotonic
    )
    return Services(
        pipeline=Pipeline(
            gathering=gathering, clock=clock, timer=time.monotonic, make_id=new_answer_id
        ),
        index=index,
        portal_of=askers.portal_of,
        admit=askers.admit,
        verifier=askers.verifier,
        plugin_keys=askers.plugin_keys,
        question_timeout_seconds=settings.question_timeout_seconds,
    )


async def open_query_model(
    settings: ServiceSettings, *, load: LoadEmbedder = load_embedder
) -> QueryModel:
    """Load the exported model if there is one that fits the index, else what `load` gives."""
    folder = settings.exported_model_dir
    fingerprint = await _index_fingerprint(settings) if is_exported(folder) else None
    return await anyio.to_thread.run_sync(
        partial(
            load_query_model,
            settings.embedding_model,
            folder,
            index_fingerprint=fingerprint,
            load=load,
        )
    )


def _announced(model: QueryModel) -> Embedder:
    _log.info("query_model", runtime=model.runtime, fingerprint=model.embedder.fingerprint)
    if model.refusal:
        _log.warning("exported_model_refused", reason=model.refusal)
    return model.embedder


def check_local_index(settings: ServiceSettings) -> None:
    """Make sure, before anything is loaded, that there is an index which anybody may ask.

    Raises:
        IndexUnavailableError: nothing is published, or not all of it came from files.
    """
    generation = current_generation(settings.index_dir)
    if generation is None or not generation.read_manifest().built_from_files:
        raise IndexUnavailableError(
            f"PORTAL_RAG_AUTH=none needs an index in {settings.index_dir} that was built from files"
            " alone; run `portal-index run --source files --path DIR`"
        )


async def open_index(settings: ServiceSettings, fingerprint: str) -> IndexReader:
    """Open the index that the settings name, for a model of this fingerprint."""
    if not settings.qdrant_url:
        return EdgeReader(settings.index_dir, fingerprint)
    from portal_rag.corpus.server_store import open_server_reader  # noqa: PLC0415 (a second)

    return await open_server_reader(
        settings.qdrant_url,
        api_key=_qdrant_key(settings),
        alias=settings.qdrant_collection,
        fingerprint=fingerprint,
    )


async def _index_fingerprint(settings: ServiceSettings) -> str | None:
    """Say what the published index was made with; None if that cannot be read now."""
    try:
        manifest = await _published_manifest(settings)
    except PortalRagError:
        return None
    return manifest.embedding_fingerprint if manifest else None


async def _published_manifest(settings: ServiceSettings) -> Manifest | None:
    if not settings.qdrant_url:
        generation = current_generation(settings.index_dir)
        return generation.read_manifest() if generation else None
    from portal_rag.corpus.server_collection import Collection  # noqa: PLC0415 (a second)
    from portal_rag.corpus.server_store import open_server_client  # noqa: PLC0415

    client = open_server_client(settings.qdrant_url, _qdrant_key(settings))
    try:
        return await Collection(client, settings.qdrant_collection).manifest()
    finally:
        await client.close()


def _qdrant_key(settings: ServiceSettings) -> str | None:
    return settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None


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
    if settings.auth == "none" or settings.identity != "plugin":
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


def _askers(
    settings: ServiceSettings,
    transport: BackstageTransport,
    keys: PluginKeys | None,
    clock: Clock,
) -> _Askers:
    permission = PermissionClient(transport)
    signer = PluginTokens(keys.signing, plugin_id=PLUGIN_ID, clock=clock) if keys else None
    _log.info("identity", kind=settings.identity, kid=keys.signing.kid if keys else None)
    views = make_views(
        signer=signer,
        catalog=CatalogClient(transport),
        permission=permission if settings.permission_enabled else None,
        timer=time.monotonic,
    )
    admission = Admission(permission=permission, deadline_seconds=settings.authz_timeout_seconds)

    async def admit(principal: Principal) -> None:
        await admission.check(views.credentials_of(principal))

    return _Askers(
        portal_of=views.portal_of,
        admit=admit if settings.ask_permission else _everybody,
        verifier=_verifier(settings, transport, clock),
        plugin_keys=keys.published if keys else None,
    )


async def _everybody(principal: Principal) -> None:
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


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_answer_id() -> str:
    """Make a ULID: 26 characters, sorted by time of making (github.com/ulid/spec)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
