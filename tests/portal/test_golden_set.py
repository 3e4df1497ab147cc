"""The golden set asked of a real Backstage as its users; `make evals` does it and reports."""

from pathlib import Path

import pytest

from evals.backstage import Portal
from evals.golden_set.cases import load_cases
from evals.golden_set.gates import DEFAULT_GATES, load_gates
from evals.golden_set.running import run_cases
from evals.golden_set.serving import served_over

GOLDEN = Path(__file__).parents[2] / "evals" / "golden" / "portal.yaml"
GATEWAY = "component:default/payments-gateway"
CASES = """
- id: alice-sees-hers
  question: Who owns payments-gateway?
  asker: user:default/alice
  expect:
    outcome: answer
    facts: ["group:default/team-payments"]
    required_sources: ["catalog:component:default/payments-gateway"]
  entities: ["component:default/payments-gateway"]
- id: guest-sees-none-of-it
  question: Who owns payments-gateway?
  asker: user:default/guest
  expect:
    outcome: refuse
    refusal_reason: not_permitted
    forbidden: [Declined payments]
    forbidden_sources: ["catalog:component:default/payments-gateway"]
- id: dave-reads-his-docs
  question: Where is the documentation of FraudScorer?
  asker: user:default/dave
  expect: {outcome: answer, required_sources: ["catalog:component:default/fraudscorer"]}
"""


@pytest.mark.model
def test_each_user_is_asked_with_the_rights_of_that_user(portal: Portal, tmp_path: Path) -> None:
    golden = tmp_path / "cases.yaml"
    golden.write_text(CASES, encoding="utf-8")
    with served_over(portal, tmp_path) as served:
        record = run_cases(
            load_cases([golden]),
            served,
            run_id="one",
            golden=[golden],
            gates={"leaks": 0, "pass_rate": 1.0, "entity_accuracy": 1.0},
            tell=lambda each: None,
        )
        assert served.visible_to is not None
        seen = [GATEWAY in served.visible_to(f"user:default/{name}") for name in ("alice", "guest")]
    assert seen == [True, False]
    assert [each.notes for each in record.cases] == [(), (), ()]
    assert all(gate.holds for gate in record.gates)


@pytest.mark.model
def test_the_development_questions_hold_their_gates(portal: Portal, tmp_path: Path) -> None:
    with served_over(portal, tmp_path) as served:
        record = run_cases(
            load_cases([GOLDEN]),
            served,
            run_id="one",
            golden=[GOLDEN],
            gates=load_gates(DEFAULT_GATES),
            tell=lambda each: None,
        )
    assert [(gate.metric, gate.measured) for gate in record.gates if not gate.holds] == []
