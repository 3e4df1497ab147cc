from datetime import UTC, datetime
from pathlib import Path

import pytest

from evals.calibrating.docs_questions import load_docs_questions
from evals.calibrating.labels import Label, labels_of
from evals.calibrating.paraphrasing import paraphrases
from evals.golden_set.asking import Asked
from evals.golden_set.cases import Case, Expectation, GoldenSetError
from evals.golden_set.records import CaseRecord, Understood, record_case, skip_case
from tests.evals.golden_set import made_up

OWNER_CASE = Case(
    id="own-1",
    question="Who owns Cart Service?",
    expect=Expectation(outcome="answer", required_sources=("catalog:component:default/cart",)),
)
NO_SUCH = Case(id="own-2", question="who owns nosuch", expect=Expectation(outcome="refuse"))
DOCUMENT = Understood(
    intents=("how_to",), entities=(), judged_as="document", judged_by={"similarity": 0.5}
)


def recorded(case: Case, status: str, understood: Understood | None) -> CaseRecord:
    answer = {
        "id": "1",
        "status": status,
        "answer": "x",
        "sources": [made_up.source()] if status == "answered" else [],
        "consulted": [],
        "followUps": [],
        "warnings": [],
    }
    asked = Asked(answer=answer, problem="", seconds=0.1, at=datetime(2026, 1, 1, tzinfo=UTC))
    return record_case(case, asked, understood)


def labelled(*records: CaseRecord) -> list[Label]:
    return list(labels_of(records))


def test_an_answer_is_labelled_by_whether_it_was_right() -> None:
    nothing = replace_kind("nothing")
    right, wrong = labelled(
        recorded(NO_SUCH, "insufficient_evidence", nothing),
        recorded(OWNER_CASE, "answered", DOCUMENT),
    )
    assert (right.right, right.kind, right.refusing_is_right) == (True, "nothing", True)
    assert (wrong.right, wrong.features, wrong.refusing_is_right) == (
        False,
        {"similarity": 0.5},
        False,
    )


def replace_kind(kind: str) -> Understood:
    return DOCUMENT.model_copy(update={"judged_as": kind, "judged_by": {}})


def test_an_answer_that_was_not_given_for_being_too_uncertain_is_no_label() -> None:
    assert labelled(recorded(OWNER_CASE, "insufficient_evidence", DOCUMENT)) == []


@pytest.mark.parametrize(
    "understood",
    [None, replace_kind("document"), replace_kind("something else")],
)
def test_what_was_not_judged_is_no_label(understood: Understood | None) -> None:
    assert labelled(recorded(NO_SUCH, "insufficient_evidence", understood)) == []
    assert labelled(skip_case(NO_SUCH, "nobody")) == []


def test_a_case_in_other_words_is_of_the_same_group() -> None:
    wordings = list(paraphrases(OWNER_CASE))
    assert [case.id for case in wordings] == ["own-1.plain", "own-1.polite", "own-1.reworded"]
    assert [case.question for case in wordings] == [
        "who owns Cart Service",
        "Hi! Could you help me with this, please: Who owns Cart Service?",
        "Who is responsible for Cart Service?",
    ]
    records = [recorded(case, "answered", DOCUMENT) for case in (OWNER_CASE, *wordings)]
    assert {label.group for label in labelled(*records)} == {OWNER_CASE.cluster}


def test_a_wording_that_changes_nothing_is_left_out() -> None:
    asked = NO_SUCH.model_copy(update={"question": "runbook of kafka"})
    assert [case.id for case in paraphrases(asked)] == ["own-2.polite"]


def test_questions_over_documentation_want_one_of_their_pages_cited(tmp_path: Path) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text(
        "- {id: q-1, question: 'How?', pages: [docs/a/b.md, docs/c.md], answerable: true}\n"
        "- {id: q-2, question: 'Why?', pages: [], answerable: false}\n"
    )
    answerable, other = load_docs_questions(file)
    assert answerable.expect.required_sources == (
        ("docs:component:default/backstage/a/b.md", "docs:component:default/backstage/c.md"),
    )
    assert answerable.expect.outcomes == ("answer", "partial")
    assert other.expect.outcomes == ("refuse",)


@pytest.mark.parametrize("text", ["- {id: q-1}", "a: [", "just words"])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text(text)
    with pytest.raises(GoldenSetError, match=r"questions\.yaml"):
        load_docs_questions(file)
