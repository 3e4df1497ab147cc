import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics.calibration import (
    area_under_risk,
    auroc,
    brier,
    calibration_error,
    coverage_at_risk,
    least_area_under_risk,
    reliability,
    risk_coverage,
)

LEVELS = st.sampled_from([0.1, 0.4, 0.4001, 0.75, 0.95])
CASES = st.lists(st.tuples(LEVELS | st.floats(0, 1), st.booleans()), min_size=1, max_size=60)
FEW = st.lists(st.tuples(LEVELS, st.booleans()), min_size=1, max_size=6)

Cases = list[tuple[float, bool]]


def apart(cases: Cases) -> tuple[list[float], list[bool]]:
    return [confidence for confidence, _ in cases], [right for _, right in cases]


def naive_bins(cases: Cases, bins: int) -> list[Cases]:
    """Fill bins case by case; one that is full still takes what is equal to its last."""
    ordered = sorted(cases, key=lambda case: case[0])
    filled: list[Cases] = []
    ends = [round(len(ordered) * number / bins) for number in range(1, bins + 1)]
    current: Cases = []
    for position, case in enumerate(ordered, start=1):
        current.append(case)
        is_last = position == len(ordered)
        changes = is_last or ordered[position][0] != case[0]
        start = position - len(current)
        if changes and any(start < end <= position for end in ends):
            filled.append(current)
            current = []
    return filled


def naive_error(cases: Cases) -> float:
    total = 0.0
    for one in naive_bins(cases, 10):
        confidence = sum(each for each, _ in one) / len(one)
        accuracy = sum(right for _, right in one) / len(one)
        total += abs(confidence - accuracy) * len(one) / len(cases)
    return total


@given(CASES)
def test_the_calibration_error_is_that_of_bins_filled_one_by_one(cases: Cases) -> None:
    assert calibration_error(*apart(cases)) == pytest.approx(naive_error(cases))


@given(CASES)
def test_bins_hold_every_case_once_and_never_part_equal_confidences(cases: Cases) -> None:
    table = reliability(*apart(cases))
    assert sum(row.count for row in table) == len(cases)
    assert len(table) <= min(10, len({confidence for confidence, _ in cases}))


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_the_cases_changes_nothing(cases: Cases, chooser: Random) -> None:
    mixed = list(cases)
    chooser.shuffle(mixed)
    for figure in (calibration_error, brier, auroc, area_under_risk):
        assert figure(*apart(mixed)) == pytest.approx(figure(*apart(cases)))


@given(CASES)
def test_brier_is_the_mean_squared_distance(cases: Cases) -> None:
    naive = sum((confidence - right) ** 2 for confidence, right in cases) / len(cases)
    assert brier(*apart(cases)) == pytest.approx(naive)


@given(CASES)
def test_auroc_counts_the_pairs_that_are_in_order(cases: Cases) -> None:
    pairs = [(a, b) for (a, right), (b, other) in itertools.product(cases, cases) if right > other]
    naive = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs) if pairs else None
    assert auroc(*apart(cases)) == pytest.approx(naive)


@given(FEW)
def test_the_risk_is_the_mean_over_all_orders_of_equal_confidences(cases: Cases) -> None:
    orders = [
        order
        for order in itertools.permutations(cases)
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order))
    ]
    for size, point in enumerate(risk_coverage(*apart(cases)), start=1):
        risks = [sum(not right for _, right in order[:size]) / size for order in orders]
        assert point.risk == pytest.approx(sum(risks) / len(risks))
        assert point.coverage == pytest.approx(size / len(cases))


@given(CASES)
def test_no_ranking_is_better_than_knowing_the_truth(cases: Cases) -> None:
    confidences, right = apart(cases)
    area, least = area_under_risk(confidences, right), least_area_under_risk(right)
    assert area is not None
    assert least is not None
    assert area >= least - 1e-9


@given(CASES, st.sampled_from([0.05, 0.1, 0.5]))
def test_coverage_at_a_risk_is_the_best_threshold(cases: Cases, risk: float) -> None:
    naive = 0.0
    for threshold, _ in cases:
        accepted = [right for confidence, right in cases if confidence >= threshold]
        if sum(not right for right in accepted) / len(accepted) <= risk + 1e-12:
            naive = max(naive, len(accepted) / len(cases))
    assert coverage_at_risk(*apart(cases), risk) == pytest.approx(naive)


def test_known_figures() -> None:
    confidences, right = [0.9, 0.8, 0.6, 0.2], [True, True, False, False]
    assert auroc(confidences, right) == 1.0
    assert area_under_risk(confidences, right) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert coverage_at_risk(confidences, right, 0.05) == 0.5
    assert brier(confidences, right) == pytest.approx((0.01 + 0.04 + 0.36 + 0.04) / 4)


def test_nothing_has_no_figures() -> None:
    assert calibration_error([], []) is None
    assert brier([], []) is None
    assert auroc([], []) is None
    assert area_under_risk([], []) is None
    assert risk_coverage([], []) == ()
    assert coverage_at_risk([], [], 0.1) == 0.0
