"""What a set of chances is worth: calibration error, ranking, risk; as figures and as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from evals.calibrating.learning import Judged
from evals.metrics.calibration import (
    Bin,
    area_under_risk,
    auroc,
    brier,
    calibration_error,
    coverage_at_risk,
    least_area_under_risk,
    reliability,
)
from portal_rag.confidence.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Chances against the truth; None where it takes both right and wrong, and one is missing."""

    labels: int
    right: float
    ece: float | None
    brier: float | None
    auroc: float | None
    aurc: float | None
    aurc_of_truth: float | None
    coverage_at_5_percent_risk: float
    reliability: tuple[Bin, ...]


def worth_of(chances: Sequence[float], right: Sequence[bool]) -> Worth:
    """Measure chances; the AURC of chance alone is the share that is wrong."""
    return Worth(
        labels=len(right),
        right=sum(right) / len(right) if right else 0.0,
        ece=calibration_error(chances, right),
        brier=brier(chances, right),
        auroc=auroc(chances, right),
        aurc=area_under_risk(chances, right),
        aurc_of_truth=least_area_under_risk(right),
        coverage_at_5_percent_risk=coverage_at_risk(chances, right, 0.05) if right else 0.0,
        reliability=reliability(chances, right),
    )


def report(judged: Sequence[Judged], calibration: Calibration) -> dict[str, object]:
    """Say what was learned and what it is worth on labels that it was not fitted to."""
    kinds = sorted({each.label.kind for each in judged})
    return {
        "all": asdict(_worth(judged)),
        **{k: asdict(_worth([e for e in judged if e.label.kind == k])) for k in kinds},
        "set_hash": calibration.set_hash,
        "index": asdict(calibration.index),
        "constants": dict(calibration.constants),
        "thresholds": {
            "high": calibration.high,
            "medium": calibration.medium,
            "refuse_below": calibration.refuse_below,
        },
        "weights": dict(
            zip(calibration.documents.features, calibration.documents.weights, strict=True)
        ),
        "labels": [{**asdict(each.label), "chance": round(each.chance, 4)} for each in judged],
    }


def lines(title: str, worth: Worth) -> Iterator[str]:
    """Write a table for people."""
    yield (
        f"{title}: {worth.labels} labels, {worth.right:.1%} right, ECE {_shown(worth.ece)},"
        f" AUROC {_shown(worth.auroc)}, Brier {_shown(worth.brier)}, AURC {_shown(worth.aurc)}"
        f" (chance {1 - worth.right:.3f}, truth {_shown(worth.aurc_of_truth)}),"
        f" coverage at 5 % risk {worth.coverage_at_5_percent_risk:.1%}"
    )
    yield f"  {'chance':>8}{'right':>8}{'labels':>8}"
    for row in worth.reliability:
        yield f"  {row.confidence:8.3f}{row.accuracy:8.3f}{row.count:8d}"


def summary(judged: Sequence[Judged], calibration: Calibration) -> Iterator[str]:
    """Write all of a report for people."""
    yield from lines("All, cross-validated", _worth(judged))
    for kind, count in sorted(Counter(each.label.kind for each in judged).items()):
        yield from lines(f"{kind} ({count})", _worth([e for e in judged if e.label.kind == kind]))
    yield (
        f"Thresholds: high {_shown(calibration.high)}, medium {_shown(calibration.medium)},"
        f" refused below {_shown(calibration.refuse_below)}"
    )
    constants = (f"{kind} {value:.3f}" for kind, value in calibration.constants.items())
    yield f"Constants: {', '.join(constants)}"


def _worth(judged: Sequence[Judged]) -> Worth:
    return worth_of([each.chance for each in judged], [each.label.right for each in judged])


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
