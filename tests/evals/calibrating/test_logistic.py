import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from evals.calibrating.logistic import fit, solve


def drawn(seed: int, count: int = 80) -> tuple[np.ndarray, np.ndarray]:
    chooser = np.random.default_rng(seed)
    values = chooser.normal(size=(count, 3))
    chances = 1 / (1 + np.exp(-(values @ [1.5, -0.5, 0.0] + 0.4)))
    return values, (chooser.random(count) < chances).astype(float)


@pytest.mark.parametrize("penalty", [0.5, 3.0, 30.0])
def test_the_weights_are_those_of_another_implementation(penalty: float) -> None:
    values, right = drawn(1)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(values, right)
    ours = solve(values, right, penalty)
    assert ours[:-1] == pytest.approx(theirs.coef_[0], abs=1e-4)
    assert ours[-1] == pytest.approx(theirs.intercept_[0], abs=1e-4)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), penalty=st.floats(0.1, 50))
def test_at_the_solution_the_gradient_is_zero(seed: int, penalty: float) -> None:
    values, right = drawn(seed, 40)
    weights = solve(values, right, penalty)
    chances = 1 / (1 + np.exp(-(values @ weights[:-1] + weights[-1])))
    assert values.T @ (chances - right) + penalty * weights[:-1] == pytest.approx(0, abs=1e-6)
    assert chances.mean() == pytest.approx(right.mean(), abs=1e-6)


def test_what_never_differs_is_no_feature() -> None:
    rows = [{"x": float(n), "same": 1.0} for n in range(40)]
    fitted = fit(rows, [n > 20 for n in range(40)])
    assert fitted.features == ("x",)
    assert fitted.weights[0] > 0


def test_without_any_feature_the_chance_is_the_share() -> None:
    fitted = fit([{"same": 1.0}] * 40, [n < 30 for n in range(40)])
    assert fitted.probability({}) == pytest.approx(0.75, abs=1e-4)


def test_even_labels_that_a_feature_parts_wholly_have_finite_weights() -> None:
    fitted = fit([{"x": float(n)} for n in range(40)], [n >= 20 for n in range(40)])
    assert 0 < fitted.weights[0] < 100
