"""Composition root: opens every client once, and makes each asker's own view of the portal."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from portal_rag.backstage.plugin_keys import Jwk
from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.clients.oidc.tokens import SubjectTokens
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.freshness import Freshness
from portal_rag.corpus.query_model import LoadEmbedder, QueryModel
from portal_rag.corpus.remembering_embedder import RememberingEmbedder
from portal_rag.corpus.reranking import load_reranker
from portal_rag.corpus.store import IndexReader
from portal_rag.domain import Clock
from portal_rag.errors import PortalRagError
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.finding import EvidenceSource
from portal_rag.evidence.gathering import Gathering
from portal_rag.evidence.passages import IndexPassages
from portal_rag.evidence.portal_search import PortalSearch
from portal_rag.pipeline import Pipeline
from portal_rag.recording import Recorder
from portal_rag.services.askers import (
    Admit,
    Askers,
    PortalOf,
    everybody,
    open_askers,
    open_backstage,
    open_plugin_keys,
)
from portal_rag.services.calibration import open_calibration
from portal_rag.services.identity_provider import open_provider_askers
from portal_rag.services.index import open_index, open_query_model
from portal_rag.services.intent_reader import open_intent_reader
from portal_rag.services.machine_clients import MachineClients, open_machine_clients
from portal_rag.services.recorder import open_recorder
from portal_rag.settings import ServiceSettings
from portal_rag.understanding import Reading, Understanding, read_intent

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the HTTP edge and the command line need.

    `verifier` is None without authentication, `index` where nobody may read one. `admit` raises
    NotAllowedError for those who may not ask at all. `plugin_keys` are published; they are None
    unless the service is a plugin. `recorder` keeps account of the questions that it is told of.
    `machine_clients` may use what they were given, and never ask.
    """

    pipeline: Pipeline
    index: IndexReader | None
    portal_of: PortalOf
    admit: Admit
    recorder: Recorder
    verifier: TokenVerifier | SubjectTokens | None
    plugin_keys: tuple[Jwk, ...] | None
    machine_clients: MachineClients
    question_timeout_seconds: float


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_services(
    settings: ServiceSettings, *, load: LoadEmbedder = load_embedder, clock: Clock = _now
) -> AsyncIterator[Services]:
    """Open everything that questions need; what cannot be opened now is a ConfigurationError.

    `clock` tells the times of answers and whether tokens are current.
    """
    async with AsyncExitStack() as stack:
        recorder = stack.enter_context(open_recorder(settings, clock))
        if settings.auth == "oidc":
            askers = await stack.enter_async_context(open_provider_askers(settings, clock))
            index, gathering, read = None, _withheld(settings), read_intent
        else:
            embedder = _announced(await open_query_model(settings, load=load))
            index, askers = await _open_portal(settings, embedder.fingerprint, clock, stack)
            gathering = _gathering(settings, embedder, index, clock)
            read = (await open_intent_reader(settings, embedder)).read
        yield Services(
            pipeline=Pipeline(
                understanding=_understanding(settings, read, clock),
                gathering=gathering,
                clock=clock,
                timer=time.monotonic,
                make_id=new_answer_id,
                calibration=open_calibration(settings, index, time.monotonic).current,
            ),
            index=index,
            portal_of=askers.portal_of,
            admit=askers.admit,
            recorder=recorder,
            verifier=askers.verifier,
            plugin_keys=askers.plugin_keys,
            machine_clients=open_machine_clients(settings),
            question_timeout_seconds=settings.question_timeout_seconds,
        )


async def _open_portal(
    settings: ServiceSettings, fingerprint: str, clock: Clock, stack: AsyncExitStack
) -> tuple[IndexReader, Askers]:
    """Open the index and the way to Backstage, or an index of this machine's files alone."""
    if settings.auth == "none":
        reader = EdgeReader(settings.index_dir, fingerprint)
        stack.push_async_callback(reader.close)
        reader.entities()  # refuses an index that was not built from files alone
        local = LocalPortal(reader.entities)
        return reader, Askers(portal_of=lambda _: local, admit=everybody)
    keys = open_plugin_keys(settings)
    index = await open_index(settings, fingerprint)
    stack.push_async_callback(index.close)
    await _look_at(index)
    transport = await stack.enter_async_context(open_backstage(settings))
    return index, open_askers(settings, transport, keys, clock)


async def _look_at(index: IndexReader) -> None:
    """Say once why there is none to search, if so; the service starts, and takes the next one."""
    try:
        await index.manifest()
    except PortalRagError as error:
        _log.warning("index_unavailable", reason=error.message)


def _understanding(
    settings: ServiceSettings, read: Callable[[str], Reading], clock: Clock
) -> Understanding:
    zone = UTC if settings.timezone == "UTC" else ZoneInfo(settings.timezone)
    return Understanding(read=read, clock=clock, zone=zone)


def _gathering(
    settings: ServiceSettings, embedder: Embedder, index: IndexReader, clock: Clock
) -> Gathering:
    freshness = Freshness.parse(settings.stale_after_days, settings.stale_after_days_by_kind)
    sources: list[EvidenceSource] = [
        CatalogFacts(app_url=settings.app_url, clock=clock),
        IndexPassages(
            index=index,
            embedder=embedder,
            clock=clock,
            freshness=freshness,
            reranker=load_reranker(settings.rerank_model) if settings.rerank_model else None,
        ),
    ]
    if settings.search and settings.auth == "backstage":
        sources.append(PortalSearch(app_url=settings.app_url, clock=clock))
    return Gathering(
        sources=sources, deadline_seconds=settings.source_timeout_seconds, timer=time.monotonic
    )


def _withheld(settings: ServiceSettings) -> Gathering:
    """Gather from nowhere: where nobody is known to Backstage, its sources are not even opened."""
    return Gathering(
        sources=(),
        withheld=(CatalogFacts.name, IndexPassages.name),
        deadline_seconds=settings.source_timeout_seconds,
        timer=time.monotonic,
    )


def _announced(model: QueryModel) -> Embedder:
    _log.info("query_model", runtime=model.runtime, fingerprint=model.embedder.fingerprint)
    if model.refusal:
        _log.warning("exported_model_refused", reason=model.refusal)
    return RememberingEmbedder(model.embedder)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_answer_id() -> str:
    """Make a ULID: 26 characters, sorted by time of making (github.com/ulid/spec)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
