"""Whether confidence means anything: calibration error, ranking, risk at a coverage.

All of it gives the same figures whatever the order of the cases: those of equal confidence are
never told apart.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A row of the reliability table: mean confidence, and the share that was right."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """The error rate among the most confident share of the cases."""

    coverage: float
    risk: float


def reliability(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> tuple[Bin, ...]:
    """Cut the cases into bins of equal mass, by confidence.

    A cut within equal confidences moves behind the last of them, so there may be fewer bins.
    """
    values, hits = _sorted(confidences, right)
    return tuple(
        Bin(
            confidence=float(values[start:end].mean()),
            accuracy=float(hits[start:end].mean()),
            count=int(end - start),
        )
        for start, end in _ranges(values, bins)
    )


def _ranges(values: Numbers, bins: int) -> list[tuple[int, int]]:
    """Give start and end of each bin in ascending values."""
    wanted = [round(len(values) * number / bins) for number in range(1, bins + 1)]
    ends = {int(np.searchsorted(values, values[end - 1], side="right")) for end in wanted if end}
    ordered = [0, *sorted(ends)]
    return list(itertools.pairwise(ordered))


def calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> float | None:
    """Give the expected calibration error over bins of equal mass, None of nothing."""
    table = reliability(confidences, right, bins)
    if not table:
        return None
    gaps = sum(abs(row.confidence - row.accuracy) * row.count for row in table)
    return gaps / len(confidences)


def brier(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    """Give the mean squared distance of confidence and truth, None of nothing."""
    if not confidences:
        return None
    values, hits = _sorted(confidences, right)
    return float(np.mean((values - hits) ** 2))


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Give the chance that a positive outranks a negative, a tie being half; None without both."""
    values, hits = _sorted(scores, positive)
    positives, negatives = int(hits.sum()), int(len(hits) - hits.sum())
    if not positives or not negatives:
        return None
    lowest = np.searchsorted(values, values, side="left")
    highest = np.searchsorted(values, values, side="right")
    ranks = (lowest + highest + 1) / 2
    won = float(ranks[hits == 1].sum()) - positives * (positives + 1) / 2
    return won / (positives * negatives)


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> tuple[RiskPoint, ...]:
    """Give the risk at each coverage, from the most confident case on.

    Within equal confidences it is the mean over all orders.
    """
    errors = _expected_errors(confidences, right)
    counts = np.arange(1, len(errors) + 1)
    return tuple(
        RiskPoint(coverage=float(count / len(errors)), risk=float(risk))
        for count, risk in zip(counts, np.cumsum(errors) / counts, strict=True)
    )


def area_under_risk(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    """Give AURC, the mean of the risks at all coverages; None of nothing. Random is the error."""
    points = risk_coverage(confidences, right)
    return float(np.mean([point.risk for point in points])) if points else None


def least_area_under_risk(right: Sequence[bool]) -> float | None:
    """Give the AURC that knowing the truth would give, with all errors last."""
    return area_under_risk([float(each) for each in right], right)


def coverage_at_risk(confidences: Sequence[float], right: Sequence[bool], risk: float) -> float:
    """Give the largest share that a threshold on confidence accepts with at most this risk."""
    values, hits = _sorted(confidences, right)
    best = 0.0
    for threshold in np.unique(values):
        accepted = hits[values >= threshold]
        if 1 - accepted.mean() <= risk + 1e-12:
            best = max(best, len(accepted) / len(hits))
    return best


def _expected_errors(confidences: Sequence[float], right: Sequence[bool]) -> Numbers:
    """Give each case, the most confident first, the mean error of those of its confidence."""
    values, hits = _sorted(confidences, right)
    _, group = np.unique(values, return_inverse=True)
    sizes = np.bincount(group) if len(group) else np.array([])
    errors = np.bincount(group, weights=1 - hits) if len(group) else np.array([])
    shares: Numbers = (errors / sizes)[group] if len(group) else np.array([])
    return shares[::-1]


def _sorted(confidences: Sequence[float], right: Sequence[bool]) -> tuple[Numbers, Numbers]:
    values = np.asarray(confidences, dtype=np.float64)
    hits = np.asarray(right, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    return values[order], hits[order]
