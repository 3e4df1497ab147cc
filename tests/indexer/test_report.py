"""A report says the same to programs, people and jobs."""

import io
import json
import random
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from indexer.progress import LINE_EVERY, Bar, Lines
from indexer.report import (
    ReportedFailure,
    ReportedSecret,
    RunReport,
    SourceReport,
    State,
    as_json,
    as_table,
)

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)


def make_source_report(**given: Any) -> SourceReport:
    values: dict[str, Any] = {
        "name": "files",
        "state": "ok",
        "documents": 3,
        "chunks": 8,
        "embedded": 5,
        "rewritten": 1,
        "deleted": 4,
        "unchanged": 2,
        "seconds": 1.23456,
        "failures": (),
        "notes": (),
        "secrets": (),
    }
    return SourceReport(**(values | given))


def make_report(*sources: SourceReport, **given: Any) -> RunReport:
    values: dict[str, Any] = {
        "run_id": "run-1",
        "started_at": NOW,
        "seconds": 9.87654,
        "embedding_seconds": 2.0,
        "published": True,
        "chunk_count": 8,
        "sources": sources or (make_source_report(),),
    }
    return RunReport(**(values | given))


def shown(report: RunReport) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(as_table(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_json_holds_everything_rounded_to_milliseconds() -> None:
    failure = ReportedFailure(scope="component:default/shop/", reason="broken")
    secret = ReportedSecret(document="component:default/shop/", rule="github-token", count=2)
    source = make_source_report(failures=(failure,), notes=("a note",), secrets=(secret,))
    report = make_report(source)
    assert json.loads(json.dumps(as_json(report))) == {
        "run_id": "run-1",
        "started_at": "2026-06-09T14:05:00+00:00",
        "seconds": 9.877,
        "embedding_seconds": 2.0,
        "chunks_per_second": 2.5,
        "published": True,
        "chunk_count": 8,
        "exit_code": 0,
        "sources": [
            {
                "name": "files",
                "state": "ok",
                "documents": 3,
                "chunks": 8,
                "embedded": 5,
                "rewritten": 1,
                "deleted": 4,
                "unchanged": 2,
                "seconds": 1.235,
                "failures": [{"scope": "component:default/shop/", "reason": "broken"}],
                "notes": ["a note"],
                "secrets": [
                    {"document": "component:default/shop/", "rule": "github-token", "count": 2}
                ],
            }
        ],
    }


def test_the_table_shows_counts_failures_and_notes_within_80_columns() -> None:
    failure = ReportedFailure(scope="", reason="b.yaml: not [bold]valid[/bold] YAML")
    text = shown(make_report(make_source_report(failures=(failure,), notes=("one unbuilt",))))
    for part in ("files", "unchanged", "b.yaml: not [bold]valid[/bold] YAML", "one unbuilt", "2.5"):
        assert part in text
    assert "…" not in text


def test_the_table_says_where_secrets_were_taken_out() -> None:
    secret = ReportedSecret(document="component:default/shop/a/", rule="npm-token", count=3)
    text = shown(make_report(make_source_report(secrets=(secret,))))
    assert "redacted: component:default/shop/a/: 3 x npm-token" in text


def test_a_run_that_embedded_nothing_has_no_rate() -> None:
    report = make_report(make_source_report(embedded=0), embedding_seconds=0.0)
    assert report.chunks_per_second is None
    assert as_json(report)["chunks_per_second"] is None
    assert "per second" not in shown(report)


def test_a_run_without_changes_says_so() -> None:
    assert "Nothing changed" in shown(make_report(published=False))


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("partial", 3), ("failed", 3)])
def test_the_exit_code_is_that_of_the_worst_source(state: State, code: int) -> None:
    report = make_report(make_source_report(), make_source_report(state=state))
    assert report.exit_code == code


def test_a_log_gets_a_line_now_and_then() -> None:
    file = io.StringIO()
    with Lines(Console(file=file)) as progress:
        progress.reading("files")
        progress.read("files", 3)
        progress.embedding(LINE_EVERY + 2)
        progress.embedded(1)
        progress.embedded(LINE_EVERY)
        progress.embedded(1)
    assert file.getvalue().splitlines() == [
        "reading files",
        "read 3 documents of files",
        f"embedding {LINE_EVERY + 2} chunks",
        f"embedded {LINE_EVERY + 1} of {LINE_EVERY + 2} chunks",
        f"embedded {LINE_EVERY + 2} of {LINE_EVERY + 2} chunks",
    ]


def test_a_terminal_gets_a_bar() -> None:
    file = io.StringIO()
    with Bar(Console(file=file, force_terminal=True, width=120)) as progress:
        progress.reading("files")
        progress.read("files", 3)
        progress.embedding(2)
        progress.embedded(2)
    assert "2/2" in file.getvalue()


def test_no_report_tells_a_secret_that_a_name_holds() -> None:
    secret = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters, k=36))  # noqa: S311
    source = make_source_report(
        failures=(ReportedFailure(scope=f"{secret}/a", reason=f"{secret}: not read"),),
        secrets=(ReportedSecret(document=f"x/{secret}", rule="jwt", count=1),),
        notes=(f"{secret} is odd",),
    )
    assert secret not in repr(source)
    assert source.failures[0].scope == "[redacted github-token]/a"
