"""How long a whole answer takes, against the embedding of its question alone."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import click

from evals.bench.timing import ROUNDS, WARM_UP, ratio, spread, timed
from evals.demo import cases
from evals.renaming import Renaming
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.domain import Question
from portal_rag.principals import LocalReader
from portal_rag.services import Services, open_services
from portal_rag.settings import load_service_settings


def measure(portal: Path) -> None:
    """Index the portal from its files and ask it, in-process and without a language model."""
    with tempfile.TemporaryDirectory() as folder:
        report = index_files(portal, Path(folder))
        click.echo(_indexing_line(report))
        settings = load_service_settings(
            {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_INDEX_DIR": folder}
        )
        embedder = load_embedder(settings.embedding_model)

        async def ask() -> None:
            async with open_services(settings, load=lambda _: embedder) as services:
                await _measure_questions(services, embedder)

        anyio.run(ask)


def index_files(portal: Path, folder: Path) -> dict[str, Any]:
    """Index a portal of files by the program itself; gives its report."""
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
    bare = timed(lambda: [embedder.embed_query(question.text) for question in questions])
    whole = []
    for _ in range(WARM_UP + ROUNDS):
        for question in questions:
            started = time.perf_counter()
            await services.pipeline.answer(question, portal)
            whole.append(time.perf_counter() - started)
    measured = whole[WARM_UP * len(questions) :]
    embedding = statistics.median(bare) / len(questions)
    click.echo(f"query embedding alone: {embedding * 1000:.1f} ms a question")
    click.echo(f"whole answer: {spread(measured)}, {ratio(measured, embedding)} of it")
