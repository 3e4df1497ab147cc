"""The command line: exit codes, messages, reports."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.cli import Surroundings, main
from indexer.settings import load_indexer_settings
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.store import DenseVector
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import component, write_files

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
FILES = ("run", "--source", "files")


def invoke(
    tmp_path: Path,
    *args: str,
    environ: Mapping[str, str] | None = None,
    embedder: HashingEmbedder | None = None,
) -> Result:
    settings = {"PORTAL_RAG_INDEX_DIR": str(tmp_path / "index"), **(environ or {})}
    surroundings = Surroundings(
        load_settings=lambda: load_indexer_settings(settings),
        load_embedder=lambda _model: embedder or HashingEmbedder(),
        clock=lambda: NOW,
        new_id=lambda: "run-1",
    )
    return CliRunner().invoke(main, args, obj=surroundings)


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    files = {"shop.yaml": component("shop", docs="dir:."), "docs/index.md": "# Shop\n\nIt sells."}
    return write_files(tmp_path / "portal", files)


def test_a_run_over_files_shows_its_table(tmp_path: Path, portal: Path) -> None:
    result = invoke(tmp_path, *FILES, "--path", str(portal))
    assert result.exit_code == 0
    assert "Published 2 chunks" in result.stdout
    assert "embedded 2 of 2 chunks" in result.stderr


def test_the_report_is_json_and_nothing_else_on_standard_output(
    tmp_path: Path, portal: Path
) -> None:
    result = invoke(tmp_path, *FILES, "--path", str(portal), "--json")
    report = json.loads(result.stdout)
    assert (report["exit_code"], report["chunk_count"], report["run_id"]) == (0, 2, "run-1")


def test_the_folder_may_come_from_the_settings(tmp_path: Path, portal: Path) -> None:
    result = invoke(tmp_path, *FILES, environ={"PORTAL_INDEX_FILES_PATH": str(portal)})
    assert result.exit_code == 0


def test_a_broken_document_is_listed_and_the_run_is_done(tmp_path: Path, portal: Path) -> None:
    write_files(portal, {"bad.yaml": component("bad") + "  x: ["})
    result = invoke(tmp_path, *FILES, "--path", str(portal))
    assert result.exit_code == 0
    assert "not read: bad.yaml: not valid YAML" in result.stdout


def test_a_failed_source_is_exit_code_3(tmp_path: Path, portal: Path) -> None:
    assert invoke(tmp_path, *FILES, "--path", str(portal)).exit_code == 0
    empty = write_files(tmp_path / "empty", {"x.txt": ""})
    result = invoke(tmp_path, *FILES, "--path", str(empty))
    assert result.exit_code == 3
    assert "keeps its 2 chunks" in result.stdout


def test_a_backstage_is_read_over_http(tmp_path: Path) -> None:
    with FakeBackstage(entities=[make_json("component:default/shop")]) as backstage:
        environ = {
            "PORTAL_RAG_BACKSTAGE_URL": backstage.url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": backstage.service_token,
        }
        args = ("run", "--source", "backstage", "--source", "backstage")
        result = invoke(tmp_path, *args, "--json", environ=environ)
    assert result.exit_code == 0
    assert [source["name"] for source in json.loads(result.stdout)["sources"]] == ["backstage"]


@pytest.mark.parametrize(
    ("args", "environ", "named"),
    [
        (("run",), {}, "--source"),
        (("run", "--source", "elsewhere"), {}, "elsewhere"),
        (("run", "--source", "backstage", "--path", "x"), {}, "--path"),
        (FILES, {}, "PORTAL_INDEX_FILES_PATH"),
        ((*FILES, "--path", "no/such/folder"), {}, "no/such/folder"),
        (("run", "--source", "backstage"), {}, "PORTAL_RAG_BACKSTAGE_URL"),
        (
            ("run", "--source", "backstage"),
            {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1"},
            "PORTAL_INDEX_BACKSTAGE_TOKEN",
        ),
        (("status",), {"PORTAL_INDEX_FILE_PATH": "x"}, "PORTAL_INDEX_FILES_PATH"),
    ],
)
def test_bad_usage_and_settings_are_exit_code_2(
    tmp_path: Path, args: Sequence[str], environ: Mapping[str, str], named: str
) -> None:
    result = invoke(tmp_path, *args, environ=environ)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr


def test_an_index_of_another_model_asks_for_a_rebuild(tmp_path: Path, portal: Path) -> None:
    args = (*FILES, "--path", str(portal))
    assert invoke(tmp_path, *args).exit_code == 0
    other = HashingEmbedder(32)
    result = invoke(tmp_path, *args, embedder=other)
    assert (result.exit_code, "--rebuild" in result.stderr) == (2, True)
    assert invoke(tmp_path, *args, "--rebuild", embedder=other).exit_code == 0


def test_a_second_run_at_once_is_exit_code_1(tmp_path: Path, portal: Path) -> None:
    holder = open_edge_writer(tmp_path / "index", fingerprint="x", dimensions=2)
    result = invoke(tmp_path, *FILES, "--path", str(portal))
    asyncio.run(holder.close())
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_an_interrupted_run_keeps_the_index(tmp_path: Path, portal: Path) -> None:
    class InterruptedEmbedder(HashingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
            signal.raise_signal(signal.SIGINT)
            return super().embed_documents(texts)

    args = (*FILES, "--path", str(portal))
    assert invoke(tmp_path, *args).exit_code == 0
    write_files(portal, {"docs/new.md": "# New\n\nText."})
    assert threading.current_thread() is threading.main_thread()
    result = invoke(tmp_path, *args, embedder=InterruptedEmbedder())
    assert result.exit_code == 130
    assert "still in force" in result.stderr
    assert "chunks: 2" in invoke(tmp_path, "status").stdout


def test_the_status_says_what_is_published(tmp_path: Path, portal: Path) -> None:
    invoke(tmp_path, *FILES, "--path", str(portal))
    assert json.loads(invoke(tmp_path, "status", "--json").stdout) == {
        "chunks": 2,
        "sources": ["files/catalog", "files/techdocs"],
        "built_from_files": True,
        "embedding": HashingEmbedder().fingerprint,
        "dimensions": 64,
        "schema_version": 1,
        "run_id": "run-1",
        "published_at": "2026-06-09T14:05:00+00:00",
        "age_seconds": 0,
    }
    assert "sources: files/catalog, files/techdocs" in invoke(tmp_path, "status").stdout


def test_the_status_of_no_index_is_exit_code_1(tmp_path: Path) -> None:
    result = invoke(tmp_path, "status")
    assert result.exit_code == 1
    assert "portal-index run" in result.stderr


@pytest.mark.parametrize("command", [("status",), (*FILES, "--path", ".")])
def test_a_qdrant_server_that_does_not_answer_is_exit_code_1(
    tmp_path: Path, portal: Path, command: Sequence[str]
) -> None:
    args = [str(portal) if each == "." else each for each in command]
    environ = {"PORTAL_RAG_QDRANT_URL": "https://127.0.0.1:9", "PORTAL_RAG_QDRANT_API_KEY": "k"}
    result = invoke(tmp_path, *args, environ=environ)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    environ = {**os.environ, "PORTAL_RAG_INDEX_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "status"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing is published")
