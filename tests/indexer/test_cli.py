"""The command line: exit codes, messages, reports."""

import asyncio
import json
import os
import random
import signal
import string
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.backlog import BATCH
from indexer.cli import main
from indexer.running import Surroundings
from indexer.settings import load_indexer_settings
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.store import DenseVector
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import component, write_files

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
FILES = ("run", "--source", "files")
MARKDOWN = ("run", "--source", "markdown")


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


def test_folders_of_markdown_are_read_one_by_one(tmp_path: Path) -> None:
    write_files(tmp_path, dict.fromkeys(("a/x.md", "b/y.md", "b/z.md"), "# X\n\nText."))
    one, two = (f"{tmp_path / name}=component:default/{name}" for name in "ab")
    both = {"PORTAL_INDEX_MARKDOWN": f"{one},{two},"}
    assert "Published 3 chunks" in invoke(tmp_path, *MARKDOWN, environ=both).stdout
    (tmp_path / "b/z.md").unlink()
    result = invoke(tmp_path, *MARKDOWN, "--markdown", two, environ=both)
    assert (result.exit_code, "Published 2 chunks" in result.stdout) == (0, True)


def test_readmes_are_read_where_they_are_wanted(tmp_path: Path, portal: Path) -> None:
    write_files(portal, {"README.md": "# Read me\n\nPlease."})
    result = invoke(
        tmp_path, *FILES, "--path", str(portal), environ={"PORTAL_INDEX_READMES": "true"}
    )
    assert "Published 3 chunks" in result.stdout


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
        ((*FILES, "--markdown", "x=api:y"), {}, "--markdown"),
        (MARKDOWN, {}, "PORTAL_INDEX_MARKDOWN"),
        ((*MARKDOWN, "--markdown", "docs"), {}, "'docs' is not a folder and its entity"),
        (MARKDOWN, {"PORTAL_INDEX_MARKDOWN": "a=api:x,b=y"}, "'b=y'"),
        (FILES, {"PORTAL_INDEX_READMES": "perhaps"}, "PORTAL_INDEX_READMES"),
        ((*FILES, "--path", "no/such/folder"), {}, "no/such/folder"),
        (("run", "--source", "backstage"), {}, "PORTAL_RAG_BACKSTAGE_URL"),
        (
            ("run", "--source", "backstage"),
            {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1"},
            "PORTAL_INDEX_BACKSTAGE_TOKEN",
        ),
        (("status",), {"PORTAL_INDEX_FILE_PATH": "x"}, "PORTAL_INDEX_FILES_PATH"),
        ((*FILES, "--entity", "a b:c"), {}, "--entity"),
        ((*FILES, "--entity", "shop", "--rebuild"), {}, "--rebuild"),
        (("watch", "--source", "files", "--interval", "0"), {}, "--interval"),
        (FILES, {"PORTAL_INDEX_MASS_DELETE_SHARE": "20"}, "PORTAL_INDEX_MASS_DELETE_SHARE"),
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
    # More than one batch: an interrupt that comes while the last one is written changes nothing.
    write_files(portal, {f"docs/new{n}.md": f"# New {n}\n\nText." for n in range(3 * BATCH)})
    assert threading.current_thread() is threading.main_thread()
    result = invoke(tmp_path, *args, embedder=InterruptedEmbedder())
    assert result.exit_code == 130
    assert "still in force" in result.stderr
    assert "chunks: 2" in invoke(tmp_path, "status").stdout


def test_the_status_says_what_is_published(tmp_path: Path, portal: Path) -> None:
    invoke(tmp_path, *FILES, "--path", str(portal))
    status = json.loads(invoke(tmp_path, "status", "--json").stdout)
    last_run = status.pop("last_run")
    assert status.pop("later_failure") is None
    assert status == {
        "chunks": 2,
        "generation": "1",
        "sources": ["files/catalog", "files/techdocs"],
        "contents": {
            "files/catalog": {"documents": 1, "chunks": 1},
            "files/techdocs": {"documents": 1, "chunks": 1},
        },
        "sources_age_seconds": {"files": 0},
        "built_from_files": True,
        "embedding": HashingEmbedder().fingerprint,
        "dimensions": 64,
        "schema_version": 3,
        "run_id": "run-1",
        "published_at": "2026-06-09T14:05:00+00:00",
        "age_seconds": 0,
    }
    assert (last_run["exit_code"], last_run["sources"][0]["embedded"]) == (0, 2)


def test_the_status_of_a_failed_run_says_so_in_words(tmp_path: Path, portal: Path) -> None:
    invoke(tmp_path, *FILES, "--path", str(portal))
    invoke(tmp_path, *FILES, "--path", str(write_files(tmp_path / "empty", {"x.txt": ""})))
    lines = invoke(tmp_path, "status").stdout.splitlines()
    assert "sources: files/catalog, files/techdocs" in lines
    assert "files/catalog: 1 documents, 1 chunks" in lines
    assert "files read: 0 seconds ago" in lines
    assert "last run: 2026-06-09T14:05:00+00:00, exit code 3" in lines
    assert any(line.startswith("last run of files: failed, 0 embedded") for line in lines)
    assert any("not read: files: no catalog entity" in line for line in lines)


def test_a_run_without_changes_writes_nothing_but_its_record(tmp_path: Path, portal: Path) -> None:
    args = (*FILES, "--path", str(portal))
    invoke(tmp_path, *args)
    index = tmp_path / "index"
    before = tree(index)
    invoke(tmp_path, *args)
    changed = {name for name, content in tree(index).items() if before.get(name) != content}
    assert changed <= {"last-run.json", "writer.lock"}
    assert tree(index).keys() == before.keys()
    assert json.loads((index / "last-run.json").read_text())["report"]["published"] is False


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_status_without_a_record_says_what_it_can(tmp_path: Path, portal: Path) -> None:
    invoke(tmp_path, *FILES, "--path", str(portal))
    (tmp_path / "index" / "last-run.json").write_text("[")
    result = invoke(tmp_path, "status")
    assert (result.exit_code, "last run" in result.stdout) == (0, False)


def test_a_mass_delete_is_exit_code_3_until_it_is_allowed(tmp_path: Path, portal: Path) -> None:
    pages = {f"docs/p{number}.md": f"# Page {number}\n\nText." for number in range(49)}
    args = (*FILES, "--path", str(write_files(portal, pages)))
    invoke(tmp_path, *args)
    for name in list(pages)[1:]:
        (portal / name).unlink()
    refused = invoke(tmp_path, *args)
    assert (refused.exit_code, "--allow-mass-delete" in refused.stdout) == (3, True)
    lenient = {"PORTAL_INDEX_MASS_DELETE_SHARE": "0.99"}
    assert "chunks: 51" in invoke(tmp_path, "status").stdout
    allowed = invoke(tmp_path, *args, "--allow-mass-delete")
    assert (allowed.exit_code, "Published 3 chunks" in allowed.stdout) == (0, True)
    assert invoke(tmp_path, *args, environ=lenient).exit_code == 0


def test_a_run_that_failed_later_is_told_with_the_status(tmp_path: Path, portal: Path) -> None:
    args = ("--source", "files", "--path", str(portal))
    invoke(tmp_path, "run", *args)
    (portal / "shop.yaml").unlink()
    assert invoke(tmp_path, "rebuild", *args).exit_code == 1
    status = invoke(tmp_path, "status")
    assert (status.exit_code, "chunks: 2" in status.stdout) == (0, True)
    assert "a later run failed: 2026-06-09" in status.stdout
    assert "no catalog entity" in status.stdout
    write_files(portal, {"shop.yaml": component("shop", docs="dir:.")})
    invoke(tmp_path, "run", *args)
    assert "later run failed" not in invoke(tmp_path, "status").stdout


def test_one_entity_can_be_read_alone(tmp_path: Path, portal: Path) -> None:
    args = (*FILES, "--path", str(write_files(portal, {"cart.yaml": component("cart")})))
    invoke(tmp_path, *args)
    write_files(portal, {"docs/index.md": "# Shop\n\nIt closes.", "cart.yaml": component("car")})
    result = invoke(tmp_path, *args, "--entity", "shop", "--json")
    [source] = json.loads(result.stdout)["sources"]
    assert (source["documents"], source["embedded"], source["deleted"]) == (2, 1, 0)
    assert "chunks: 3" in invoke(tmp_path, "status").stdout


def test_rebuild_is_a_command(tmp_path: Path, portal: Path) -> None:
    args = ("--source", "files", "--path", str(portal))
    invoke(tmp_path, "run", *args)
    result = invoke(tmp_path, "rebuild", *args, "--json")
    assert json.loads(result.stdout)["sources"][0]["embedded"] == 2


def test_a_run_that_fails_leaves_no_better_report_behind(tmp_path: Path, portal: Path) -> None:
    summary, metrics = tmp_path / "summary.md", tmp_path / "metrics.prom"
    args = ("--path", str(portal), "--summary", str(summary), "--metrics", str(metrics))
    invoke(tmp_path, *FILES, *args)
    assert "portal_index_last_run_exit_code 0" in metrics.read_text()
    environ = {"PORTAL_RAG_QDRANT_URL": "http://127.0.0.1:9"}
    assert invoke(tmp_path, *FILES, *args, environ=environ).exit_code == 1
    assert "portal_index_last_run_exit_code 1" in metrics.read_text()
    assert "portal_index_chunks" not in metrics.read_text()
    assert "**Failed**" in summary.read_text()


def test_a_report_with_no_folder_to_go_to_is_refused_before_the_run(
    tmp_path: Path, portal: Path
) -> None:
    args = ("--path", str(portal), "--summary", str(tmp_path / "absent" / "summary.md"))
    result = invoke(tmp_path, *FILES, *args)
    assert (result.exit_code, "there is no folder for" in result.stderr) == (2, True)
    assert invoke(tmp_path, "status").exit_code == 1


def test_an_entity_that_is_nowhere_is_noted(tmp_path: Path, portal: Path) -> None:
    args = (*FILES, "--path", str(portal), "--json")
    invoke(tmp_path, *args)
    [source] = json.loads(invoke(tmp_path, *args, "--entity", "shp").stdout)["sources"]
    assert source["notes"] == ["component:default/shp is neither in the source nor in the index"]
    [source] = json.loads(invoke(tmp_path, *args, "--entity", "shop").stdout)["sources"]
    assert source["notes"] == []
    assert invoke(tmp_path, *args, "--entity", "shop", "--entity", "cart").exit_code == 2


def test_reports_go_to_files_too(tmp_path: Path, portal: Path) -> None:
    summary, metrics = tmp_path / "summary.md", tmp_path / "metrics.prom"
    outputs = ("--summary", str(summary), "--metrics", str(metrics))
    assert invoke(tmp_path, *FILES, "--path", str(portal), *outputs).exit_code == 0
    assert "| files | ok | 2 | 2 | 2 | 0 | 0 | 0 |" in summary.read_text()
    assert 'portal_index_source_state{source="files",state="ok"} 1' in metrics.read_text()


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


def test_an_error_does_not_repeat_a_secret(tmp_path: Path) -> None:
    secret = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters, k=36))  # noqa: S311
    summary = tmp_path / "summary.md"
    result = invoke(tmp_path, *FILES, "--path", f"/none/{secret}", "--summary", str(summary))
    assert "[redacted github-token]" in result.stderr
    assert secret not in result.output + summary.read_text(encoding="utf-8")
