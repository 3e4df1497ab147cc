import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.calibrating.answerability import (
    DataMissingError,
    index_passages,
    judge_answerability,
    read_passages,
    read_questions,
)
from evals.cli import main
from evals.metrics.calibration import auroc
from tests.fakes.embedding import HashingEmbedder

EMBEDDER = HashingEmbedder()
TOPICS = [f"{word}{number}" for number in range(10) for word in ("broker", "basket", "invoice")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Every question has two words; those of the answerable stand together in a passage."""
    folder = tmp_path / "mtragun-ibmcloud"
    folder.mkdir()
    passages = [
        {"id": str(n), "title": "Page" if n % 2 else "", "text": f"{topic} needs {topic}care"}
        for n, topic in enumerate(TOPICS)
    ]
    questions = [
        {
            "id": f"{topic}-{label}",
            "text": f"{topic} {topic}care" if label == "ANSWERABLE" else f"zeppelin {topic}fly",
            "history": [{"speaker": "user", "text": "hello"}, {"speaker": "agent", "text": "yes"}],
            "answerability": label,
        }
        for topic in TOPICS
        for label in ("ANSWERABLE", "UNANSWERABLE", "UNDERSPECIFIED")
    ]
    for name, rows in (("corpus", passages), ("queries", questions)):
        text = "\n".join(map(json.dumps, rows))
        (folder / f"{name}.jsonl").write_text(text)
    return tmp_path


async def test_questions_that_passages_answer_get_the_higher_chances(
    data: Path, tmp_path: Path
) -> None:
    folder = data / "mtragun-ibmcloud"
    questions = read_questions(folder)
    assert len(questions) == 60
    assert questions[0].worded("with_previous_turn") == f"hello {questions[0].text}"
    index = tmp_path / "index"
    await index_passages(read_passages(folder), index, EMBEDDER, lambda: datetime.now(UTC))
    found = await judge_answerability(questions, "last_turn", index, EMBEDDER)
    assert auroc(*found) == 1.0


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="PORTAL_RAG_EVAL_DATA"):
        read_questions(tmp_path)


def test_the_commands_say_which_variable_names_the_data() -> None:
    ended = CliRunner().invoke(main, ["answerability"], env={"PORTAL_RAG_EVAL_DATA": None})
    assert ended.exit_code == 2
    assert "Set PORTAL_RAG_EVAL_DATA" in ended.output
