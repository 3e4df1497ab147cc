"""What a run did: as JSON for programs, as a table for people, as an exit code for jobs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

State = Literal["ok", "partial", "refused", "failed"]
DONE, FAILED, BAD_USAGE, DONE_WITH_FAILED_SOURCES, INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFailure:
    """What could not be read, and why."""

    scope: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSecret:
    """How many secrets of a kind were taken out of a document; never what they were."""

    document: str
    rule: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One source's share of a run; the counts from `chunks` on are chunks, `seconds` is reading.

    `partial` says that a system failed on the way, `failed` that the source could not be read to
    its end, `refused` that it would lose so much that it was kept. Broken documents alone leave a
    source `ok`: they are listed, and the rest is indexed.
    """

    name: str
    state: State
    documents: int
    chunks: int
    embedded: int
    rewritten: int
    deleted: int
    unchanged: int
    seconds: float
    failures: tuple[ReportedFailure, ...]
    notes: tuple[str, ...]
    secrets: tuple[ReportedSecret, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A whole run; `chunk_count` is the size of the index afterwards."""

    run_id: str
    started_at: datetime
    seconds: float
    embedding_seconds: float
    published: bool
    chunk_count: int
    sources: tuple[SourceReport, ...]

    @property
    def embedded(self) -> int:
        return sum(source.embedded for source in self.sources)

    @property
    def chunks_per_second(self) -> float | None:
        """The rate of embedding alone; None if nothing was embedded."""
        return self.embedded / self.embedding_seconds if self.embedding_seconds else None

    @property
    def exit_code(self) -> int:
        is_whole = all(source.state == "ok" for source in self.sources)
        return DONE if is_whole else DONE_WITH_FAILED_SOURCES


def as_json(report: RunReport) -> Mapping[str, Any]:
    """Say the same as the dataclasses, with times as ISO 8601 text."""
    rate = report.chunks_per_second
    return {
        **asdict(report),
        "started_at": report.started_at.isoformat(),
        "seconds": round(report.seconds, 3),
        "embedding_seconds": round(report.embedding_seconds, 3),
        "chunks_per_second": None if rate is None else round(rate, 1),
        "exit_code": report.exit_code,
        "sources": [
            {**asdict(source), "seconds": round(source.seconds, 3)} for source in report.sources
        ],
    }


def as_table(report: RunReport) -> RenderableType:
    """Show the counts of each source, then what went wrong, then the outcome."""
    table = Table(box=None, pad_edge=False)
    table.add_column("source", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in (*_COUNTS.values(), "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for source in report.sources:
        counts = (str(getattr(source, field)) for field in _COUNTS)
        table.add_row(source.name, source.state, *counts, f"{source.seconds:.1f}")
    return Group(table, *(Text(line) for line in _remarks(report)))


_COUNTS = {
    "documents": "docs",
    "chunks": "chunks",
    "embedded": "embedded",
    "rewritten": "rewritten",
    "deleted": "deleted",
    "unchanged": "unchanged",
}


def _remarks(report: RunReport) -> Iterator[str]:
    for source in report.sources:
        yield from (f"  not read: {failure.reason}" for failure in source.failures)
        yield from (f"  note: {note}" for note in source.notes)
        yield from (f"  redacted: {_secret(secret)}" for secret in source.secrets)
    yield _outcome(report)


def _secret(secret: ReportedSecret) -> str:
    return f"{secret.document}: {secret.count} x {secret.rule}"


def _outcome(report: RunReport) -> str:
    if not report.published:
        return f"Nothing changed; the index keeps its {report.chunk_count} chunks."
    rate = report.chunks_per_second
    speed = f" Embedded at {rate:.1f} chunks per second." if rate is not None else ""
    return f"Published {report.chunk_count} chunks in {report.seconds:.1f} s.{speed}"
