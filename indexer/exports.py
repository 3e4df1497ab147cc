"""A report for a job's summary page (Markdown) and for monitoring (Prometheus text)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from indexer.report import RunReport, SourceReport
from portal_rag.errors import ConfigurationError

_COUNTS = ("documents", "chunks", "embedded", "rewritten", "deleted", "unchanged")
_MEANINGS = {
    "documents": "Documents that were read in the last run; those unchanged are not fetched again.",
    "chunks": "Chunks of the documents that were read.",
    "embedded": "Chunks with a new text.",
    "rewritten": "Chunks of which only what stands beside the text was new.",
    "deleted": "Chunks that are gone.",
    "unchanged": "Chunks that stayed as they were.",
}
_STATES = ("ok", "partial", "refused", "failed")
_MOST_FAILURES = 50
_EXIT_CODES = "0 done, 1 failed, 2 wrong settings, 3 a source failed or was kept."


def as_markdown(report: RunReport) -> str:
    """Show a table of the sources, and what was not read."""
    return "\n".join(_markdown(report)) + "\n"


def as_metrics(report: RunReport) -> str:
    """Give gauges named `portal_index_…`."""
    lines = [
        *_gauge(
            "last_run_timestamp_seconds", "When the run started.", report.started_at.timestamp()
        ),
        *_gauge("last_run_duration_seconds", "How long it took.", round(report.seconds, 3)),
        *_gauge("last_run_exit_code", _EXIT_CODES, report.exit_code),
        *_gauge("last_run_published", "Whether anything changed.", int(report.published)),
        *_gauge("chunks", "Size of the index.", report.chunk_count),
    ]
    for count in _COUNTS:
        values = {each.name: getattr(each, count) for each in report.sources}
        lines += _of_sources(count, _MEANINGS[count], values)
    unread = {each.name: len(each.failures) for each in report.sources}
    lines += _of_sources("failures", "What could not be read in the last run.", unread)
    secrets = {each.name: sum(s.count for s in each.secrets) for each in report.sources}
    lines += _of_sources("redacted_secrets", "Secrets in the documents that were read.", secrets)
    lines.append("# HELP portal_index_source_state How the last run of a source went.")
    lines.append("# TYPE portal_index_source_state gauge")
    for source in report.sources:
        lines += _states(source)
    return "\n".join(lines) + "\n"


def as_markdown_of_failure(reason: str) -> str:
    """Say that a run failed."""
    return f"### portal-index\n\n**Failed**, the index is as it was: `{_plain(reason)}`\n"


def as_metrics_of_failure(started_at: datetime, exit_code: int) -> str:
    """Give the gauges of a run that published nothing; there is nothing to say of its sources."""
    lines = [
        *_gauge("last_run_timestamp_seconds", "When the run started.", started_at.timestamp()),
        *_gauge("last_run_exit_code", _EXIT_CODES, exit_code),
        *_gauge("last_run_published", "Whether anything changed.", 0),
    ]
    return "\n".join(lines) + "\n"


def replace_file(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it.

    Raises:
        ConfigurationError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write the report to {path}: {error.strerror}") from error


def _markdown(report: RunReport) -> Iterator[str]:
    yield "### portal-index"
    yield ""
    yield f"| source | state | {' | '.join(_COUNTS)} | seconds |"
    yield f"|---|---|{'---:|' * (len(_COUNTS) + 1)}"
    for source in report.sources:
        counts = " | ".join(str(getattr(source, count)) for count in _COUNTS)
        yield f"| {source.name} | {source.state} | {counts} | {source.seconds:.1f} |"
    yield ""
    outcome = "Published" if report.published else "Nothing changed;"
    yield f"{outcome} {report.chunk_count} chunks in {report.seconds:.1f} s."
    for source in report.sources:
        yield from _remarks(source)


def _remarks(source: SourceReport) -> Iterator[str]:
    reasons = [f"not read: {failure.reason}" for failure in source.failures]
    lines = [*reasons[:_MOST_FAILURES], *(f"note: {note}" for note in source.notes)]
    if len(reasons) > _MOST_FAILURES:
        lines.append(f"and {len(reasons) - _MOST_FAILURES} more were not read")
    if lines:
        yield ""
        yield from (f"- {source.name}: `{_plain(line)}`" for line in lines)


def _plain(text: str) -> str:
    return text.replace("`", "'")


def _of_sources(name: str, meaning: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP portal_index_source_{name} {meaning}"
    yield f"# TYPE portal_index_source_{name} gauge"
    for source, value in values.items():
        yield f"portal_index_source_{name}{{{_label('source', source)}}} {value}"


def _gauge(name: str, meaning: str, value: float) -> Iterator[str]:
    yield f"# HELP portal_index_{name} {meaning}"
    yield f"# TYPE portal_index_{name} gauge"
    yield f"portal_index_{name} {value}"


def _states(source: SourceReport) -> Iterator[str]:
    for state in _STATES:
        labels = f"{_label('source', source.name)},{_label('state', state)}"
        yield f"portal_index_source_state{{{labels}}} {int(source.state == state)}"


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'
