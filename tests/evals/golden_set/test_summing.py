from pathlib import Path

import pytest

from evals.golden_set.cases import GoldenSetError
from evals.golden_set.gates import DEFAULT_GATES, check_gates, load_gates
from evals.golden_set.records import MetricRecord, Understood, read_understood, skip_case
from evals.golden_set.summing import claims, pass_rates_by_tag, refusals, summarise
from tests.evals.golden_set.made_up import SHOP, answer, case, nothing_found, record, refusal


def test_rates_are_over_the_cases_that_they_apply_to() -> None:
    metrics = summarise(
        [
            record(case(id="right"), answer()),
            record(case(id="wrong"), nothing_found()),
            record(refusal("not_found", id="refused"), nothing_found()),
            record(refusal("not_found", id="talked"), answer()),
            skip_case(case(id="skipped"), "no portal"),
        ]
    )
    values = {name: (metric.value, metric.count) for name, metric in metrics.items()}
    assert values["pass_rate"] == (0.5, 4)
    assert values["outcome_accuracy"] == (0.5, 4)
    assert values["required_source_cited"] == (1.0, 1)
    assert values["hard_token_grounding"] == (1.0, 2)
    assert values["refusal_recall"] == (0.5, 2)
    assert values["refusal_precision"] == (0.5, 2)
    assert values["citation_recall"] == (1.0, 1)
    assert values["citation_precision"] == (1.0, 1)
    assert values["false_refusals"] == (1, 4)
    assert "intent_accuracy" not in values


def test_leaks_errors_and_critical_failures_are_counted() -> None:
    hidden = refusal("not_permitted", also={"forbidden": ("team-shop",)}, critical=True)
    metrics = summarise([record(hidden, answer()), record(case(id="b"), None, problem="503")])
    assert metrics["leaks"].value == 1
    assert metrics["errors"].value == 1
    assert metrics["critical_failures"].value == 1


def test_latency_is_that_of_the_answers() -> None:
    records = [record(case(id=f"c{n}"), answer(), seconds=n / 10) for n in range(1, 12)]
    metrics = summarise([*records, record(case(), None, seconds=60)])
    assert metrics["latency_p50_seconds"].value == pytest.approx(0.6)
    assert metrics["latency_p95_seconds"].value == pytest.approx(1.05)


def test_confidence_is_measured_on_answers_that_claim_something() -> None:
    sure = answer(confidence={"level": "high", "probability": 0.8, "reasons": []})
    records = [
        record(case(id="a"), sure),
        record(case(id="b"), answer(confidence={"level": "low", "reasons": []})),
        record(refusal("not_found", id="c"), answer()),
        record(refusal("not_found", id="d"), nothing_found()),
    ]
    assert claims(records) == ([0.8, 0.4, 0.95], [True, True, False])
    metrics = summarise(records)
    assert metrics["brier"].count == 3
    assert metrics["auroc"].value == 0.0
    assert metrics["coverage_at_5_percent_risk"].value == 0.0


def test_a_wrong_level_does_not_make_an_answer_wrong() -> None:
    one = case(also={"max_confidence": "low"})
    assert claims([record(one, answer())]) == ([0.95], [True])


def test_outcomes_are_counted_by_what_was_expected() -> None:
    records = [
        record(case(), answer()),
        record(case(id="b"), nothing_found(status="declined")),
        record(refusal("not_found", id="c"), None, problem="timeout"),
    ]
    assert refusals(records) == {"answer": {"answer": 1, "refuse": 1}, "refuse": {"none": 1}}


def test_tags_have_rates_of_their_own() -> None:
    records = [
        record(case(tags=("a", "b")), answer()),
        record(case(id="c", tags=("b",)), nothing_found()),
    ]
    rates = pass_rates_by_tag(records)
    assert {tag: (rate.value, rate.count) for tag, rate in rates.items()} == {
        "a": (1.0, 1),
        "b": (0.5, 2),
    }


def test_what_was_understood_is_read_from_the_audit_log() -> None:
    line = (
        '{"answerId": "01J0", "entities": ["component:default/shop"],'
        ' "intent": "ownership", "topics": ["owner"]}'
    )
    read = read_understood([line, "no JSON", '{"answerId": null}'])
    assert read == {"01J0": Understood(intents=("ownership",), entities=(SHOP,))}
    one = case(intent="ownership", entities=("Component:default/shop",))
    right = record(one, answer()).model_copy(update={"understood": read["01J0"]})
    wrong = right.model_copy(update={"understood": Understood(intents=("links",), entities=())})
    metrics = summarise([right, wrong])
    assert metrics["intent_accuracy"].value == 0.5
    assert metrics["entity_accuracy"].value == 0.5


def test_an_answer_that_breaks_the_contract_fails_its_case() -> None:
    broken = record(case(), {"status": "answered"})
    assert broken.passed is False
    assert "contract" in broken.notes[0]


def test_gates_hold_or_break_by_what_is_better() -> None:
    metrics = {
        "pass_rate": MetricRecord(value=0.9, count=10),
        "leaks": MetricRecord(value=1, count=10),
    }
    gates = check_gates({"pass_rate": 0.9, "leaks": 0, "refusal_recall": 0.5}, metrics)
    assert [(gate.metric, gate.measured, gate.holds) for gate in gates] == [
        ("pass_rate", 0.9, True),
        ("leaks", 1, False),
        ("refusal_recall", None, False),
    ]


def test_the_gates_of_this_repository_are_those_of_its_promises() -> None:
    gates = load_gates(DEFAULT_GATES)
    assert gates["leaks"] == 0
    assert gates["hard_token_grounding"] == 1


@pytest.mark.parametrize("text", ["speed: 1", "leaks: none", "leaks: true", "[leaks]", "a: ["])
def test_a_file_of_gates_must_name_metrics_and_numbers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GoldenSetError, match=r"gates\.yaml"):
        load_gates(path)
