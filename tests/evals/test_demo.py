from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.demo import Case, cases, main, problems
from evals.renaming import Renaming

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-portal"
CASE = Case(
    question="Who owns shop?", status="answered", facts=("team-web | team-shop",), source="/shop"
)
RIGHT = {"status": "answered", "answer": "team-shop", "sources": [{"url": "https://x/shop"}]}


def test_a_right_answer_has_no_problem() -> None:
    assert list(problems(CASE, RIGHT)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "partial"},
        {"answer": "nobody"},
        {"sources": []},
    ],
)
def test_each_way_of_being_wrong_is_noticed(wrong: dict[str, object]) -> None:
    assert len(list(problems(CASE, RIGHT | wrong))) == 1


def test_the_questions_follow_a_renaming() -> None:
    renaming = Renaming(names={"notification-service": "amber-anvil"}, titles={})
    assert "Who owns amber-anvil?" in [case.question for case in cases(renaming)]


@pytest.mark.model
@pytest.mark.parametrize("words", [[], ["--renamed"]], ids=["as it is", "renamed"])
def test_the_demonstration_answers_its_eight_questions(words: list[str]) -> None:
    shown = CliRunner().invoke(main, [*words, str(EXAMPLE)])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("status ") == 8
