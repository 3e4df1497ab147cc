"""The programs use the exported model where it fits, and then torch is not even imported."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from indexer.cli import main as portal_index
from portal_rag.cli import main as portal_rag
from portal_rag.corpus.onnx_embedding import GRAPH, load_exported
from portal_rag.errors import PortalRagError
from portal_rag.services.index import open_query_model
from portal_rag.settings import load_service_settings
from tests.corpus.tiny_model import make_model
from tests.fakes.indexes import publish_index
from tests.portal_rag.world import CHUNKS, ENTITIES

pytestmark = pytest.mark.model

LIGHT = """
import sys, anyio
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings
from portal_rag.domain import Question
from portal_rag.principals import LocalReader

async def ask():
    async with open_services(load_service_settings()) as services:
        question = Question(text="Where is the runbook for Shop?")
        answer = await services.pipeline.answer(question, services.portal_of(LocalReader()))
        print([(each.source, each.state) for each in answer.consulted])

anyio.run(ask)
heavy = {"torch", "sentence_transformers", "transformers", "qdrant_client"}
print(sorted(heavy & set(sys.modules)))
"""


def run(command: object, *words: str, **environ: str) -> Result:
    cleared = {name: None for name in os.environ if name.startswith("PORTAL_")}
    return CliRunner(env={**cleared, **environ}).invoke(command, words)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that the exported model beside it made; the model itself is on this machine."""
    root = tmp_path_factory.mktemp("portal")
    model = str(make_model(root / "tiny"))
    directory = root / "index"
    shown = run(
        portal_index,
        "export-model",
        PORTAL_RAG_INDEX_DIR=str(directory),
        PORTAL_RAG_EMBEDDING_MODEL=model,
    )
    assert shown.exit_code == 0, shown.output
    assert "exported tiny@" in shown.output
    assert "68 texts" in shown.output
    embedder = load_exported(directory / "model")

    async def publish() -> None:
        await publish_index(directory, CHUNKS, entities=ENTITIES, embedder=embedder)

    anyio.run(publish)
    return directory


def test_a_question_is_answered_without_torch(index: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    environ = {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_INDEX_DIR": str(index)}
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        env=kept | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    *log, consulted, heavy = done.stdout.splitlines()
    assert ("index", "ok") in ast.literal_eval(consulted)
    assert heavy == "[]"
    assert any("query_model" in line and "onnxruntime" in line for line in log)


def test_a_local_question_uses_the_exported_model(index: Path) -> None:
    environ = {
        "PORTAL_RAG_INDEX_DIR": str(index),
        "PORTAL_RAG_EMBEDDING_MODEL": "nowhere/tiny",
    }
    shown = run(portal_rag, "ask", "Who owns Scorer?", "--json", **environ)
    assert shown.exit_code == 0, shown.output
    assert "`group:default/team-risk`" in json.loads(shown.output)["answer"]


def test_the_doctor_says_which_form_is_used_and_why_not_the_other(
    index: Path, tmp_path: Path
) -> None:
    environ = {
        "PORTAL_RAG_AUTH": "none",
        "PORTAL_RAG_INDEX_DIR": str(index),
        "PORTAL_RAG_EMBEDDING_MODEL": str(index.parent / "tiny"),
    }
    shown = run(portal_rag, "doctor", **environ)
    assert (shown.exit_code, "loads with onnxruntime" in shown.output) == (0, True)
    elsewhere = tmp_path / "model"
    elsewhere.mkdir()
    for path in (index / "model").iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    (elsewhere / GRAPH).write_bytes(b"")
    shown = run(portal_rag, "doctor", **environ, PORTAL_RAG_QUERY_MODEL_DIR=str(elsewhere))
    words = " ".join(shown.output.split())
    assert shown.exit_code == 0, shown.output
    assert "loads with sentence-transformers" in words
    assert "is not the file that was exported" in words


async def test_a_server_that_does_not_answer_leaves_the_name_to_decide(index: Path) -> None:
    environ = {
        "PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:9",
        "PORTAL_RAG_QDRANT_URL": "http://127.0.0.1:9",
        "PORTAL_RAG_QUERY_MODEL_DIR": str(index / "model"),
    }
    for name, runtime in (("tiny", "onnxruntime"), (str(index.parent / "tiny"), "onnxruntime")):
        settings = load_service_settings({**environ, "PORTAL_RAG_EMBEDDING_MODEL": name})
        assert (await open_query_model(settings)).runtime == runtime
    other = load_service_settings({**environ, "PORTAL_RAG_EMBEDDING_MODEL": "/no/such"})
    with pytest.raises(PortalRagError):
        await open_query_model(other)
