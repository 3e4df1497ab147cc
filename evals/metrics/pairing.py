"""Whether one run is better than another on the same cases: paired bootstrap and randomization."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evals.metrics.intervals import FEWEST_CLUSTERS, RESAMPLES, SEED, resampled_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The mean difference of two runs, its 95 % interval, and how likely it is by chance alone."""

    value: float
    low: float
    high: float
    p_value: float
    count: int

    @property
    def is_certainly_worse(self) -> bool:
        return self.high < 0


def paired_delta(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable]
) -> Delta:
    """Compare values of the same cases, `after` minus `before`.

    Whole clusters are resampled, and in the randomization test change sides as one. Of few
    clusters the interval is as wide as the largest difference, in both directions.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    if not differences:
        return Delta(value=0.0, low=0.0, high=0.0, p_value=1.0, count=0)
    low, high = _interval(differences, clusters)
    return Delta(
        value=float(np.mean(differences)),
        low=low,
        high=high,
        p_value=randomization_p(differences, clusters),
        count=len(differences),
    )


def _interval(differences: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float]:
    if len(set(clusters)) < FEWEST_CLUSTERS:
        widest = max(map(abs, differences))
        return -widest, widest
    low, high = np.quantile(resampled_means(differences, clusters), (0.025, 0.975))
    return float(low), float(high)


def randomization_p(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> float:
    """Give the two-sided p-value of Fisher's test with random signs; 1 where nothing differs."""
    sums: dict[Hashable, float] = {}
    for difference, cluster in zip(differences, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + difference
    totals = np.array([total for total in sums.values() if total], dtype=np.float64)
    if not len(totals):
        return 1.0
    chooser = np.random.default_rng(seed)
    signs = chooser.integers(0, 2, size=(resamples, len(totals))) * 2 - 1
    extreme = np.abs(signs @ totals) >= abs(totals.sum()) - 1e-12
    return float((extreme.sum() + 1) / (resamples + 1))
