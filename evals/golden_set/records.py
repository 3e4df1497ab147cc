"""The record of a run: everything that was asked, answered and judged, as JSON."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from evals.golden_set.asking import Asked
from evals.golden_set.cases import Case
from evals.golden_set.judging import Verdict, judge, judge_visibility, unanswered


class RecordError(Exception):
    """A file is no record of a run; the message names it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Understood(_Part):
    """What the service took a question for, as its audit log says.

    `judged_as` and `judged_by` are the kind and the figures by which its confidence was judged.
    """

    intents: tuple[str, ...]
    entities: tuple[str, ...]
    judged_as: str | None = None
    judged_by: Mapping[str, float] = {}


class CaseRecord(_Part):
    """A case with its answer and what was found; `passed` is None where it was not asked."""

    case: Case
    passed: bool | None
    skipped: str = ""
    problem: str = ""
    seconds: float = 0.0
    answer: Mapping[str, Any] | None = None
    checks: Mapping[str, bool | None] = {}
    notes: tuple[str, ...] = ()
    ungrounded: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    citation_precision: float | None = None
    citation_recall: float | None = None
    understood: Understood | None = None


class GateRecord(_Part):
    """A bound on a metric, what was measured, and whether it holds."""

    metric: str
    bound: float
    measured: float | None
    holds: bool


class MetricRecord(_Part):
    """A metric with its 95 % interval, and over how many cases; a count has no interval."""

    value: float
    low: float | None = None
    high: float | None = None
    count: int


class RunRecord(_Part):
    """A whole run. Everything but the first three fields and the times is the same next time."""

    run_id: str
    started_at: str
    took_seconds: float
    format: Literal[1] = 1
    fingerprints: Mapping[str, Any]
    golden: Mapping[str, str]
    metrics: Mapping[str, MetricRecord]
    refusals: Mapping[str, Mapping[str, int]]
    gates: tuple[GateRecord, ...]
    cases: tuple[CaseRecord, ...]

    @property
    def asked(self) -> tuple[CaseRecord, ...]:
        return tuple(each for each in self.cases if each.passed is not None)


def record_case(
    case: Case,
    asked: Asked,
    understood: Understood | None,
    visible: Collection[str] | None = None,
) -> CaseRecord:
    """Judge what came of a question and keep all of it; `visible` to the asker, where known."""
    verdict = unanswered(asked.problem) if asked.answer is None else _judged(case, asked)
    if asked.answer and visible is not None and "sources" in asked.answer:
        judge_visibility(asked.answer, visible, verdict)
    return CaseRecord(
        case=case,
        passed=verdict.passed,
        problem=asked.problem,
        seconds=round(asked.seconds, 6),
        answer=asked.answer,
        understood=understood,
        **asdict(verdict),
    )


def _judged(case: Case, asked: Asked) -> Verdict:
    try:
        return judge(case, asked.answer or {}, asked.at)
    except (KeyError, TypeError, ValueError) as error:
        return unanswered(f"the answer is not as the contract has it: {error!r}")


def skip_case(case: Case, reason: str) -> CaseRecord:
    """Keep a case that was not asked, and why."""
    return CaseRecord(case=case, passed=None, skipped=reason)


def write_record(record: RunRecord, path: Path) -> None:
    """Write a record as JSON, in a fixed order."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path) -> RunRecord:
    """Read what `write_record` wrote.

    Raises:
        RecordError: it is not such a file.
    """
    try:
        return RunRecord.model_validate_json(path.read_text(encoding="utf-8"), strict=False)
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise RecordError(f"{path} is no record of a run: {str(error)[:300]}") from error


def read_understood(lines: Iterable[str]) -> Mapping[str, Understood]:
    """Read an audit log: what was understood, by the id of the answer."""
    understood: dict[str, Understood] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("answerId"):
            understood[entry["answerId"]] = Understood(
                intents=tuple(_words(entry.get("intent"))),
                entities=tuple(entry.get("entities") or ()),
                judged_as=entry.get("judgedAs"),
                judged_by=entry.get("judgedBy") or {},
            )
    return understood


def _words(intent: Any) -> Sequence[str]:
    """Give every word by which an intent is called, whatever its shape."""
    if isinstance(intent, str):
        return [intent]
    if isinstance(intent, Mapping):
        return [word for part in intent.values() for word in _words(part)]
    if isinstance(intent, list):
        return [word for part in intent for word in _words(part)]
    return []
