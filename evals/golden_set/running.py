"""THE WAY OF A RUN: ask each case -> judge -> sum up -> check the gates -> record."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from evals.golden_set.cases import Case
from evals.golden_set.fingerprints import fingerprints, hash_files
from evals.golden_set.gates import check_gates
from evals.golden_set.records import (
    CaseRecord,
    RunRecord,
    Understood,
    read_understood,
    record_case,
    skip_case,
)
from evals.golden_set.serving import Served
from evals.golden_set.summing import refusals, summarise

Told = Callable[[CaseRecord], None]


def run_cases(
    cases: Sequence[Case],
    served: Served,
    *,
    run_id: str,
    golden: Sequence[Path],
    gates: Mapping[str, float],
    tell: Told,
) -> RunRecord:
    """Ask all cases one by one, and tell of each as it is judged."""
    clock, timer = served.asker.clock, served.asker.timer
    started_at, started = clock(), timer()
    records = []
    for case in cases:
        records.append(_asked(case, served))
        tell(records[-1])
    metrics = summarise(records)
    return RunRecord(
        run_id=run_id,
        started_at=_instant(started_at),
        took_seconds=round(timer() - started, 3),
        fingerprints=fingerprints(served.settings, served.index),
        golden={path.name: hash_files([path]) for path in golden},
        metrics=metrics,
        refusals=refusals(records),
        gates=check_gates(gates, metrics),
        cases=tuple(records),
    )


def _asked(case: Case, served: Served) -> CaseRecord:
    if reason := served.cannot_ask(case):
        return skip_case(case, reason)
    asked = served.asker.ask(case)
    user = case.asker or served.asker.default_asker
    visible = served.visible_to(user) if served.visible_to else None
    return record_case(case, asked, _understood(asked.answer, served.audit_log), visible)


def _understood(answer: Mapping[str, object] | None, audit_log: Path | None) -> Understood | None:
    """Find the answer's line near the end of the audit log."""
    if not answer or not audit_log or not audit_log.exists():
        return None
    with audit_log.open("rb") as log:
        log.seek(max(0, audit_log.stat().st_size - _TAIL))
        lines = log.read().decode("utf-8", errors="replace").splitlines()
    return read_understood(lines).get(str(answer.get("id")))


_TAIL = 1 << 16


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
