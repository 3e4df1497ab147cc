import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evals.cli import main
from evals.golden_set.records import CaseRecord, Understood, record_case, write_record
from portal_rag.confidence.calibration import load_calibration
from tests.evals.golden_set.made_up import answer, asked, case, nothing_found, refusal, run_of

INDEX = {"embedding_fingerprint": "hashing@64", "schema_version": 3, "chunking_version": 1}


def judged(kind: str, near: float | None = None) -> Understood:
    features = {} if near is None else {"similarity": near, "terms": 4.0}
    return Understood(intents=(), entities=(), judged_as=kind, judged_by=features)


def records() -> list[CaseRecord]:
    """Answers from documents are right where they are near, and two in ten others."""
    documents = [
        record_case(
            case(id=f"doc-{n}", also={"required_sources": (), "facts": ()})
            if right
            else case(
                id=f"doc-{n}", also={"required_sources": (f"catalog:component:default/c{n}",)}
            ),
            asked(answer()),
            judged("document", n / 100),
        )
        for n in range(100)
        for right in [n > 60 or n % 5 == 0]
    ]
    refusals = [
        record_case(
            refusal("not_found", id=f"none-{n}"), asked(nothing_found()), judged("unknown_name")
        )
        for n in range(10)
    ]
    return documents + refusals


def write_run(path: Path, **fingerprints: Any) -> Path:
    write_record(run_of(*records(), fingerprints=fingerprints), path)
    return path


def calibrating(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, words)])


def test_a_run_becomes_a_calibration_and_a_report(tmp_path: Path) -> None:
    run, out = write_run(tmp_path / "run.json", index=INDEX), tmp_path / "new" / "calibration.json"
    figures = tmp_path / "report.json"
    ended = calibrating("--run", run, "--out", out, "--report", figures)
    assert ended.exit_code == 0, ended.output
    calibration = load_calibration(out)
    assert (calibration.labels, calibration.index.chunking) == (110, 1)
    assert calibration.documents.features == ("similarity",)
    assert calibration.documents.weights[0] > 0
    assert calibration.constants["unknown_name"] > 0.7
    written = json.loads(figures.read_text())
    assert written["all"]["labels"] == 110
    assert written["set_hash"] == calibration.set_hash
    assert "All, cross-validated: 110 labels" in ended.output


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.json", index=INDEX)
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for file in files:
        assert calibrating("--run", run, "--out", file).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_answers_of_indexes_that_were_made_differently_are_refused(tmp_path: Path) -> None:
    one = write_run(tmp_path / "1.json", index=INDEX)
    other = write_run(tmp_path / "2.json", index=INDEX | {"chunking_version": 2})
    ended = calibrating("--run", one, "--run", other, "--out", tmp_path / "out.json")
    assert ended.exit_code == 2
    assert "made in different ways" in ended.output
    assert not (tmp_path / "out.json").exists()


def test_a_run_that_does_not_know_its_index_is_refused(tmp_path: Path) -> None:
    ended = calibrating("--run", write_run(tmp_path / "1.json"), "--out", tmp_path / "out.json")
    assert ended.exit_code == 2
    assert "does not say how the index was made" in ended.output


@pytest.mark.parametrize("words", [(), ("--content", ".")])
def test_something_to_learn_from_must_be_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = calibrating("--out", tmp_path / "out.json", *words)
    assert ended.exit_code == 2
    assert "Name GOLDEN with its --content" in ended.output


def test_missing_data_are_named(tmp_path: Path) -> None:
    questions = tmp_path / "q.yaml"
    questions.write_text("[]")
    words = ("--docs-questions", questions, "--data", tmp_path, "--out", tmp_path / "out.json")
    ended = calibrating(*words)
    assert ended.exit_code == 2
    assert "backstage-docs is not there" in ended.output
