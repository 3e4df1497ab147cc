"""Bounds on metrics, from a YAML file; a run that breaks one fails."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from evals.golden_set.cases import GoldenSetError
from evals.golden_set.records import GateRecord, MetricRecord
from evals.golden_set.summing import LOWER_IS_BETTER, METRICS

DEFAULT_GATES = Path(__file__).parents[1] / "golden" / "gates.yaml"


def load_gates(path: Path) -> Mapping[str, float]:
    """Read `metric: bound` pairs.

    Raises:
        GoldenSetError: the file is not such a mapping, or names a metric that does not exist.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise GoldenSetError(f"{path}: cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise GoldenSetError(f"{path}: must be pairs of metric and bound")
    for metric, bound in read.items():
        if metric not in METRICS:
            raise GoldenSetError(f"{path}: {metric}: no such metric; there are {_named()}")
        if not isinstance(bound, int | float) or isinstance(bound, bool):
            raise GoldenSetError(f"{path}: {metric}: the bound must be a number")
    return {metric: float(bound) for metric, bound in read.items()}


def check_gates(
    gates: Mapping[str, float], metrics: Mapping[str, MetricRecord]
) -> tuple[GateRecord, ...]:
    """Compare each bound with what was measured; what could not be measured does not hold."""
    return tuple(
        GateRecord(
            metric=metric,
            bound=bound,
            measured=metrics[metric].value if metric in metrics else None,
            holds=metric in metrics and _holds(metric, metrics[metric].value, bound),
        )
        for metric, bound in gates.items()
    )


def _holds(metric: str, value: float, bound: float) -> bool:
    return value <= bound if metric in LOWER_IS_BETTER else value >= bound


def _named() -> str:
    return ", ".join(METRICS)
