"""Measures on this machine, in one run: figures are printed as ratios too, nothing is asserted."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import click

from evals.demo import cases
from evals.renaming import Renaming
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.domain import LocalReader, Question
from portal_rag.services import Services, open_services
from portal_rag.settings import load_service_settings

_ROUNDS = 10
_WARM_UP = 2
_PERCENTILES = 100


@click.command()
@click.argument("portal", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(portal: Path) -> None:
    """Index PORTAL from its files and ask it, in-process and without a language model."""
    with tempfile.TemporaryDirectory() as folder:
        report = _index(portal, Path(folder))
        click.echo(_indexing_line(report))
        settings = load_service_settings(
            {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_INDEX_DIR": folder}
        )
        embedder = load_embedder(settings.embedding_model)

        async def measure() -> None:
            async with open_services(settings, load=lambda _: embedder) as services:
                await _measure_questions(services, embedder)

        anyio.run(measure)


def _index(portal: Path, folder: Path) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if name[:7] != "PORTAL_"}
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "indexer", "run", "--json"),
            *("--source", "files", "--path", str(portal)),
        ],
        env=environ | {"PORTAL_RAG_INDEX_DIR": str(folder)},
        stdout=subprocess.PIPE,
        check=True,
    )
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def _indexing_line(report: dict[str, Any]) -> str:
    chunks, seconds = report["chunk_count"], report["embedding_seconds"]
    rate = chunks / seconds if seconds else 0.0
    return f"indexing: {chunks} chunks, {rate:.1f} chunks/s ({seconds:.1f} s of embedding)"


async def _measure_questions(services: Services, embedder: Embedder) -> None:
    questions = [Question(text=case.question) for case in cases(Renaming(names={}, titles={}))]
    portal = services.portal_of(LocalReader())
    bare = _timed(lambda: [embedder.embed_query(question.text) for question in questions])
    whole = []
    for _ in range(_WARM_UP + _ROUNDS):
        for question in questions:
            started = time.perf_counter()
            await services.pipeline.answer(question, portal)
            whole.append(time.perf_counter() - started)
    measured = whole[_WARM_UP * len(questions) :]
    embedding = statistics.median(bare) / len(questions)
    click.echo(f"query embedding alone: {embedding * 1000:.1f} ms a question")
    click.echo(f"whole answer: {_spread(measured)}, {_ratio(measured, embedding)} of it")


def _timed(work: Callable[[], object]) -> list[float]:
    """Time some work again and again, in seconds each, after a warm-up."""
    taken = []
    for _ in range(_WARM_UP + _ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken[_WARM_UP:]


def _spread(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=_PERCENTILES)
    return f"p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, n={len(seconds)}"


def _ratio(seconds: Sequence[float], unit: float) -> str:
    return f"{statistics.median(seconds) / unit:.2f} times"


if __name__ == "__main__":
    main()
