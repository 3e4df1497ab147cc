"""Composition root: opens every client once, and makes each asker's own view of the portal."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio.to_thread
import structlog

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.jwks import JwksCache
from portal_rag.backstage.permission import PermissionClient
from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.backstage_portal import BackstagePortal, ListingCache
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.corpus.edge_generations import current_generation
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.onnx_embedding import is_exported
from portal_rag.corpus.query_model import LoadEmbedder, QueryModel, load_query_model
from portal_rag.corpus.store import IndexReader, Manifest
from portal_rag.domain import Portal, PortalUser, Principal
from portal_rag.errors import (
    ConfigurationError,
    IndexUnavailableError,
    NotAllowedError,
    PortalRagError,
)
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.gathering import Gathering
from portal_rag.evidence.passages import IndexPassages
from portal_rag.pipeline import Pipeline
from portal_rag.settings import ServiceSettings

PLUGIN_ID = "portal-rag"
PortalOf = Callable[[Principal], Portal]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the HTTP edge and the command line need; `verifier` is None without authentication."""

    pipeline: Pipeline
    index: IndexReader
    portal_of: PortalOf
    verifier: TokenVerifier | None
    question_timeout_seconds: float


@asynccontextmanager
async def open_services(
    settings: ServiceSettings, *, load: LoadEmbedder = load_embedder
) -> AsyncIterator[Services]:
    """Open everything that questions need; what cannot be opened now is a ConfigurationError."""
    embedder = _announced(await open_query_model(settings, load=load))
    async with AsyncExitStack() as stack:
        if settings.auth == "none":
            reader = EdgeReader(settings.index_dir, embedder.fingerprint)
            stack.push_async_callback(reader.close)
            reader.entities()  # refuses an index that was not built from files alone
            local = LocalPortal(reader.entities)
            yield _services(settings, embedder, reader, lambda _: local, None)
            return
        index = await open_index(settings, embedder.fingerprint)
        stack.push_async_callback(index.close)
        transport = await stack.enter_async_context(open_backstage(settings))
        verifier = _verifier(settings, transport)
        yield _services(settings, embedder, index, _forwarding(settings, transport), verifier)


def _services(
    settings: ServiceSettings,
    embedder: Embedder,
    index: IndexReader,
    portal_of: PortalOf,
    verifier: TokenVerifier | None,
) -> Services:
    stale_after = timedelta(days=settings.stale_after_days)
    sources = (
        CatalogFacts(app_url=settings.app_url, clock=_now),
        IndexPassages(index=index, embedder=embedder, clock=_now, stale_after=stale_after),
    )
    gathering = Gathering(
        sources=sources, deadline_seconds=settings.source_timeout_seconds, timer=time.monotonic
    )
    return Services(
        pipeline=Pipeline(
            gathering=gathering, clock=_now, timer=time.monotonic, make_id=new_answer_id
        ),
        index=index,
        portal_of=portal_of,
        verifier=verifier,
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


def _verifier(settings: ServiceSettings, transport: BackstageTransport) -> TokenVerifier:
    return TokenVerifier(
        jwks=JwksCache(transport, timer=time.monotonic),
        clock=_now,
        own_plugin_id=PLUGIN_ID,
        allowed_callers=frozenset(settings.allowed_callers.split(",")),
    )


def _forwarding(settings: ServiceSettings, transport: BackstageTransport) -> PortalOf:
    """Make each user's portal with that user's own token."""
    catalog = CatalogClient(transport)
    permission = PermissionClient(transport) if settings.permission_enabled else None
    listings = ListingCache(time.monotonic)

    def portal_of(principal: Principal) -> Portal:
        if not isinstance(principal, PortalUser):
            raise NotAllowedError("Only a Backstage user can ask here")
        return BackstagePortal(principal, catalog=catalog, permission=permission, listings=listings)

    return portal_of


def _now() -> datetime:
    return datetime.now(UTC)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_answer_id() -> str:
    """Make a ULID: 26 characters, sorted by time of making (github.com/ulid/spec)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
