"""Cases and answers of a shop that does not exist."""

from datetime import UTC, datetime, timedelta
from typing import Any

from evals.golden_set.asking import Asked
from evals.golden_set.cases import Case, Expectation
from evals.golden_set.records import CaseRecord, RunRecord, record_case
from evals.golden_set.summing import refusals, summarise

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
SHOP = "component:default/shop"


def case(**changed: Any) -> Case:
    given: dict[str, Any] = {"id": "own-1", "question": "Who owns shop?", "tags": ("ownership",)}
    expect: dict[str, Any] = {
        "outcome": "answer",
        "facts": ("group:default/team-shop",),
        "required_sources": (f"catalog:{SHOP}",),
    }
    if "expect" in changed:
        expect = changed.pop("expect")
    expect |= changed.pop("also", {})
    return Case(expect=Expectation(**expect), **given | changed)


def refusal(reason: str, **changed: Any) -> Case:
    expect = {"outcome": "refuse", "refusal_reason": reason} | changed.pop("also", {})
    return case(**{"question": "Who owns ghost?", "expect": expect} | changed)


def source(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "catalog",
        "title": "Shop",
        "entityRef": SHOP,
        "url": "https://portal.example/catalog/default/component/shop",
        "fetchedAt": "2026-06-09T14:04:57Z",
        "modifiedAt": None,
        "stale": False,
        "excerpt": "spec.owner: group:default/team-shop",
    } | changed


def page(number: int = 1, path: str = "runbook/rollback/", **changed: Any) -> dict[str, Any]:
    url = f"https://portal.example/docs/default/component/shop/{path}"
    return source(number, **{"kind": "techdocs", "url": url, "excerpt": "Roll back."} | changed)


def answer(**changed: Any) -> dict[str, Any]:
    return {
        "id": "01J0",
        "conversationId": "01J1",
        "status": "answered",
        "answer": f"**Shop** (`{SHOP}`) is owned by **Team** (`group:default/team-shop`) [1].",
        "confidence": {"level": "high", "reasons": ["exact catalog fact, fetched 3 s ago"]},
        "sources": [source()],
        "warnings": [],
        "consulted": [{"source": "catalog", "state": "ok", "tookMs": 12}],
        "followUps": [],
    } | changed


def nothing_found(**changed: Any) -> dict[str, Any]:
    return answer(
        **{
            "status": "insufficient_evidence",
            "answer": "I found nothing called “ghost”.",
            "sources": [],
            "consulted": [],
        }
        | changed
    )


def asked(got: dict[str, Any] | None, *, seconds: float = 0.1, problem: str = "") -> Asked:
    return Asked(answer=got, problem=problem, seconds=seconds, at=NOW + timedelta(seconds=1))


def record(one: Case, got: dict[str, Any] | None = None, **more: Any) -> CaseRecord:
    return record_case(one, asked(got, **more), None)


def run_of(*records: CaseRecord, run_id: str = "run", **changed: Any) -> RunRecord:
    return RunRecord(
        run_id=run_id,
        started_at="2026-06-09T14:05:00Z",
        took_seconds=1.0,
        **{
            "fingerprints": {"code": {"revision": "abc"}},
            "golden": {},
            "metrics": summarise(records),
            "refusals": refusals(records),
            "gates": (),
            "cases": records,
        }
        | changed,
    )
