"""How far a measured rate or mean can be trusted: Wilson intervals and seeded bootstraps."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 42
RESAMPLES = 10_000
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
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def measure_rate(outcomes: Sequence[bool], clusters: Sequence[Hashable]) -> Measured | None:
    """Give the share that is true, None of nothing.

    Values of one cluster (cases about the same source) are not independent: where there are such,
    whole clusters are resampled. If all values agree, Wilson's interval over the clusters is taken.
    """
    if not outcomes:
        return None
    independent = len(set(clusters)) == len(outcomes)
    rate = sum(outcomes) / len(outcomes)
    if not independent and 0 < rate < 1:
        return measure_mean([float(each) for each in outcomes], clusters)
    units = len(set(clusters))
    low, high = wilson(rate * units, units)
    return Measured(value=rate, low=low, high=high, count=len(outcomes))


def measure_mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Measured | None:
    """Give the mean with a percentile bootstrap over whole clusters, None of nothing."""
    if not values:
        return None
    means = resampled_means(values, clusters)
    low, high = np.quantile(means, (0.025, 0.975))
    value = float(np.mean(values))
    return Measured(value=value, low=float(low), high=float(high), count=len(values))


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
