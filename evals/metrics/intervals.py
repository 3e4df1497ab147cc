"""How far a measured rate or mean can be trusted: Wilson intervals and seeded bootstraps."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 42
RESAMPLES = 10_000
FEWEST_CLUSTERS = 6
"""With fewer, not even the same sign everywhere is significant at 5 %: 2 / 2**5 > 0.05."""
_Z = 1.959963984540054  # of the normal distribution, for 95 %
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A mean over `count` values with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int


def wilson(successes: float, count: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a rate; (0, 1) where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    rate = successes / count
    spread = _Z * math.sqrt(rate * (1 - rate) / count + _Z**2 / (4 * count**2))
    centre, scale = rate + _Z**2 / (2 * count), 1 + _Z**2 / count
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return max(0.0, min(rate, low)), min(1.0, max(rate, high))


def measure_rate(outcomes: Sequence[bool], clusters: Sequence[Hashable]) -> Measured | None:
    """Give the share that is true, None of nothing.

    Values of one cluster (cases about the same source) are not independent: where there are such,
    it is measured as a mean is, else by Wilson's interval.
    """
    if len(set(clusters)) < len(outcomes):
        return measure_mean([float(each) for each in outcomes], clusters)
    return _by_wilson([float(each) for each in outcomes], len(outcomes)) if outcomes else None


def measure_mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Measured | None:
    """Give the mean of values from 0 to 1 with a bootstrap over whole clusters, None of nothing.

    Where a bootstrap would pretend to be certain (few clusters, or values that all agree), it is
    Wilson's interval over as many cases as there are clusters.
    """
    if not values:
        return None
    units = len(set(clusters))
    if units < FEWEST_CLUSTERS or min(values) == max(values):
        return _by_wilson(values, units)
    low, high = np.quantile(resampled_means(values, clusters), (0.025, 0.975))
    return Measured(value=_mean(values), low=float(low), high=float(high), count=len(values))


def _by_wilson(values: Sequence[float], units: int) -> Measured:
    value = _mean(values)
    low, high = wilson(value * units, units)
    return Measured(value=value, low=low, high=high, count=len(values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def resampled_means(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NDArray[np.float64]:
    """Draw whole clusters with replacement and give the mean of each draw."""
    totals, sizes = _by_cluster(values, clusters)
    chooser = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, _AT_ONCE):
        rows = min(_AT_ONCE, resamples - start)
        drawn = chooser.integers(0, len(totals), size=(rows, len(totals)))
        means[start : start + rows] = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means


def _by_cluster(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and count the values of each cluster, in the order in which clusters first come."""
    sums: dict[Hashable, tuple[float, int]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        total, size = sums.get(cluster, (0.0, 0))
        sums[cluster] = (total + value, size + 1)
    return (
        np.array([total for total, _ in sums.values()], dtype=np.float64),
        np.array([size for _, size in sums.values()], dtype=np.float64),
    )
