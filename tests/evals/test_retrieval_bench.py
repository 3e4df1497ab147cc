"""Retrieval is compared on pages, with vectors that are made once."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.cli import main
from evals.remembered_vectors import RememberedVectors
from evals.retrieval_bench.collections import (
    RECIPE_LENGTH,
    Asked,
    Collection,
    CollectionError,
    backstage_docs,
    scifact,
)
from evals.retrieval_bench.command import as_json, table
from evals.retrieval_bench.measuring import compare
from portal_rag.corpus.store import DenseVector
from tests.factories import make_chunk
from tests.fakes.embedding import HashingEmbedder


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.embedded = 0

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self.embedded += len(texts)
        return super().embed_documents(texts)


def write_lines(path: Path, *rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def remembered(folder: Path, embedder: HashingEmbedder) -> RememberedVectors:
    return RememberedVectors(embedder, folder, notice=lambda _: None)


PAGES = ("drain the broker", "restart the cart", "who may log in", "a queue fills up", "disks")
COLLECTION = Collection(
    name="made up",
    chunks=tuple(make_chunk(text, page=f"{at}/") for at, text in enumerate(PAGES)),
    questions=tuple(
        Asked(id=str(at), text=text, relevant=frozenset({f"component:default/shop/{at}/"}))
        for at, text in enumerate(PAGES)
    ),
)


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    embedder = Counting()
    first = remembered(tmp_path, embedder).of_documents(["a", "b", "a"])
    again = remembered(tmp_path, embedder).of_documents(["b", "a", "c"])
    assert embedder.embedded == 3
    assert first[0].tolist() == first[2].tolist() == again[1].tolist()
    assert again[1].tolist() == pytest.approx(HashingEmbedder().embed_query("a").values)


def test_questions_and_passages_are_told_apart(tmp_path: Path) -> None:
    embedder = Counting()
    vectors = remembered(tmp_path, embedder)
    vectors.of_queries(["a"])
    vectors.of_documents(["a"])
    assert embedder.embedded == 1


def test_every_way_of_searching_is_compared_with_ours(tmp_path: Path) -> None:
    vectors = remembered(tmp_path, HashingEmbedder())
    comparison = compare(COLLECTION, vectors, recipe=COLLECTION)
    assert set(comparison.values) == {"bm25", "dense", "ours", "recipe"}
    measured = comparison.measured("ours", "nDCG@10")
    assert measured is not None
    assert measured.value == 1
    assert comparison.gain("bm25", "hit shown").value == 0
    lines = list(table(comparison))
    assert any(line.startswith("nDCG shown") and "recipe" in line for line in lines)
    written = json.loads(as_json([comparison], vectors.fingerprint))
    assert written["model"] == "hashing@64"
    assert written["comparisons"][0]["values"]["ours"]["nDCG@10"] == [1.0] * len(PAGES)


def test_scifact_is_read_by_its_judgements(tmp_path: Path) -> None:
    folder = tmp_path / "scifact"
    write_lines(folder / "corpus.jsonl", {"id": "7", "title": "Mice", "text": "They eat."})
    write_lines(folder / "queries.jsonl", {"id": "1", "text": "a"}, {"id": "2", "text": "b"})
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\t7\t1\n2\t7\t0\n")
    collection = scifact(tmp_path, "test")
    assert collection.chunks[0].embedded_text == "Mice\nThey eat."
    assert [(each.id, each.relevant) for each in collection.questions] == [("1", frozenset({"7"}))]


def test_the_recipe_loses_nothing_of_a_page_and_knows_no_headings(tmp_path: Path) -> None:
    text = "".join(f"word{number} " for number in range(600))
    page = {"id": "docs/a.md", "title": "A", "text": text}
    write_lines(tmp_path / "backstage-docs" / "corpus.jsonl", page)
    recipe = backstage_docs(tmp_path, "dev", recipe=True)
    texts = [chunk.text for chunk in recipe.chunks]
    assert texts[0] + "".join(each[200:] for each in texts[1:]) == text
    assert all(len(each) <= RECIPE_LENGTH for each in texts)
    ours = backstage_docs(tmp_path, "dev")
    assert {chunk.title_path for chunk in ours.chunks} == {("Backstage", "A")}
    assert ours.questions == recipe.questions
    assert all(question.relevant for question in ours.questions)


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"qrels\.tsv cannot be read"):
        scifact(tmp_path, "test")
    ended = CliRunner().invoke(main, ["retrieval"], env={"PORTAL_RAG_EVAL_DATA": ""})
    assert ended.exit_code == 2
    assert "PORTAL_RAG_EVAL_DATA" in ended.output
