"""Compares two runs case by case: what flipped, and whether the newer run is certainly worse."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evals.golden_set.records import CaseRecord, RunRecord
from evals.metrics.pairing import Delta, paired_delta

_COMPARED = {
    "cases passed": None,
    "right outcome": "outcome",
    "facts": "facts",
    "required source cited": "required_source",
    "hard tokens grounded": "grounding",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A case that one run passed and the other did not; `why` are the notes of the failure."""

    case_id: str
    question: str
    turned: Literal["worse", "better"]
    critical: bool
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of the cases of an older run in a newer one.

    `changed` are cases whose question or expectation is another one now; they are not compared.
    `lost` are those that the newer run did not ask, `added` those that only it asked.
    """

    flips: tuple[Flip, ...]
    deltas: dict[str, Delta]
    changed: tuple[str, ...]
    lost: tuple[str, ...]
    added: tuple[str, ...]
    lost_critical: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Say why the newer run must not replace the older one; nothing if it may."""
        found = [
            f"{flip.case_id} is critical, and fails now: {'; '.join(flip.why)}"
            for flip in self.flips
            if flip.critical and flip.turned == "worse"
        ]
        found += [f"{name} is critical, passed, and is not compared" for name in self.lost_critical]
        passed = self.deltas["cases passed"]
        if passed.is_certainly_worse:
            found.append(
                f"the share of passed cases fell by {-passed.value:.1%},"
                f" by {-passed.high:.1%} at least (95 %)"
            )
        return tuple(found)


def compare(older: RunRecord, newer: RunRecord) -> Comparison:
    """Pair the cases of two runs by id."""
    before = {each.case.id: each for each in older.asked}
    after = {each.case.id: each for each in newer.asked}
    both = [name for name in before if name in after]
    changed = [name for name in both if not _same_case(before[name], after[name])]
    pairs = [(before[name], after[name]) for name in both if name not in changed]
    lost = [name for name in before if name not in after]
    return Comparison(
        flips=tuple(sorted(_flips(pairs), key=_gravest_first)),
        deltas={title: _delta(check, pairs) for title, check in _COMPARED.items()},
        changed=tuple(changed),
        lost=tuple(lost),
        added=tuple(name for name in after if name not in before),
        lost_critical=tuple(
            name
            for name in [*lost, *changed]
            if before[name].case.critical and before[name].passed and _lost(name, after)
        ),
    )


def _lost(name: str, after: dict[str, CaseRecord]) -> bool:
    """Whether a case is gone, or was made another one and fails as such."""
    return name not in after or not after[name].passed


def _same_case(one: CaseRecord, other: CaseRecord) -> bool:
    return all(
        getattr(one.case, name) == getattr(other.case, name)
        for name in ("question", "asker", "entity_ref", "history", "expect")
    )


def _flips(pairs: Iterable[tuple[CaseRecord, CaseRecord]]) -> Iterable[Flip]:
    for old, new in pairs:
        if old.passed != new.passed:
            worse = bool(old.passed)
            yield Flip(
                case_id=new.case.id,
                question=new.case.question,
                turned="worse" if worse else "better",
                critical=old.case.critical or new.case.critical,
                why=new.notes if worse else old.notes,
            )


def _gravest_first(flip: Flip) -> tuple[bool, bool, str]:
    return flip.turned == "better", not flip.critical, flip.case_id


def _delta(check: str | None, pairs: Iterable[tuple[CaseRecord, CaseRecord]]) -> Delta:
    both = [
        (old, new, one, other)
        for old, new in pairs
        if (one := _holds(check, old)) is not None and (other := _holds(check, new)) is not None
    ]
    return paired_delta(
        [float(one) for *_, one, _ in both],
        [float(other) for *_, other in both],
        [new.case.cluster for _, new, _, _ in both],
    )


def _holds(check: str | None, each: CaseRecord) -> bool | None:
    return each.passed if check is None else each.checks.get(check)
