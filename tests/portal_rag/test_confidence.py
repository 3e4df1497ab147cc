from dataclasses import replace
from datetime import timedelta

from portal_rag.confidence import assess, warn
from portal_rag.domain import Consulted, Draft, Evidence, Fact, Mention, Source, Statement, Status
from tests.factories import NOW, make_entity, make_passage, make_source

SHOP = make_entity("component:default/shop")


def drafted(*sources: Source, status: Status = "answered") -> Draft:
    return Draft(status=status, statements=(Statement(text="x", citations=(1,)),), sources=sources)


def make_fact(source: Source) -> Fact:
    return Fact(topic="owner", subject=SHOP, mentions=(Mention(label="Web"),), source=source)


def level(draft: Draft, evidence: Evidence) -> str | None:
    confidence = assess(draft, evidence, NOW)
    return confidence.level if confidence else None


def test_an_exact_fact_is_trusted_and_its_age_is_said() -> None:
    source = make_source(fetched_at=NOW - timedelta(seconds=3))
    confidence = assess(drafted(source), Evidence(facts=(make_fact(source),)), NOW)
    assert confidence is not None
    assert confidence.level == "high"
    assert confidence.reasons == ("exact catalog fact, fetched 3 s ago",)


def test_a_document_alone_is_never_trusted_highly() -> None:
    strong = make_passage(similarity=0.9)
    assert level(drafted(strong.source), Evidence(passages=(strong,))) == "medium"


def test_a_document_that_fits_loosely_is_trusted_little() -> None:
    for passage in (make_passage(similarity=0.45), make_passage(similarity=0.9, in_lexical=False)):
        assert level(drafted(passage.source), Evidence(passages=(passage,))) == "low"


def test_a_document_of_the_entity_asked_about_need_not_fit_as_well() -> None:
    own = make_passage(similarity=0.45, is_about_subject=True)
    assert level(drafted(own.source), Evidence(passages=(own,))) == "medium"


def test_words_that_were_not_understood_lower_the_confidence() -> None:
    source = make_source()
    draft = replace(drafted(source), unread=("March",))
    confidence = assess(draft, Evidence(facts=(make_fact(source),)), NOW)
    assert confidence is not None
    assert confidence.level == "medium"
    assert "not taken into account: March" in confidence.reasons


def test_an_old_source_lowers_the_confidence_and_is_warned_about() -> None:
    old = make_source(stale=True, modified_at=NOW - timedelta(days=427))
    evidence = Evidence(facts=(make_fact(old),))
    assert level(drafted(old), evidence) == "medium"
    warning = warn(drafted(old), evidence, NOW)[0]
    assert (warning.code, warning.source_ids) == ("stale_source", (1,))
    assert warning.message == "shop > Runbook was last changed or reviewed 14 months ago."


def test_a_source_that_failed_lowers_the_confidence_and_is_warned_about() -> None:
    source = make_source()
    down = Consulted(source="index", state="unavailable", took_ms=3000)
    evidence = Evidence(facts=(make_fact(source),), consulted=(down,))
    assert level(drafted(source), evidence) == "medium"
    assert [warning.code for warning in warn(drafted(source), evidence, NOW)] == [
        "source_unavailable"
    ]


def test_half_an_answer_is_not_trusted_highly() -> None:
    source = make_source()
    evidence = Evidence(facts=(make_fact(source),))
    assert level(drafted(source, status="partial"), evidence) == "medium"
    assert level(drafted(source, status="insufficient_evidence"), evidence) == "low"


def test_nothing_found_is_trusted_little() -> None:
    assert level(drafted(status="insufficient_evidence"), Evidence()) == "low"


def test_answers_that_claim_nothing_carry_no_confidence() -> None:
    assert level(drafted(status="clarify"), Evidence()) is None
    assert level(drafted(status="declined"), Evidence()) is None
