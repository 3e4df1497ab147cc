"""The benchmark over a large portal runs, and asks no more than is allowed."""

import re

from click.testing import CliRunner

from evals.bench_portal import main


def test_a_run_without_changes_over_a_stub_portal_embeds_nothing() -> None:
    result = CliRunner().invoke(main, ["--entities", "600", "--sites", "10"])
    assert result.exit_code == 0, result.output
    [requests] = re.findall(r"without changes: .* (\d+) requests; ok, 0 embedded", result.output)
    assert int(requests) <= 600 // 500 + 2 * 10 + 10
    assert re.search(r"one page changed: .*; ok, 1 embedded", result.output)
