"""Opens what a run needs, as the settings say: the sources, the store, and what is published."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.chunking import CHUNKING_VERSION
from indexer.settings import IndexerSettings
from indexer.sources.backstage import BackstageSource
from indexer.sources.files import FilesSource
from indexer.sources.source import Source
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.events import EventsClient
from portal_rag.backstage.techdocs import TechDocsClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.edge_generations import current_generation, recorded_run
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.redaction import RULES_VERSION
from portal_rag.corpus.server_collection import Collection
from portal_rag.corpus.server_store import open_server_client, open_server_writer
from portal_rag.corpus.settings import WHERE_DOCUMENTED
from portal_rag.corpus.store import IndexWriter, Manifest
from portal_rag.errors import ConfigurationError

BACKSTAGE = "backstage"
FILES = "files"
SOURCES = (BACKSTAGE, FILES)


async def open_sources(
    names: Sequence[str], settings: IndexerSettings, *, path: Path | None, stack: AsyncExitStack
) -> list[Source]:
    """Open each named source once; `path` takes the place of PORTAL_INDEX_FILES_PATH.

    Raises:
        ConfigurationError: a source lacks a setting.
    """
    sources: list[Source] = []
    for name in dict.fromkeys(names):
        if name == FILES:
            sources.append(_files(settings, path))
        else:
            sources.append(await _backstage(settings, stack))
    return sources


async def open_writer(
    settings: IndexerSettings, embedder: Embedder, *, rebuild: bool, stack: AsyncExitStack
) -> IndexWriter:
    """Begin to write the embedded index, or the server's where one is set.

    Raises:
        PortalRagError: another run writes, the index was made with another model, or the server
            does not answer.
    """
    writer: IndexWriter
    if settings.qdrant_url:
        writer = await open_server_writer(
            settings.qdrant_url,
            api_key=_qdrant_key(settings),
            alias=settings.qdrant_collection,
            fingerprint=embedder.fingerprint,
            dimensions=embedder.dimensions,
            rebuild=rebuild,
        )
    else:
        writer = open_edge_writer(
            settings.index_dir,
            fingerprint=embedder.fingerprint,
            dimensions=embedder.dimensions,
            rebuild=rebuild,
        )
    stack.push_async_callback(writer.close)
    return writer


async def open_events(settings: IndexerSettings, stack: AsyncExitStack) -> EventsClient:
    """Prepare to listen to the topics that the settings name.

    Raises:
        ConfigurationError: the settings name no Backstage, or no token for it.
    """
    transport, token = await _transport(settings, stack)
    return EventsClient(
        transport,
        token=token,
        name=settings.event_subscription,
        topics=settings.topics_heard,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What readers see, what it is called, and what is recorded of the last run."""

    manifest: Manifest
    generation: str
    last_run: Mapping[str, Any] | None


async def read_published(settings: IndexerSettings) -> Published | None:
    """Read what is published, whichever model it was made with; None if nothing is.

    Raises:
        IndexUnavailableError: it is damaged.
        UpstreamError: the server does not answer.
    """
    if not settings.qdrant_url:
        generation = current_generation(settings.index_dir)
        if generation is None:
            return None
        return Published(
            manifest=generation.read_manifest(),
            generation=str(generation.number),
            last_run=await read_last_run(settings),
        )
    async with _live_collection(settings) as live:
        manifest = await live.manifest()
        if manifest is None:
            return None
        return Published(manifest=manifest, generation=live.name, last_run=await live.last_run())


async def read_last_run(settings: IndexerSettings) -> Mapping[str, Any] | None:
    """Read what the last run recorded; None if nothing was.

    Raises:
        UpstreamError: the server does not answer.
    """
    if not settings.qdrant_url:
        return recorded_run(settings.index_dir)
    async with _live_collection(settings) as live:
        return await live.last_run()


@asynccontextmanager
async def _live_collection(settings: IndexerSettings) -> AsyncIterator[Collection]:
    client = open_server_client(str(settings.qdrant_url), _qdrant_key(settings))
    try:
        yield Collection(client, settings.qdrant_collection)
    finally:
        await client.close()


def shape_of(settings: IndexerSettings) -> str:
    """Name what shapes documents besides what the sources say."""
    return f"{CHUNKING_VERSION} {RULES_VERSION} {settings.app_url}"


def _files(settings: IndexerSettings, path: Path | None) -> Source:
    root = path or settings.files_path
    if root is None:
        raise ConfigurationError(
            "the source 'files' needs a folder: give --path DIR or set PORTAL_INDEX_FILES_PATH"
            f" ({WHERE_DOCUMENTED})"
        )
    return FilesSource(root, app_url=settings.app_url)


async def _backstage(settings: IndexerSettings, stack: AsyncExitStack) -> Source:
    transport, token = await _transport(settings, stack)
    return BackstageSource(
        catalog=CatalogClient(transport),
        techdocs=TechDocsClient(transport),
        token=token,
        app_url=settings.app_url,
    )


async def _transport(
    settings: IndexerSettings, stack: AsyncExitStack
) -> tuple[BackstageTransport, str]:
    if settings.backstage_url is None:
        raise ConfigurationError(
            "the source 'backstage' needs PORTAL_RAG_BACKSTAGE_URL, the base URL of the backend,"
            f" for example http://127.0.0.1:7007 ({WHERE_DOCUMENTED})"
        )
    if settings.backstage_token is None:
        raise ConfigurationError(
            "the source 'backstage' needs PORTAL_INDEX_BACKSTAGE_TOKEN, a static token that the"
            f" portal's app-config accepts for the indexer ({WHERE_DOCUMENTED})"
        )
    transport = await stack.enter_async_context(
        BackstageTransport(
            settings.backstage_url, deadline_seconds=settings.backstage_timeout_seconds
        )
    )
    return transport, settings.backstage_token.get_secret_value()


def _qdrant_key(settings: IndexerSettings) -> str | None:
    return settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
