"""A report for a job's page and for monitoring."""

from pathlib import Path

import pytest

from indexer.exports import as_markdown, as_metrics, replace_file
from indexer.report import ReportedFailure
from portal_rag.errors import ConfigurationError
from tests.indexer.test_report import make_report, make_source_report


def test_the_markdown_is_a_table_and_what_went_wrong() -> None:
    failures = tuple(ReportedFailure(scope="", reason=f"page `{n}`") for n in range(52))
    source = make_source_report(state="partial", failures=failures, notes=("a note",))
    text = as_markdown(make_report(source))
    assert "| files | partial | 3 | 8 | 5 | 1 | 4 | 2 | 1.2 |" in text
    assert "- files: `not read: page '0'`" in text
    assert "page '51'" not in text
    assert "- files: `and 2 more were not read`" in text
    assert "- files: `note: a note`" in text
    assert "Published 8 chunks in 9.9 s." in text


def test_a_markdown_of_a_run_without_changes_says_so() -> None:
    assert "Nothing changed; 8 chunks" in as_markdown(make_report(published=False))


def test_the_metrics_are_prometheus_text() -> None:
    text = as_metrics(make_report(make_source_report(name='a"b', state="refused")))
    lines = text.splitlines()
    assert "portal_index_last_run_exit_code 3" in lines
    assert "portal_index_chunks 8" in lines
    assert 'portal_index_source_embedded{source="a\\"b"} 5' in lines
    assert 'portal_index_source_state{source="a\\"b",state="refused"} 1' in lines
    assert 'portal_index_source_state{source="a\\"b",state="ok"} 0' in lines
    assert all(line.startswith(("#", "portal_index_")) for line in lines)


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-folder"):
        replace_file(tmp_path / "no-folder" / "x", "text")
