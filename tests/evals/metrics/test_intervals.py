import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics.intervals import measure_mean, measure_rate, resampled_means, wilson
from evals.metrics.pairing import paired_delta, randomization_p


def test_wilsons_interval_is_the_published_one() -> None:
    low, high = wilson(45, 50)
    assert (round(low, 2), round(high, 2)) == (0.79, 0.96)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 40), st.integers(1, 40))
def test_wilsons_interval_holds_the_rate(successes: int, more: int) -> None:
    count = successes + more
    low, high = wilson(successes, count)
    assert 0 <= low <= successes / count <= high <= 1


def test_a_rate_of_independent_cases_has_wilsons_interval() -> None:
    rate = measure_rate([True] * 45 + [False] * 5, range(50))
    assert rate is not None
    assert (rate.value, rate.count) == (0.9, 50)
    assert (rate.low, rate.high) == wilson(45, 50)


def test_cases_about_one_source_make_a_rate_less_certain() -> None:
    outcomes = [True] * 45 + [False] * 5
    apart = measure_rate(outcomes, range(50))
    together = measure_rate(outcomes, [number // 5 for number in range(50)])
    assert apart is not None
    assert together is not None
    assert together.value == apart.value
    assert together.high - together.low > apart.high - apart.low


def test_cases_that_all_agree_are_as_certain_as_there_are_clusters() -> None:
    rate = measure_rate([True] * 50, [number // 10 for number in range(50)])
    assert rate is not None
    assert (rate.low, rate.high) == wilson(5, 5)


def test_a_few_clusters_make_nothing_certain() -> None:
    rate = measure_rate([True] * 9 + [False], ["one"] * 10)
    assert rate is not None
    assert rate.high - rate.low > 0.5
    lost = paired_delta([1.0] * 50, [0.0] * 50, ["one"] * 50)
    assert (lost.value, lost.low, lost.high) == (-1.0, -1.0, 1.0)
    assert not lost.is_certainly_worse


def test_nothing_is_not_measured() -> None:
    assert measure_rate([], []) is None
    assert measure_mean([], []) is None


def test_the_resampled_means_are_those_of_clusters_drawn_one_by_one() -> None:
    values, clusters = [1.0, 0.0, 0.5, 1.0, 0.0], ["a", "a", "b", "c", "c"]
    chooser = random.Random(3)  # noqa: S311  (keeps nothing safe)
    naive = []
    for _ in range(4_000):
        drawn = [chooser.choice("abc") for _ in range(3)]
        sample = [v for c in drawn for v, own in zip(values, clusters, strict=True) if own == c]
        naive.append(sum(sample) / len(sample))
    means = resampled_means(values, clusters)
    assert float(means.mean()) == pytest.approx(sum(naive) / len(naive), abs=0.02)
    assert sorted(means)[250] == pytest.approx(sorted(naive)[100], abs=0.05)


def test_the_same_values_give_the_same_interval() -> None:
    assert measure_mean([0.1, 0.9, 0.4], "abc") == measure_mean([0.1, 0.9, 0.4], "abc")


def test_a_run_that_lost_many_cases_is_certainly_worse() -> None:
    delta = paired_delta([1.0] * 40, [0.0] * 15 + [1.0] * 25, range(40))
    assert delta.value == pytest.approx(-0.375)
    assert delta.is_certainly_worse
    assert delta.p_value < 0.001


def test_one_lost_case_proves_nothing() -> None:
    delta = paired_delta([1.0] * 40, [0.0] + [1.0] * 39, range(40))
    assert not delta.is_certainly_worse
    assert delta.p_value == 1.0


def test_equal_runs_do_not_differ() -> None:
    delta = paired_delta([1.0, 0.0], [1.0, 0.0], "ab")
    assert (delta.value, delta.low, delta.high, delta.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert paired_delta([], [], []).count == 0


def test_the_randomization_test_counts_signs_as_the_exact_one_does() -> None:
    # Five cases all better: of 2**5 signs, two are as extreme.
    assert randomization_p([1.0] * 5, range(5)) == pytest.approx(2 / 32, abs=0.01)


def test_cases_of_one_cluster_change_sides_together() -> None:
    assert randomization_p([1.0] * 5, ["one"] * 5) == 1.0
