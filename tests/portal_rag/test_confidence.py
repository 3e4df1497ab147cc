from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.confidence import assess, features_of, is_too_uncertain, warn
from portal_rag.confidence.calibration import Calibration
from portal_rag.domain import (
    Confidence,
    Consulted,
    Draft,
    Evidence,
    Fact,
    Mention,
    Passage,
    Query,
    Source,
    Statement,
    Status,
)
from tests.factories import NOW, make_entity, make_passage, make_question, make_source
from tests.portal_rag.calibrating import SIGNALS, make_calibration

SHOP = make_entity("component:default/shop")
QUERY = Query(
    question=make_question("How do I drain the broker?"),
    intent="how_to",
    purpose="documents",
    topics=(),
    document_kinds=frozenset(),
    subjects=(),
)
SURE = make_calibration(intercept=3.0)
UNSURE = make_calibration(intercept=0.2)
DOUBTFUL = make_calibration(intercept=-2.0)


def drafted(*sources: Source, status: Status = "answered") -> Draft:
    return Draft(status=status, statements=(Statement(text="x", citations=(1,)),), sources=sources)


def make_fact(source: Source) -> Fact:
    return Fact(topic="owner", subject=SHOP, mentions=(Mention(label="Web"),), source=source)


def documented(*passages: Passage) -> tuple[Draft, Evidence]:
    draft = drafted(*(passage.source for passage in passages))
    return draft, Evidence(passages=passages, signals=SIGNALS)


def assessed(
    draft: Draft,
    evidence: Evidence,
    calibration: Calibration | None = None,
    query: Query = QUERY,
) -> Confidence:
    confidence = assess(query, draft, evidence, calibration, NOW)
    assert confidence is not None
    return confidence


def level(draft: Draft, evidence: Evidence, calibration: Calibration | None = None) -> str:
    return assessed(draft, evidence, calibration).level


def test_an_exact_fact_is_trusted_and_its_age_is_said() -> None:
    source = make_source(fetched_at=NOW - timedelta(seconds=3))
    confidence = assessed(drafted(source), Evidence(facts=(make_fact(source),)))
    assert confidence.level == "high"
    assert confidence.reasons == ("exact catalog fact, fetched 3 s ago",)
    assert confidence.probability is None


def test_a_document_of_an_index_that_is_not_calibrated_is_never_trusted_highly() -> None:
    confidence = assessed(*documented(make_passage(similarity=0.9)))
    assert (confidence.level, confidence.probability) == ("medium", None)
    assert "the index is not calibrated" in confidence.reasons[0]


def test_a_document_that_fits_loosely_is_trusted_little() -> None:
    for passage in (make_passage(similarity=0.45), make_passage(similarity=0.9, in_lexical=False)):
        confidence = assessed(*documented(passage))
        assert confidence.level == "low"
        assert "the index is not calibrated" in confidence.reasons[0]


def test_a_document_of_the_entity_asked_about_need_not_fit_as_well() -> None:
    own = make_passage(similarity=0.45, is_about_subject=True)
    assert level(*documented(own)) == "medium"


def test_a_calibrated_document_answer_says_how_often_such_answers_are_right() -> None:
    confidence = assessed(*documented(make_passage()), SURE)
    assert confidence.level == "high"
    assert confidence.probability == pytest.approx(0.9526, abs=1e-4)
    assert confidence.reasons == (
        "of 100 answers from documents like this one, about 95 are right",
    )


def test_what_was_measured_decides_the_level() -> None:
    answer = documented(make_passage())
    assert level(*answer, SURE) == "high"
    assert level(*answer, replace(SURE, high=0.99)) == "medium"
    assert level(*answer, replace(SURE, high=None, medium=None)) == "low"


def test_an_answer_more_likely_wrong_than_right_is_better_not_given() -> None:
    answer = documented(make_passage())
    assert is_too_uncertain(QUERY, *answer, DOUBTFUL)
    assert not is_too_uncertain(QUERY, *answer, UNSURE)
    assert not is_too_uncertain(QUERY, *answer, None)
    fact = make_source()
    assert not is_too_uncertain(QUERY, drafted(fact), Evidence(facts=(make_fact(fact),)), DOUBTFUL)


def test_without_signals_a_document_counts_as_not_calibrated() -> None:
    draft, evidence = documented(make_passage())
    confidence = assessed(draft, replace(evidence, signals=None), SURE)
    assert (confidence.level, confidence.probability) == ("medium", None)
    assert "not calibrated" in confidence.reasons[0]


def test_documents_that_only_one_search_found_are_not_trusted_highly() -> None:
    by_meaning = make_passage(in_lexical=False)
    by_words = make_passage("Restart it.", similarity=None)
    confidence = assessed(*documented(by_meaning, by_words), SURE)
    assert confidence.level == "medium"
    assert "no document was found both by its words and by its meaning" in confidence.reasons
    assert level(*documented(by_meaning, make_passage()), SURE) == "high"


@pytest.mark.parametrize(
    ("status", "unknown_name", "chance"),
    [("insufficient_evidence", None, 0.6), ("insufficient_evidence", "nosuch", 0.9)],
)
def test_refusals_carry_the_chance_that_refusing_was_right(
    status: Status, unknown_name: str | None, chance: float
) -> None:
    query = replace(QUERY, unknown_name=unknown_name)
    confidence = assessed(drafted(status=status), Evidence(), SURE, query)
    assert (confidence.level, confidence.probability) == ("low", chance)


def test_an_answer_set_aside_carries_the_chance_that_setting_aside_was_right() -> None:
    refused = drafted(status="insufficient_evidence")
    assert assessed(refused, Evidence(set_aside=3), SURE).probability == 0.7


def test_facts_carry_the_share_of_their_kind_that_was_right() -> None:
    source = make_source()
    evidence = Evidence(facts=(make_fact(source),))
    assert assessed(drafted(source), evidence, SURE).probability == 0.98
    assert assessed(drafted(source, status="partial"), evidence, SURE).probability == 0.8


def test_a_kind_of_answer_that_was_never_measured_has_no_probability() -> None:
    source = make_source()
    nothing_known = replace(SURE, constants={})
    confidence = assessed(drafted(source), Evidence(facts=(make_fact(source),)), nothing_known)
    assert (confidence.level, confidence.probability) == ("high", None)


def test_words_that_were_not_understood_lower_the_confidence() -> None:
    source = make_source()
    draft = replace(drafted(source), unread=("March",))
    confidence = assessed(draft, Evidence(facts=(make_fact(source),)))
    assert confidence.level == "medium"
    assert "not taken into account: March" in confidence.reasons


def test_a_statement_that_its_source_did_not_carry_lowers_the_confidence() -> None:
    source = make_source()
    draft = replace(drafted(source), dropped=1)
    confidence = assessed(draft, Evidence(facts=(make_fact(source),)))
    assert confidence.level == "medium"
    assert "a statement was left out, for its source did not carry it" in confidence.reasons


def test_a_source_that_failed_lowers_the_confidence_and_is_warned_about() -> None:
    source = make_source()
    down = Consulted(source="index", state="unavailable", took_ms=3000)
    evidence = Evidence(facts=(make_fact(source),), consulted=(down,))
    assert level(drafted(source), evidence) == "medium"
    codes = [warning.code for warning in warn(QUERY, drafted(source), evidence, NOW)]
    assert codes == ["source_unavailable"]


def test_half_an_answer_is_not_trusted_highly() -> None:
    source = make_source()
    evidence = Evidence(facts=(make_fact(source),))
    assert level(drafted(source, status="partial"), evidence) == "medium"
    assert level(drafted(source, status="insufficient_evidence"), evidence) == "low"


def test_nothing_found_is_trusted_little() -> None:
    assert level(drafted(status="insufficient_evidence"), Evidence()) == "low"


@pytest.mark.parametrize("status", ["clarify", "declined"])
def test_answers_that_claim_nothing_carry_no_confidence(status: Status) -> None:
    assert assess(QUERY, drafted(status=status), Evidence(), SURE, NOW) is None


def test_features_are_figures_of_answers_from_documents_alone() -> None:
    source = make_source()
    assert features_of(QUERY, drafted(source), Evidence(facts=(make_fact(source),))) == {}
    values = features_of(QUERY, *documented(make_passage(is_about_subject=True), make_passage("b")))
    assert values["about_subject"] == 0.5
    assert values["similarity"] == SIGNALS.similarity


@given(similarity=st.floats(0, 1), further=st.floats(0, 1))
def test_a_feature_with_a_positive_weight_never_lowers_the_probability(
    similarity: float, further: float
) -> None:
    lower, higher = sorted((similarity, further))
    calibration = make_calibration(weight=1.5)
    draft, evidence = documented(make_passage())
    chances = [
        assessed(
            draft, replace(evidence, signals=replace(SIGNALS, similarity=value)), calibration
        ).probability
        for value in (lower, higher)
    ]
    assert chances[0] is not None
    assert chances[1] is not None
    assert chances[0] <= chances[1]
