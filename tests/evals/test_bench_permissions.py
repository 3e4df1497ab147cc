"""The benchmark of permissions runs; what does not depend on time is as it should be."""

import re

from evals.bench.permission_world import Size
from evals.bench.permissions import measured

SMALL = Size(entities=1_150, chunks=2_500, dimensions=16)


def test_filters_find_what_exact_search_does_and_backstage_is_asked_no_more_than_allowed() -> None:
    told = measured(SMALL, (100, 1_100))
    recall = re.findall(r"%  +[\d.]+   ([\d.]+) ([\d.]+)   p50", told)
    assert recall == [("1.000", "1.000")] * 6
    at_most = re.findall(r"at most (\d) \(goal: 3 rounds\)", told)
    assert len(at_most) == 3
    assert max(map(int, at_most)) <= 3
    counts = re.findall(r"^    (\w+), .*  (\d) (\d) (\d+)    (\d) (\d) (\d+)$", told, re.MULTILINE)
    assert [(mode, first, again) for mode, first, _, _, again, _, _ in counts] == [
        ("plugin", "1", "0"),
        ("forward", "0", "0"),
        ("forward", "0", "0"),
    ]
    for _, _, gates, _, _, gates_again, _ in counts:
        assert 1 <= int(gates) == int(gates_again) <= 3
