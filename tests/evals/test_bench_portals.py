"""The benchmark over large portals runs, and asks no more than is allowed."""

import re

import pytest

from evals.bench.embedders import HashedWords
from evals.bench.portals import measure
from evals.bench.stub_portal import Shape


def test_runs_over_stub_portals_embed_what_changed_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = Shape(entities=12, sites=12, pages=2, sections=3, words=120)
    measure(
        some=small, wide=Shape(entities=600, sites=10), deep=small, huge=small, load=HashedWords
    )
    told = capsys.readouterr().out
    assert re.search(r"indexing 84 chunks from HTTP to published: .* chunks/s", told)
    [requests] = re.findall(r"nothing changed: .* (\d+) requests; ok, 0 embedded", told)
    assert int(requests) <= 600 // 500 + 2 * 10 + 10
    assert re.search(r"72 chunks in 12 sites, then one page changed: .*; ok, 3 embedded", told)
    assert re.search(r"72 chunks: .*; ok, 84 embedded, .* MB with the model alone", told)
