from pathlib import Path
from typing import Any

import pytest

from evals.golden_set.cases import Case
from evals.golden_set.linting import lint, read_corpus
from tests.evals.golden_set.made_up import SHOP, case, refusal

CATALOG = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  annotations: {{backstage.io/techdocs-ref: "dir:./{name}"}}
spec: {{type: service, owner: group:default/team-shop, lifecycle: production}}
"""


def problems(*cases: Case) -> list[str]:
    return list(lint(cases, None))


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    for name in ("shop", "till", "cart", "bank"):
        (tmp_path / f"{name}.yaml").write_text(CATALOG.format(name=name), encoding="utf-8")
        docs = tmp_path / name / "docs"
        docs.mkdir(parents=True)
        (tmp_path / name / "mkdocs.yml").write_text(f"site_name: {name}\n", encoding="utf-8")
        (docs / "index.md").write_text(f"# {name}\n\nWhat it is.\n", encoding="utf-8")
    return tmp_path


def test_good_cases_have_no_problem() -> None:
    assert problems(case(), refusal("not_found", id="none-1")) == []


@pytest.mark.parametrize(
    ("expect", "named"),
    [
        ({"outcome": "refuse"}, "needs refusal_reason"),
        ({"outcome": "refuse", "refusal_reason": "not_found", "facts": ("x",)}, "has no facts"),
        ({"outcome": "answer"}, "needs facts"),
        ({"outcome": "answer", "facts": ("x",), "refusal_reason": "not_found"}, "is for refusals"),
        ({"outcome": "answer", "facts": ("owns shop",)}, "the question says the fact"),
        ({"outcome": "answer", "facts": ("team",), "forbidden": ("team",)}, "is forbidden, too"),
        (
            {
                "outcome": "answer",
                "facts": ("x",),
                "min_confidence": "high",
                "max_confidence": "low",
            },
            "above max_confidence",
        ),
        (
            {"outcome": "answer", "facts": ("x",), "live_data": "required"},
            "expect partial or refuse",
        ),
    ],
)
def test_expectations_must_make_sense(expect: dict[str, Any], named: str) -> None:
    (problem,) = problems(case(expect=expect))
    assert problem.startswith("own-1: ")
    assert named in problem


def test_an_answer_that_there_is_nothing_may_have_no_facts() -> None:
    assert problems(case(expect={"outcome": "answer", "forbidden": ("Platform Team",)})) == []


def test_an_ambiguous_name_may_be_a_reason_to_ask_back() -> None:
    assert problems(case(expect={"outcome": "clarify", "refusal_reason": "ambiguous"})) == []


def test_drafts_and_cases_without_tags_are_not_ready() -> None:
    assert "still a draft" in problems(case(tags=("draft",)))[0]
    assert "no tags" in problems(case(tags=()))[0]


def test_the_same_question_of_the_same_user_is_asked_once() -> None:
    assert "own-1 asks the same" in problems(case(), case(id="own-2", question="who owns SHOP?"))[0]
    assert problems(case(), case(id="own-2", asker="user:default/bob")) == []


def test_a_large_set_needs_enough_that_must_be_refused() -> None:
    easy = [case(id=f"own-{n}", asker=f"user:default/u{n}") for n in range(20)]
    assert "only 0 of 20" in problems(*easy)[0]
    hard = [refusal("not_found", id=f"no-{n}", asker=f"user:default/u{n}") for n in range(11)]
    assert problems(*easy, *hard) == []


def test_sources_must_exist_in_the_portal(portal: Path) -> None:
    corpus = read_corpus(portal)
    there = {
        "outcome": "answer",
        "facts": ("x",),
        "required_sources": (f"catalog:{SHOP}", (f"docs:{SHOP}/index.md", f"docs:{SHOP}")),
    }
    assert list(lint([case(expect=there)], corpus)) == []
    gone = there | {"forbidden_sources": (f"docs:{SHOP}/gone", "catalog:component:default/gone")}
    assert list(lint([case(expect=gone)], corpus)) == [
        f"own-1: the portal has no docs:{SHOP}/gone",
        "own-1: the portal has no catalog:component:default/gone",
    ]


def test_questions_that_differ_in_the_name_alone_are_one_template(portal: Path) -> None:
    asked = [
        case(id=name, question=f"Who owns {name}?", expect={"outcome": "answer", "facts": ("x",)})
        for name in ("shop", "till", "cart", "bank")
    ]
    (problem,) = lint(asked, read_corpus(portal))
    assert problem.startswith("4 questions are “who owns <name>?”")
    assert list(lint(asked[1:], read_corpus(portal))) == []
