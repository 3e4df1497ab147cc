from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.cli import main
from evals.golden_set.cases import GoldenSetError
from evals.intents import (
    Judged,
    Labelled,
    judge,
    judge_examples,
    load_labelled,
    summary,
)
from portal_rag.understanding.examples import Example
from tests.fakes.embedding import HashingEmbedder

ROWS = """
- {text: who owns seat-map, intent: ownership, on_page: false}
- {text: purple lamp of the zoo, intent: team}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "rows.yaml").write_text(text, encoding="utf-8")
    return folder / "rows.yaml"


def test_counts_are_printed_and_texts_are_not(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["intents", str(write(tmp_path, ROWS)), "--words-only"])
    assert shown.exit_code == 0
    assert "accuracy 0.500 [0.095, 0.905], 1 of 2 right" in shown.output
    assert "    1  team read as description" in shown.output
    assert "ms beside the embedding: median" in shown.output
    assert "purple" not in shown.output


def test_misread_questions_are_printed_on_request(tmp_path: Path) -> None:
    path = str(write(tmp_path, ROWS))
    shown = CliRunner().invoke(main, ["intents", path, "--words-only", "--show"])
    assert "team read as description: purple lamp of the zoo" in shown.output


def test_cases_of_a_golden_set_count_if_they_stand_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "- {question: who owns it, intent: ownership, history: []}\n"
        "- {question: and the other one, intent: team, history: [{role: user, content: hi}]}\n"
        "- {question: who owns it, intent: ownership, asker: null}\n",
    )
    assert load_labelled(path) == (Labelled("who owns it", "ownership"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "must be a list of rows"),
        ("[1]", "row 1 has no text"),
        ("[{text: a, intent: team}, {text: b, intent: teams}]", "row 2 has no intent, or one"),
        ("[", "cannot be read"),
    ],
)
def test_a_file_without_labelled_questions_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(GoldenSetError, match=problem):
        load_labelled(write(tmp_path, text))


def test_bad_input_ends_with_a_message_and_code_2(tmp_path: Path) -> None:
    empty = write(tmp_path, "[]")
    shown = CliRunner().invoke(main, ["intents", str(empty), "--words-only"])
    assert (shown.exit_code, "has no questions" in shown.output) == (2, True)
    (tmp_path / "examples.yaml").write_text("nonsense: [a]", encoding="utf-8")
    options = ["--examples", str(tmp_path / "examples.yaml")]
    shown = CliRunner().invoke(main, ["intents", str(empty), *options])
    assert (shown.exit_code, "'nonsense' is not an intent" in shown.output) == (2, True)


def test_what_was_misread_most_comes_first() -> None:
    rows = [Judged(Labelled("a", "team"), "team", 1.0)]
    rows += [Judged(Labelled("b", "apis"), "links", 2.0)]
    rows += [Judged(Labelled("c", "write"), "team", 3.0)] * 2
    assert list(summary(rows, show=False))[1:] == [
        "    2  write read as team",
        "    1  apis read as links",
        "ms beside the embedding: median 2.50, worst 3.00",
    ]


def test_examples_are_read_by_the_other_ones() -> None:
    examples = [Example(f"purple lamp {number} of <x>", "team") for number in range(10)]
    examples += [Example(f"velvet chair {number}", "apis") for number in range(10)]
    judged = judge_examples(examples, HashingEmbedder(512))
    assert len(judged) == len(examples)
    assert all(each.read == each.labelled.intent for each in judged)


def test_each_question_is_judged_by_what_it_was_read_as() -> None:
    [judged] = judge([Labelled("a", "team")], lambda _: "apis")
    assert (judged.labelled.intent, judged.read) == ("team", "apis")


@pytest.mark.model
def test_the_shipped_examples_read_questions_and_can_be_embedded_again(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["intents", str(write(tmp_path, ROWS))])
    assert shown.exit_code == 0
    assert "of 2 right" in shown.output
