"""Logistic regression with an L2 penalty, by Newton's method: the same rows, the same weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portal_rag.confidence.calibration import Logistic

PENALTY = 10.0
"""On the weights of standardised features, not on the intercept; chosen by cross-validation."""
_STEPS = 100
_SMALL = 1e-10
_FARTHEST = 4.0
_DECIMALS = 6
_Numbers = NDArray[np.float64]


def fit(
    rows: Sequence[Mapping[str, float]], right: Sequence[bool], *, penalty: float = PENALTY
) -> Logistic:
    """Fit the chance of being right to features; one that never differs is left out."""
    names = [name for name in sorted(rows[0]) if len({row[name] for row in rows}) > 1]
    values = np.array([[row[name] for name in names] for row in rows], dtype=np.float64)
    values = values.reshape(len(rows), len(names))
    means = values.mean(axis=0).round(_DECIMALS)
    scales = np.maximum(values.std(axis=0).round(_DECIMALS), 10.0**-_DECIMALS)
    standard = np.clip((values - means) / scales, -_FARTHEST, _FARTHEST)
    weights = solve(standard, np.asarray(right, dtype=np.float64), penalty).round(_DECIMALS)
    return Logistic(
        features=tuple(names),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        weights=tuple(weights[:-1].tolist()),
        intercept=float(weights[-1]),
    )


def solve(values: _Numbers, right: _Numbers, penalty: float) -> _Numbers:
    """Give the weights of the columns and, last, the intercept.

    They minimise the logistic loss plus half the penalty times the sum of the squared weights.
    """
    columns = np.hstack([values, np.ones((len(values), 1))])
    penalties = np.full(columns.shape[1], penalty)
    penalties[-1] = _SMALL  # so that labels that all agree have a solution, too
    weights = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        gradient = columns.T @ (chances - right) + penalties * weights
        spread = chances * (1 - chances)
        curvature = columns.T @ (columns * spread[:, None]) + np.diag(penalties)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step * min(1.0, 5.0 / max(float(np.abs(step).max()), _SMALL))
        if float(np.abs(step).max()) < _SMALL:
            break
    return weights
