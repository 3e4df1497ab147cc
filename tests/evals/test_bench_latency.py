"""The benchmark of latency runs, and each stage has its line; times themselves are not asserted."""

import re

from evals.bench.latency import of_stub
from evals.bench.permission_world import Size


def test_each_stage_of_an_answer_over_a_stub_is_timed() -> None:
    told = of_stub(Size(entities=60, chunks=300, dimensions=16), questions=4)
    rows = re.findall(r"^    ( *[a-z ,()]+?) +[\d.]+ +[\d.]+ +(\d+)$", told, re.MULTILINE)
    counts = [int(count) for _, count in rows]
    names = [name.strip() for name, _ in rows]
    stages = ["understand", "gather (all at once)", "catalog", "index, with", "embed", "search"]
    stages += ["compose", "check", "assess", "whole answer"]
    assert names == 2 * stages
    assert counts[names.index("search")] == 12
    assert counts[-1] == counts[0] == 24
