"""One run, from what was ordered to what is recorded of it."""

import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from rich.console import Console

from indexer.embedding_processes import EmbeddingProcesses
from indexer.opening import open_sources, open_writer, read_last_run, shape_of
from indexer.pipeline import Tools, index
from indexer.progress import Bar, Lines, RunProgress
from indexer.pruning import MassDeleteGuard
from indexer.report import RunReport, as_json
from indexer.settings import IndexerSettings, load_indexer_settings
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.precision import Precision, load_indexing_embedder
from portal_rag.corpus.redaction import redact
from portal_rag.corpus.store import Run
from portal_rag.errors import PortalRagError


def _load_embedder(settings: IndexerSettings) -> Embedder:
    model, precision = settings.embedding_model, settings.precision
    embedder = load_indexing_embedder(model, precision, notice=_say)
    if settings.processes == 1:
        return embedder
    return EmbeddingProcesses(
        embedder,
        load=partial(_load_in_process, model, precision),
        processes=settings.processes,
        cores=len(os.sched_getaffinity(0)),
    )


def _load_in_process(model: str, precision: Precision, threads: int) -> Embedder:
    return load_indexing_embedder(model, precision, notice=lambda _: None, threads=threads)


def _say(text: str) -> None:
    Console(stderr=True, soft_wrap=True).print(text, markup=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the program takes from outside; tests give their own."""

    load_settings: Callable[[], IndexerSettings] = load_indexer_settings
    load_embedder: Callable[[IndexerSettings], Embedder] = _load_embedder
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run is to do."""

    sources: tuple[str, ...]
    path: Path | None = None
    markdown: tuple[str, ...] = ()
    rebuild: bool = False
    only: EntityRef | None = None
    allow_mass_delete: bool = False


class Runner:
    """Runs one order after the other; the settings are read and the model is loaded once."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.load_settings()
        self._embedder: Embedder | None = None

    async def run(self, order: Order) -> RunReport:
        """Bring the index up to date, and record the run beside it.

        Raises:
            PortalRagError: nothing was published.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            sources = await open_sources(
                order.sources, settings, path=order.path, markdown=order.markdown, stack=stack
            )
            embedder = await anyio.to_thread.run_sync(self._loaded_embedder)
            writer = await open_writer(settings, embedder, rebuild=order.rebuild, stack=stack)
            tools = Tools(
                writer=writer,
                embedder=embedder,
                run=Run(id=self._surroundings.new_id(), started_at=self._surroundings.clock()),
                clock=self._surroundings.clock,
                seconds=self._surroundings.seconds,
                progress=stack.enter_context(_progress()),
                shape=shape_of(settings),
                new_salt=self._surroundings.new_id,
                guard=MassDeleteGuard(
                    share=settings.mass_delete_share, is_lifted=order.allow_mass_delete
                ),
                starts_over=order.rebuild,
                only=order.only,
            )
            before = await read_last_run(settings) or {}
            try:
                report = await index(sources, tools)
            except PortalRagError as error:
                await writer.record({**before, "failed": _failure(tools.run, error)})
                raise
            await writer.record(_record(report, order, before))
        return report

    def _loaded_embedder(self) -> Embedder:
        if self._embedder is None:
            self._embedder = self._surroundings.load_embedder(self._settings)
        return self._embedder


def _failure(run: Run, error: PortalRagError) -> Mapping[str, str]:
    return {"started_at": run.started_at.isoformat(), "reason": redact(error.message).text}


def _record(report: RunReport, order: Order, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the report, and when each source was last read as a whole."""
    read_at = {
        source.name: report.started_at.isoformat()
        for source in report.sources
        if source.state == "ok" and order.only is None
    }
    return {"report": as_json(report), "read_at": {**before.get("read_at", {}), **read_at}}


def _progress() -> RunProgress:
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines(console)
