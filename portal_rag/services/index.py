"""The published index, and the model that its questions are embedded with."""

from functools import partial

import anyio.to_thread

from portal_rag.corpus.edge_generations import current_generation
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.embedding import load_embedder
from portal_rag.corpus.onnx_embedding import is_exported
from portal_rag.corpus.query_model import LoadEmbedder, QueryModel, load_query_model
from portal_rag.corpus.store import IndexReader, Manifest
from portal_rag.errors import IndexUnavailableError, PortalRagError
from portal_rag.settings import ServiceSettings


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
