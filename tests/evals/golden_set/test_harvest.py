import json
import secrets
from pathlib import Path

import pytest

from evals.golden_set.cases import GoldenSetError, load_cases
from evals.golden_set.harvest import drafts, format_drafts, read_feedback
from evals.golden_set.linting import lint
from tests.evals.golden_set.made_up import SHOP


def line(**changed: object) -> str:
    given = {
        "question": "Who owns shop?",
        "entityRef": SHOP,
        "asker": "user:default/alice",
        "answerId": "01J0",
        "rating": "down",
        "comment": "It moved.",
        "status": "answered",
        "sources": [{"kind": "catalog", "entityRef": SHOP, "url": "https://p.example", "id": 1}],
        "time": "2026-06-09T14:05:00Z",
    }
    return json.dumps({key: value for key, value in (given | changed).items() if value is not None})


def written(folder: Path, *lines: str) -> Path:
    path = folder / "feedback.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_disliked_answer_becomes_a_draft_that_is_a_valid_case(tmp_path: Path) -> None:
    rows = drafts(read_feedback(written(tmp_path, line(), "", line(rating="up", question="x"))))
    file = tmp_path / "drafts.yaml"
    file.write_text(format_drafts(rows), encoding="utf-8")
    (case,) = load_cases([file])
    assert (case.question, case.asker, case.entity_ref) == (
        "Who owns shop?",
        "user:default/alice",
        SHOP,
    )
    assert case.provenance["got"] == "answered"
    assert case.provenance["shown"] == [f"catalog {SHOP} https://p.example"]
    assert any("still a draft" in problem for problem in lint([case], None))


def test_the_same_question_is_one_draft_with_votes(tmp_path: Path) -> None:
    lines = [line(), line(question="who owns  SHOP?"), line(asker=None, entityRef=None)]
    rows = list(drafts(read_feedback(written(tmp_path, *lines))))
    assert [row["provenance"]["votes"] for row in rows] == [2, 1]
    assert "asker" not in rows[1]


def test_a_draft_has_the_same_id_each_time(tmp_path: Path) -> None:
    path = written(tmp_path, line())
    assert list(drafts(read_feedback(path))) == list(drafts(read_feedback(path)))


def test_secrets_do_not_get_into_a_draft(tmp_path: Path) -> None:
    secret = "gh" + "p_" + secrets.token_hex(18)
    lines = line(question=f"Why is {secret} refused?", comment=f"{secret}!")
    text = format_drafts(drafts(read_feedback(written(tmp_path, lines))))
    assert secret not in text
    assert "redacted" in text


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ("{", "line 2: line"),
        (line(rating="sideways"), "line 2: rating"),
        (line(answerId=None), "line 2: answerId"),
        (line(entityRef="shop"), "line 2: entityRef"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, bad: str, named: str) -> None:
    with pytest.raises(GoldenSetError, match=named):
        read_feedback(written(tmp_path, line(), bad))


def test_no_dislikes_are_an_empty_set(tmp_path: Path) -> None:
    text = format_drafts(drafts(read_feedback(written(tmp_path, line(rating="up")))))
    assert text.endswith("[]\n")
    with pytest.raises(GoldenSetError, match="cannot be read"):
        read_feedback(tmp_path / "nothing")
