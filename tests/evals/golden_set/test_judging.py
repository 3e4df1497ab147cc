from typing import Any

import pytest

from evals.golden_set.cases import Case
from evals.golden_set.judging import Verdict, judge, judge_visibility
from tests.evals.golden_set.made_up import (
    NOW,
    SHOP,
    answer,
    case,
    nothing_found,
    page,
    refusal,
    source,
)


def verdict(one: Case, got: dict[str, Any]) -> Verdict:
    return judge(one, got, NOW)


def failed(one: Case, got: dict[str, Any]) -> list[str]:
    return [name for name, holds in verdict(one, got).checks.items() if holds is False]


def test_a_right_answer_passes() -> None:
    judged = verdict(case(), answer())
    assert judged.passed
    assert judged.notes == []
    assert (judged.citation_precision, judged.citation_recall) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("status", "outcome", "fits"),
    [
        ("answered", "answer", True),
        ("answered", "partial", False),
        ("partial", "partial", True),
        ("partial", "answer", False),
        ("clarify", "clarify", True),
        ("insufficient_evidence", "answer", False),
        ("declined", "clarify", False),
    ],
)
def test_the_status_must_be_the_expected_outcome(status: str, outcome: str, fits: bool) -> None:
    one = case(expect={"outcome": outcome})
    assert verdict(one, answer(status=status)).checks["outcome"] is fits


@pytest.mark.parametrize(
    ("reason", "status", "fits"),
    [
        ("not_found", "insufficient_evidence", True),
        ("not_found", "declined", False),
        ("not_found", "answered", False),
        ("not_permitted", "insufficient_evidence", True),
        ("not_permitted", "declined", False),
        ("no_live_source", "insufficient_evidence", True),
        ("write_request", "declined", True),
        ("write_request", "insufficient_evidence", True),
        ("out_of_scope", "declined", True),
        ("chit_chat", "declined", True),
        ("chit_chat", "clarify", False),
        ("ambiguous", "clarify", True),
    ],
)
def test_the_status_of_a_refusal_must_fit_its_reason(reason: str, status: str, fits: bool) -> None:
    got = nothing_found(status=status)
    assert verdict(refusal(reason), got).checks["outcome"] is fits


def test_a_hidden_thing_must_look_like_a_missing_one() -> None:
    hidden = refusal("not_permitted")
    assert failed(hidden, nothing_found()) == []
    told = nothing_found(answer="You do not have permission to see ghost.")
    assert failed(hidden, told) == ["looks_like_not_found"]
    assert verdict(refusal("not_found"), told).checks["looks_like_not_found"] is None


def test_what_the_asker_says_of_permissions_may_be_repeated() -> None:
    one = refusal("not_permitted", question="Which hidden things are there?")
    got = nothing_found(answer="I found nothing called “hidden”.")
    assert failed(one, got) == []


def test_a_fact_may_stand_in_a_cited_excerpt_and_in_other_case() -> None:
    one = case(also={"facts": ("Spec.Owner:  GROUP:default/team-shop", ("nobody", "Team"))})
    assert failed(one, answer()) == []


def test_a_fact_is_not_found_in_a_source_that_is_only_listed() -> None:
    one = case(also={"facts": ("platform",)})
    listed = source(2, excerpt="platform")
    assert failed(one, answer(sources=[source(), listed])) == ["facts"]


def test_escapes_quotes_and_line_breaks_do_not_hide_a_fact() -> None:
    one = case(also={"facts": ("run `kafka_ctl` now",)})
    text = "From **Shop**: [1]\n\n> run\n> \\`kafka\\_ctl\\` now"
    got = answer(answer=text, sources=[source(excerpt="run `kafka_ctl` now")])
    assert failed(one, got) == []


def test_forbidden_words_may_stand_nowhere_but_where_the_asker_put_them() -> None:
    bad = {"forbidden": ("team-legacy",)}
    got = answer(followUps=[{"kind": "ask", "label": "Ask", "question": "Who is Team-Legacy?"}])
    assert failed(case(also=bad), got) == ["forbidden"]
    assert failed(case(question="Does team-legacy own shop?", also=bad), got) == []


def test_ids_and_times_are_no_words_of_the_answer() -> None:
    one = case(also={"forbidden": ("01J0", "2026-06-09")})
    assert failed(one, answer()) == []


def test_the_required_source_must_be_cited() -> None:
    one = case(also={"required_sources": (f"docs:{SHOP}/runbook/rollback.md",)})
    assert failed(one, answer()) == ["required_source"]
    text = answer()["answer"] + " Read this [2]."
    got = answer(answer=text, sources=[source(), page(2)])
    assert failed(one, got) == []
    assert verdict(one, got).citation_precision == 0.5
    assert failed(one, answer(sources=[source(), page(2)])) == ["required_source"]


def test_of_alternative_sources_one_is_enough() -> None:
    either = (f"docs:{SHOP}/nowhere", f"catalog:{SHOP}")
    assert failed(case(also={"required_sources": (either,)}), answer()) == []


def test_a_forbidden_source_may_not_even_be_listed() -> None:
    one = case(also={"forbidden_sources": (f"docs:{SHOP}",)})
    judged = verdict(one, answer(sources=[source(), page(2)]))
    assert judged.checks["forbidden_source"] is False
    assert judged.leaks == ()
    hidden = one.model_copy(update={"tags": ("permission",)})
    assert verdict(hidden, answer(sources=[source(), page(2)])).leaks == (f"docs:{SHOP}",)


def test_a_source_that_the_portal_does_not_show_to_the_asker_is_a_leak() -> None:
    elsewhere = page(2, entityRef="component:eu/shop")
    got = answer(sources=[source(), elsewhere])
    judged = verdict(case(), got)
    judge_visibility(got, {"Component:default/shop"}, judged)
    assert judged.leaks == ("docs:component:eu/shop/runbook/rollback",)
    assert not judged.passed
    judged = verdict(case(), got)
    judge_visibility(got, {SHOP, "component:eu/shop"}, judged)
    assert (judged.leaks, judged.passed) == ((), True)


@pytest.mark.parametrize("status", ["clarify", "insufficient_evidence", "declined"])
def test_what_is_right_too_needs_no_facts_or_sources(status: str) -> None:
    either = case(also={"acceptable_outcomes": ("clarify", "refuse"), "min_confidence": "high"})
    judged = verdict(either, nothing_found(status=status, confidence=None))
    assert judged.passed
    assert judged.checks["required_source"] is None
    assert failed(either, answer(answer="It is [1].", sources=[source(excerpt="")])) == ["facts"]


def test_a_wrong_refusal_is_a_wrong_outcome_and_nothing_else() -> None:
    assert failed(case(), nothing_found()) == ["outcome"]


def test_a_forbidden_word_is_a_leak_only_where_permissions_are_the_matter() -> None:
    bad = {"forbidden": ("team-legacy",)}
    got = nothing_found(answer="I found nothing, but team-legacy.")
    assert verdict(refusal("not_permitted", also=bad), got).leaks == ("team-legacy",)
    assert verdict(refusal("not_found", also=bad), got).leaks == ()
    tagged = refusal("not_found", also=bad, tags=("permission",))
    assert verdict(tagged, got).leaks == ("team-legacy",)


@pytest.mark.parametrize(
    ("bounds", "level", "fits"),
    [
        ({"min_confidence": "medium"}, "high", True),
        ({"min_confidence": "medium"}, "medium", True),
        ({"min_confidence": "medium"}, "low", False),
        ({"min_confidence": "low"}, None, False),
        ({"max_confidence": "medium"}, "high", False),
        ({"max_confidence": "medium"}, "low", True),
        ({"max_confidence": "low"}, None, True),
    ],
)
def test_confidence_has_bounds(bounds: dict[str, str], level: str | None, fits: bool) -> None:
    confidence = {"level": level, "reasons": []} if level else None
    got = answer(confidence=confidence)
    assert verdict(case(also=bounds), got).checks["confidence"] is fits


def test_live_data_must_come_from_a_live_system() -> None:
    live = [{"source": "pagerduty", "state": "ok", "tookMs": 3}]
    on_call = source(kind="pagerduty")
    required, never = {"live_data": "required"}, {"live_data": "forbidden"}
    assert failed(case(also=required), answer()) == ["live_data"]
    assert failed(refusal("no_live_source", also=required), nothing_found()) == []
    got = answer(sources=[on_call], consulted=live)
    one = case(expect={"outcome": "answer"} | required)
    assert failed(one, got) == []
    assert failed(one, got | {"consulted": []}) == ["live_data"]
    assert failed(case(expect={"outcome": "answer"} | never), got) == ["live_data"]


def test_a_source_may_not_be_older_than_allowed() -> None:
    assert failed(case(also={"max_age_seconds": 5}), answer()) == []
    assert failed(case(also={"max_age_seconds": 2}), answer()) == ["freshness"]


def test_numbers_that_are_no_sources_and_answers_without_citations_fail() -> None:
    assert failed(case(), answer(answer=answer()["answer"] + " [7]")) == ["citations"]
    naked = answer(answer="Somebody does.")
    assert "citations" in failed(case(expect={"outcome": "answer"}), naked)


def test_what_no_cited_source_holds_is_not_grounded() -> None:
    got = answer(answer=answer()["answer"] + " It has 17 members [1].")
    judged = verdict(case(), got)
    assert judged.checks["grounding"] is False
    assert judged.ungrounded == ("17",)
    assert verdict(refusal("not_found"), nothing_found()).checks["grounding"] is None
