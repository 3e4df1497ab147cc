"""How long each stage of an answer takes, in-process and without a language model."""

import asyncio
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from evals.bench.answers import index_files
from evals.bench.apart import in_its_own_process
from evals.bench.permission_stub import serve
from evals.bench.permission_work import PLUGIN, Views, forward, readers
from evals.bench.permission_world import Size, World, build, question
from evals.bench.permissions import FULL
from evals.bench.timing import percentiles
from evals.golden_set.cases import Case, load_cases
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.freshness import Freshness
from portal_rag.corpus.onnx_embedding import load_exported
from portal_rag.corpus.onnx_export import export_model
from portal_rag.corpus.store import DenseVector
from portal_rag.domain import NoPortal, Portal, Query, Question, Turn
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.finding import EvidenceSource, Finding
from portal_rag.evidence.gathering import Gathering
from portal_rag.evidence.passages import IndexPassages
from portal_rag.evidence.portal_search import PortalSearch
from portal_rag.pipeline import Pipeline
from portal_rag.principals import LocalReader
from portal_rag.services import open_services
from portal_rag.settings import ServiceSettings, load_service_settings
from portal_rag.understanding import Understanding, read_intent

GOLDEN = Path(__file__).parents[1] / "golden" / "portal.yaml"
READABLE = 1_000
_ROUNDS = 3
_WARM_UP = 10
_QUESTIONS = 30
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_APP = "https://portal.example"
_ROWS = {
    "understand": "understand",
    "gather": "gather (all at once)",
    "catalog": "  catalog",
    "index": "  index, with",
    "embed": "    embed",
    "search": "  search",
    "compose": "compose",
    "check": "check",
    "assess": "assess",
    "whole": "whole answer",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds by what they were taken for."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def of(self, name: str, work: Awaitable[T]) -> T:
        """Wait for some work, and note how long it took."""
        started = time.perf_counter()
        result = await work
        self.taken[name].append(time.perf_counter() - started)
        return result

    def table(self) -> list[str]:
        """Show the middle and the slow end of each stage in milliseconds."""
        lines = [f"    {'stage':24}{'p50 ms':>9}{'p95 ms':>9}{'n':>7}"]
        for name, label in _ROWS.items():
            if seconds := self.taken.get(name):
                middle, slow = (1000 * each for each in percentiles(seconds))
                lines.append(f"    {label:24}{middle:9.2f}{slow:9.2f}{len(seconds):7}")
        return lines


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source of evidence; of what does not apply to a question no time is noted."""

    source: EvidenceSource
    times: Times

    @property
    def name(self) -> str:
        return self.source.name

    async def find(self, query: Query, portal: Portal) -> Finding:
        started = time.perf_counter()
        finding = await self.source.find(query, portal)
        if finding.state != "not_applicable":
            self.times.taken[self.name].append(time.perf_counter() - started)
        return finding


class _WatchedEmbedder:
    """An embedder whose queries are timed."""

    def __init__(self, embedder: Embedder, times: Times) -> None:
        self.fingerprint = embedder.fingerprint
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._times = times

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return self._embedder.embed_documents(texts)

    def embed_query(self, text: str) -> DenseVector:
        started = time.perf_counter()
        vector = self._embedder.embed_query(text)
        self._times.taken["embed"].append(time.perf_counter() - started)
        return vector


def measure(portal: Path, size: Size = FULL) -> None:
    """Ask a portal of files, and a large one that a stub serves; print a table of each."""
    in_its_own_process(partial(of_files, portal))
    in_its_own_process(partial(of_stub, size))


def of_files(portal: Path, cases: Path = GOLDEN) -> str:
    """Ask the golden questions of a portal of files, which has no Search."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        report = index_files(portal, folder / "index")
        export_model(ServiceSettings().embedding_model, folder / "exported")
        questions = [_question(case) for case in load_cases([cases])]
        times = asyncio.run(_ask_files(folder, questions))
    title = f"latency over {portal.name}, {report['chunk_count']} chunks, the model on one thread:"
    return "\n".join([title, *times.table()])


def _question(case: Case) -> Question:
    history = (Turn(role=turn.role, content=turn.content) for turn in case.history)
    page = EntityRef.parse(case.entity_ref) if case.entity_ref else None
    return Question(text=case.question, entity_ref=page, history=tuple(history))


async def _ask_files(folder: Path, questions: Sequence[Question]) -> Times:
    environ = {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_INDEX_DIR": str(folder / "index")}
    settings, times = load_service_settings(environ), Times()

    def load(_: str) -> Embedder:
        return _WatchedEmbedder(load_exported(folder / "exported"), times)

    async with open_services(settings, load=load) as services:
        portal = services.portal_of(LocalReader())
        await _ask(_watched(services.pipeline, times), lambda: portal, questions, times)
    return times


def of_stub(size: Size, questions: int = _QUESTIONS) -> str:
    """Ask a large portal about facts and documents, in both identities; vectors are random."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_of_stub(size, questions, Path(folder)))


async def _of_stub(size: Size, questions: int, folder: Path) -> str:
    world = await build(size, folder)
    lines = [f"latency over {size.chunks} chunks of {size.entities} entities, random vectors,"]
    lines.append("  catalog, permissions and Search from a stub over HTTP:")
    index = EdgeReader(world.index, world.embedder.fingerprint)
    try:
        with serve(world.entities, dict(readers(world, (READABLE,)))) as stub:
            async with BackstageTransport(stub.url, deadline_seconds=60) as transport:
                for name in (forward(READABLE), PLUGIN):
                    views, times = Views(transport=transport), Times()
                    pipeline = _pipeline(world, index, times)
                    await _ask(pipeline, partial(views.of, name), _asked(questions), times)
                    lines += [f"  {name}:", *times.table()]
    finally:
        await index.close()
    return "\n".join(lines)


def _asked(count: int) -> list[Question]:
    """Ask for a fact and for documents in turns."""
    texts = ((f"Who owns thing-{n}?", f"How do I restart {question(n)}?") for n in range(count))
    return [Question(text=text) for text in itertools.chain.from_iterable(texts)]


def _pipeline(world: World, index: EdgeReader, times: Times) -> Pipeline:
    passages = IndexPassages(
        index=index,
        embedder=_WatchedEmbedder(world.embedder, times),
        clock=lambda: _NOW,
        freshness=Freshness.parse(365),
    )
    facts = CatalogFacts(app_url=_APP, clock=lambda: _NOW)
    search = PortalSearch(app_url=_APP, clock=lambda: _NOW)
    ids = itertools.count()
    pipeline = Pipeline(
        understanding=Understanding(read=read_intent, clock=lambda: _NOW, zone=UTC),
        gathering=Gathering(
            sources=(facts, passages, search), deadline_seconds=60, timer=time.perf_counter
        ),
        clock=lambda: _NOW,
        timer=time.perf_counter,
        make_id=lambda: str(next(ids)),
    )
    return _watched(pipeline, times)


def _watched(pipeline: Pipeline, times: Times) -> Pipeline:
    sources = tuple(_Watched(each, times) for each in pipeline.gathering.sources)
    gathering = replace(pipeline.gathering, sources=sources)
    return replace(pipeline, gathering=gathering, timer=time.perf_counter)


async def _ask(
    pipeline: Pipeline,
    portal_of: Callable[[], Portal | NoPortal],
    questions: Sequence[Question],
    times: Times,
) -> None:
    """Ask all of the questions some times, after a warm-up whose times are forgotten."""
    for each in questions[:_WARM_UP]:
        await pipeline.answer(each, portal_of())
    times.taken.clear()
    for each in itertools.chain.from_iterable(itertools.repeat(questions, _ROUNDS)):
        answered = await times.of("whole", pipeline.answer_with_trail(each, portal_of()))
        for stage, seconds in answered.trail.stages:
            times.taken[stage].append(seconds)
