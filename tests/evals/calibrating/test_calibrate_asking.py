import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.cli import main

pytestmark = pytest.mark.model

QUESTIONS = """
- {id: q-1, question: "How are brokers drained?", pages: [docs/a.md], answerable: true}
"""
BACKSTAGE = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "backstage"},
    "spec": {"type": "service", "owner": "group:default/x", "lifecycle": "production"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    docs, passages = tmp_path / "backstage-docs", tmp_path / "mtragun-ibmcloud"
    docs.mkdir()
    passages.mkdir()
    page = {"id": "docs/a.md", "title": "Brokers", "text": "Brokers are drained by hand."}
    (docs / "corpus.jsonl").write_text(json.dumps(page))
    (docs / "catalog_entities.jsonl").write_text(json.dumps(BACKSTAGE))
    (passages / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"id": str(n), "title": "", "text": f"p{n} q{n}"}) for n in range(30))
    )
    questions = [
        {"id": f"{n}-{k}", "text": f"{k}{n}", "history": [], "answerability": label}
        for n in range(30)
        for k, label in (("p", "ANSWERABLE"), ("z", "UNANSWERABLE"))
    ]
    (passages / "queries.jsonl").write_text("\n".join(map(json.dumps, questions)))
    return tmp_path


def test_questions_are_asked_and_too_few_of_them_teach_nothing(folder: Path) -> None:
    words = ["--docs-questions", folder / "questions.yaml", "--data", folder]
    words += ["--work", folder / "work", "--out", folder / "out.json"]
    ended = CliRunner().invoke(main, ["calibrate", *map(str, words)])
    assert ended.exit_code == 2, ended.output
    assert "are too few to learn from" in ended.output
    (over_docs,) = (folder / "work" / "docs" / "audit.jsonl").read_text().splitlines()
    assert json.loads(over_docs)["judgedAs"] == "document"


def test_answerability_is_measured_in_both_wordings(folder: Path) -> None:
    ended = CliRunner().invoke(main, ["answerability", "--data", str(folder)])
    assert ended.exit_code == 0, ended.output
    assert "last turn: 60 labels, 50.0% right" in ended.output
    assert "with previous turn: 60 labels" in ended.output
