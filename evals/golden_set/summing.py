"""Metrics over the cases of a run, each with its 95 % interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from evals.golden_set.judging import outcome_of
from evals.golden_set.records import CaseRecord, MetricRecord
from evals.metrics.calibration import (
    area_under_risk,
    auroc,
    brier,
    calibration_error,
    coverage_at_risk,
)
from evals.metrics.intervals import Measured, measure_mean, measure_rate

_CLAIMS = frozenset({"answered", "partial"})
NOMINAL: Mapping[str, float] = {"high": 0.95, "medium": 0.75, "low": 0.4}
"""What a level is taken to promise, where an answer gives no probability beside it."""
_COUNTS = ("leaks", "errors", "critical_failures", "false_refusals")
_PERCENTILES = (50, 95, 99)
_LATENCIES = tuple(f"latency_p{percent}_seconds" for percent in _PERCENTILES)
_COVERAGES = (("coverage_at_5_percent_risk", 0.05), ("coverage_at_10_percent_risk", 0.1))
LOWER_IS_BETTER = frozenset({*_COUNTS, *_LATENCIES, "ece", "brier", "aurc"})
_RATES = {
    "outcome_accuracy": "outcome",
    "fact_accuracy": "facts",
    "required_source_cited": "required_source",
    "hard_token_grounding": "grounding",
    "citations_valid": "citations",
    "confidence_in_bounds": "confidence",
    "live_data_right": "live_data",
    "not_permitted_looks_like_not_found": "looks_like_not_found",
}
METRICS = (
    "pass_rate",
    *_RATES,
    "refusal_recall",
    "refusal_precision",
    "citation_precision",
    "citation_recall",
    "intent_accuracy",
    "entity_accuracy",
    *_COUNTS,
    "ece",
    "brier",
    "auroc",
    "aurc",
    *(name for name, _ in _COVERAGES),
    *_LATENCIES,
)


def summarise(records: Sequence[CaseRecord]) -> Mapping[str, MetricRecord]:
    """Measure everything that the cases that were asked allow to measure."""
    asked = [each for each in records if each.passed is not None]
    found: dict[str, MetricRecord | None] = {"pass_rate": _rate(asked, _passed)}
    for metric, check in _RATES.items():
        found[metric] = _rate(asked, partial(_check, check))
    found["refusal_recall"] = _rate(asked, _refused_rightly)
    found["refusal_precision"] = _rate(asked, _refusal_was_right)
    found["citation_precision"] = _mean(asked, lambda each: each.citation_precision)
    found["citation_recall"] = _mean(asked, lambda each: each.citation_recall)
    found["intent_accuracy"] = _rate(asked, _intent_is_right)
    found["entity_accuracy"] = _rate(asked, _entities_are_right)
    found |= {**_of_confidence(asked), **_of_latency(asked), **_counts(asked)}
    return {name: measured for name in METRICS if (measured := found.get(name))}


def pass_rates_by_tag(records: Sequence[CaseRecord]) -> Mapping[str, MetricRecord]:
    """Give the share of passed cases of each tag."""
    asked = [each for each in records if each.passed is not None]
    tags = sorted({tag for each in asked for tag in each.case.tags})
    rates = {tag: _rate([e for e in asked if tag in e.case.tags], _passed) for tag in tags}
    return {tag: rate for tag, rate in rates.items() if rate}


def refusals(records: Sequence[CaseRecord]) -> Mapping[str, Mapping[str, int]]:
    """Count outcomes: the expected one, then what came (`none` where there was no answer)."""
    counted: dict[str, dict[str, int]] = {}
    for each in records:
        if each.passed is not None:
            row = counted.setdefault(each.case.expect.outcome, {})
            got = outcome_of(each.answer) if each.answer else "none"
            row[got] = row.get(got, 0) + 1
    return counted


def claims(records: Sequence[CaseRecord]) -> tuple[list[float], list[bool]]:
    """Give confidence and truth of each answer that claims something."""
    confidences, right = [], []
    for each in records:
        probability = promised(each.answer)
        if each.passed is not None and probability is not None:
            confidences.append(probability)
            right.append(is_right(each))
    return confidences, right


def promised(answer: Mapping[str, Any] | None) -> float | None:
    """Give the probability that an answer claims to be right with, if it claims anything."""
    if not answer or answer.get("status") not in _CLAIMS:
        return None
    confidence = answer.get("confidence") or {}
    given = confidence.get("probability")
    if isinstance(given, int | float):
        return float(given)
    return NOMINAL.get(confidence.get("level", ""))


def is_right(each: CaseRecord) -> bool:
    """Whether an answer is right, whatever was said of its confidence."""
    return all(holds is not False for name, holds in each.checks.items() if name != "confidence")


def _passed(each: CaseRecord) -> bool | None:
    return each.passed


def _check(name: str, each: CaseRecord) -> bool | None:
    return each.checks.get(name)


def _refused_rightly(each: CaseRecord) -> bool | None:
    if each.case.expect.outcome != "refuse":
        return None
    return bool(each.checks["outcome"])


def _refusal_was_right(each: CaseRecord) -> bool | None:
    if not _is_refusal(each.answer):
        return None
    return "refuse" in each.case.expect.outcomes


def _is_refusal(answer: Mapping[str, Any] | None) -> bool:
    return bool(answer) and (answer or {}).get("status") in ("insufficient_evidence", "declined")


def _intent_is_right(each: CaseRecord) -> bool | None:
    if not each.case.intent or not each.understood:
        return None
    return each.case.intent in each.understood.intents


def _entities_are_right(each: CaseRecord) -> bool | None:
    if not each.case.entities or not each.understood:
        return None
    wanted = {ref.casefold() for ref in each.case.entities}
    return wanted == {ref.casefold() for ref in each.understood.entities}


def _of_confidence(asked: Sequence[CaseRecord]) -> Mapping[str, MetricRecord | None]:
    confidences, right = claims(asked)
    figures = {
        "ece": calibration_error(confidences, right),
        "brier": brier(confidences, right),
        "auroc": auroc(confidences, right),
        "aurc": area_under_risk(confidences, right),
    }
    if right:
        figures |= {name: coverage_at_risk(confidences, right, risk) for name, risk in _COVERAGES}
    return {name: _plain(value, len(right)) for name, value in figures.items()}


def _of_latency(asked: Sequence[CaseRecord]) -> Mapping[str, MetricRecord | None]:
    times = [each.seconds for each in asked if each.answer]
    if not times:
        return {}
    return {
        f"latency_p{percent}_seconds": _plain(float(np.percentile(times, percent)), len(times))
        for percent in _PERCENTILES
    }


def _counts(asked: Sequence[CaseRecord]) -> Mapping[str, MetricRecord | None]:
    counts = {
        "leaks": sum(len(each.leaks) for each in asked),
        "errors": sum(not each.answer for each in asked),
        "critical_failures": sum(each.case.critical and not each.passed for each in asked),
        "false_refusals": sum(
            "refuse" not in each.case.expect.outcomes and _is_refusal(each.answer) for each in asked
        ),
    }
    return {name: MetricRecord(value=n, count=len(asked)) for name, n in counts.items()}


def _rate(
    records: Iterable[CaseRecord], holds: Callable[[CaseRecord], bool | None]
) -> MetricRecord | None:
    judged = [(each, verdict) for each in records if (verdict := holds(each)) is not None]
    clusters = [each.case.cluster for each, _ in judged]
    return _written(measure_rate([verdict for _, verdict in judged], clusters))


def _mean(
    records: Iterable[CaseRecord], measure: Callable[[CaseRecord], float | None]
) -> MetricRecord | None:
    measured = [(each, value) for each in records if (value := measure(each)) is not None]
    clusters = [each.case.cluster for each, _ in measured]
    return _written(measure_mean([value for _, value in measured], clusters))


def _written(measured: Measured | None) -> MetricRecord | None:
    if measured is None:
        return None
    return MetricRecord(
        value=measured.value, low=measured.low, high=measured.high, count=measured.count
    )


def _plain(value: float | None, count: int) -> MetricRecord | None:
    return None if value is None else MetricRecord(value=value, count=count)
