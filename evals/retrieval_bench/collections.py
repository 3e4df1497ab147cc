"""What is searched and asked: SciFact, and our questions over the Backstage documentation."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from indexer.chunking import split
from indexer.sources.document_kind import document_kind
from indexer.sources.markdown import read_markdown
from portal_rag.corpus.documents import Chunk, Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import PortalRagError

Split = Literal["dev", "test"]
QUESTIONS = Path(__file__).parents[1] / "retrieval"
_OWNER = EntityRef.parse("component:default/backstage")
RECIPE_LENGTH, _RECIPE_OVERLAP = 1_000, 200


class CollectionError(PortalRagError):
    """The data to measure with is not there, or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and the pages that answer it."""

    id: str
    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Passages of pages (`Chunk.document_path`), and questions with the pages that answer them."""

    name: str
    chunks: tuple[Chunk, ...]
    questions: tuple[Asked, ...]


def scifact(data: Path, part: Split) -> Collection:
    """Read the abstracts, each one passage, with the claims for tuning (`dev`) or for testing.

    Raises:
        CollectionError: a file is missing.
    """
    infix = ".train" if part == "dev" else ""
    folder = data / "scifact"
    judged = _judgements(folder / f"qrels{infix}.tsv")
    claims = _rows(folder / f"queries{infix}.jsonl")
    return Collection(
        name=f"scifact {part}",
        chunks=tuple(map(_abstract, _rows(folder / "corpus.jsonl"))),
        questions=tuple(
            Asked(id=claim["id"], text=claim["text"], relevant=frozenset(judged[claim["id"]]))
            for claim in claims
            if claim["id"] in judged
        ),
    )


def backstage_docs(data: Path, part: Split, *, recipe: bool = False) -> Collection:
    """Read the documentation, split as the indexer does or by the widespread `recipe`.

    The recipe is windows of 1,000 characters of the page's Markdown, each 200 into the one before.

    Raises:
        CollectionError: a file is missing.
    """
    pages = list(_rows(data / "backstage-docs" / "corpus.jsonl"))
    chunks = map(_windows, pages) if recipe else (split(_document(page)) for page in pages)
    return Collection(
        name=f"backstage-docs {part}",
        chunks=tuple(chunk for page in chunks for chunk in page),
        questions=tuple(_questions(QUESTIONS / f"backstage_docs.{part}.yaml")),
    )


def _abstract(row: Mapping[str, Any]) -> Chunk:
    return _chunk(row["id"], 0, (row["title"],), row["text"])


def _document(page: Mapping[str, Any]) -> Document:
    return Document(
        source="files/techdocs",
        path=page["id"],
        title=page["title"],
        site_title="Backstage",
        url=f"https://portal.example/{page['id']}",
        entity_ref=_OWNER,
        resource_ref=_OWNER,
        kind=document_kind(page["id"], page["title"]),
        modified_at=None,
        sections=read_markdown(f"# {page['title']}\n\n{page['text']}"),
    )


def _windows(page: Mapping[str, Any]) -> list[Chunk]:
    text, step = page["text"], RECIPE_LENGTH - _RECIPE_OVERLAP
    starts = range(0, max(len(text) - _RECIPE_OVERLAP, 1), step)
    return [
        _chunk(page["id"], number, (), text[start : start + RECIPE_LENGTH])
        for number, start in enumerate(starts)
    ]


def _chunk(path: str, ordinal: int, titles: tuple[str, ...], text: str) -> Chunk:
    return Chunk(
        source="files/techdocs",
        document_path=path,
        ordinal=ordinal,
        title_path=titles,
        text=text,
        url=f"https://portal.example/{path}",
        anchor="",
        entity_ref=_OWNER,
        resource_ref=_OWNER,
        kind="guide",
        modified_at=None,
    )


def _questions(path: Path) -> Iterator[Asked]:
    """Give the questions that some page answers."""
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        if row["answerable"]:
            yield Asked(id=row["id"], text=row["question"], relevant=frozenset(row["pages"]))


def _judgements(path: Path) -> Mapping[str, Sequence[str]]:
    judged: dict[str, list[str]] = {}
    for question, page, grade in _table(path):
        if int(grade) > 0:
            judged.setdefault(question, []).append(page)
    return judged


def _table(path: Path) -> Iterable[list[str]]:
    with _opened(path) as lines:
        rows = csv.reader(lines, delimiter="\t")
        next(rows)
        yield from rows


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with _opened(path) as lines:
        yield from map(json.loads, lines)


def _opened(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8")
    except OSError as error:
        raise CollectionError(f"{path} cannot be read; see PORTAL_RAG_EVAL_DATA") from error
