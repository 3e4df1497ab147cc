"""An exported model gives the vectors of the original, or it is not used."""

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.onnx_embedding import CONFIG, GRAPH, TOKENIZER, load_exported, read_exported
from portal_rag.corpus.onnx_export import Export, check_agreement, export_model
from portal_rag.corpus.probing import MIN_COSINE, PROBES, least_cosine
from portal_rag.corpus.query_model import load_query_model
from portal_rag.corpus.store import DenseVector
from portal_rag.errors import ConfigurationError
from tests.corpus.tiny_model import DIMENSIONS, make_model
from tests.fakes.embedding import HashingEmbedder

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def export(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return export_model(str(original), tmp_path_factory.mktemp("index") / "model")


@pytest.fixture
def folder(export: Export, tmp_path: Path) -> Path:
    return Path(shutil.copytree(export.folder, tmp_path / "model"))


def test_the_exported_model_gives_the_vectors_of_the_original(
    original: Path, export: Export
) -> None:
    exported, model = load_exported(export.folder), load_embedder(str(original))
    assert (exported.fingerprint, exported.dimensions) == (model.fingerprint, DIMENSIONS)
    told = model.embed_documents(PROBES)
    assert least_cosine(told, exported.embed_documents(PROBES)) > MIN_COSINE
    asked = [model.embed_query(text) for text in PROBES]
    assert least_cosine(asked, [exported.embed_query(text) for text in PROBES]) > MIN_COSINE
    assert least_cosine(told, asked) < MIN_COSINE, "the prompts make a difference"
    assert exported.embed_documents([]) == []
    assert export.fingerprint == model.fingerprint
    assert (export.least_cosine > MIN_COSINE, export.probes >= 50) == (True, True)


def test_nothing_is_left_beside_the_exported_model(export: Export) -> None:
    assert [path.name for path in export.folder.parent.iterdir()] == ["model"]
    assert {path.name for path in export.folder.iterdir()} == {CONFIG, GRAPH, TOKENIZER}


def test_another_model_replaces_the_exported_one(folder: Path, tmp_path: Path) -> None:
    before = read_exported(folder)
    made = export_model(str(make_model(tmp_path / "other", pooling="cls")), folder)
    after = read_exported(folder)
    assert (before.pooling, after.pooling) == ("mean", "cls")
    assert (made.fingerprint, made.folder) == (after.fingerprint, folder)
    assert load_exported(folder).fingerprint != before.fingerprint
    assert {path.name for path in tmp_path.iterdir()} == {"model", "other"}


def test_several_threads_may_ask_at_once(export: Export) -> None:
    embedder = load_exported(export.folder)
    expected = embedder.embed_query("redis")
    found: list[DenseVector] = []
    threads = [
        threading.Thread(target=lambda: found.append(embedder.embed_query("redis")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def set_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | values), "utf-8")


def replace_by_something_consistent(folder: Path) -> None:
    (folder / GRAPH).write_bytes(b"not a graph")
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    digest = hashlib.sha256(b"not a graph").hexdigest()
    set_config(folder, sha256=config["sha256"] | {GRAPH: digest})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: flip_a_bit(folder / GRAPH), "model.onnx is not the file"),
        (lambda folder: flip_a_bit(folder / TOKENIZER), "tokenizer.json is not the file"),
        (lambda folder: (folder / GRAPH).unlink(), "model.onnx cannot be read"),
        (lambda folder: (folder / CONFIG).unlink(), "config.json cannot be read"),
        (lambda folder: (folder / CONFIG).write_text("{"), "does not describe"),
        (lambda folder: set_config(folder, format=2), "does not describe"),
        (lambda folder: set_config(folder, sha256={"x": ""}), "must name the digests"),
        (replace_by_something_consistent, "cannot be loaded"),
    ],
)
def test_a_spoilt_or_foreign_model_is_refused_with_what_to_do(
    folder: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(folder)
    with pytest.raises(ConfigurationError, match=reason) as refused:
        load_exported(folder)
    assert "portal-index export-model" in refused.value.message


@pytest.mark.parametrize("agreement", [0.9989, 0.0, float("nan")])
def test_a_form_that_differs_is_refused(agreement: float) -> None:
    check_agreement("tiny", MIN_COSINE)
    with pytest.raises(ConfigurationError, match="tiny differs"):
        check_agreement("tiny", agreement)


def test_a_folder_of_something_else_is_never_replaced(original: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="something other"):
        export_model(str(original), tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        export_model(str(original), tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "mine"


def choose(folder: Path, index_fingerprint: str | None, *, name: str = "some/tiny") -> object:
    asked: list[str] = []

    def load(model: str) -> Embedder:
        asked.append(model)
        return HashingEmbedder()

    chosen = load_query_model(name, folder, index_fingerprint=index_fingerprint, load=load)
    assert asked == ([] if chosen.runtime == "onnxruntime" else [name])
    return (chosen.runtime, chosen.refusal or "")


def test_the_exported_model_is_used_where_it_made_the_index(export: Export) -> None:
    assert choose(export.folder, export.fingerprint) == ("onnxruntime", "")
    assert choose(export.folder, export.fingerprint, name="other") == ("onnxruntime", "")


def test_as_long_as_there_is_no_index_the_exported_model_is_known_by_its_name(
    export: Export,
) -> None:
    assert choose(export.folder, None) == ("onnxruntime", "")
    runtime, refusal = choose(export.folder, None, name="other")
    assert (runtime, "not other" in refusal) == ("sentence-transformers", True)


def test_without_an_exported_model_nothing_is_refused(tmp_path: Path) -> None:
    assert choose(tmp_path, "tiny@1") == ("sentence-transformers", "")


def test_an_exported_model_of_another_index_or_a_spoilt_one_is_not_used(folder: Path) -> None:
    runtime, refusal = choose(folder, "tiny@000000000000")
    assert (runtime, "export-model" in refusal) == ("sentence-transformers", True)
    fingerprint = read_exported(folder).fingerprint
    flip_a_bit(folder / GRAPH)
    runtime, refusal = choose(folder, fingerprint)
    assert (runtime, "is not the file" in refusal) == ("sentence-transformers", True)


def run_without(package: str, program: str) -> str:
    first = f"import sys; sys.modules[{package!r}] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", first + program], capture_output=True, text=True, check=False
    )
    return done.stderr


def test_without_sentence_transformers_the_error_says_what_to_do() -> None:
    program = "from portal_rag.corpus.embedding import load_embedder as load; load()"
    assert "portal-index export-model" in run_without("sentence_transformers", program)


def test_without_the_exporters_the_error_names_the_extra(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from portal_rag.corpus.onnx_export import export_model as export"
        f"; export('any', Path({str(tmp_path / 'model')!r}))"
    )
    assert "portal-rag[export]" in run_without("onnxscript", program)
