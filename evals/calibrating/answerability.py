"""Whether the signals of the index tell questions that it answers from those that it does not.

On human questions with passages pooled from what annotators found: passages of a question that
nothing answers are there for other questions only, which makes telling them apart easier than over
a whole corpus.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from evals.calibrating.labels import DOCUMENT, Label
from evals.calibrating.learning import cross_validate
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_store import EdgeReader, open_edge_writer
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import document_terms, query_terms
from portal_rag.corpus.predicates import hashed
from portal_rag.corpus.store import SCHEMA_VERSION, EmbeddedChunk, Hit, Manifest, Run
from portal_rag.corpus.visibility import OnlyResources
from portal_rag.domain import Clock
from portal_rag.evidence.ranking import fuse
from portal_rag.evidence.signals import DEPTH, signals_of

Wording = Literal["last_turn", "with_previous_turn"]
WORDINGS: tuple[Wording, ...] = ("last_turn", "with_previous_turn")
_SHOWN = 4
_ANSWERABLE = {"ANSWERABLE": True, "PARTIAL": True, "UNANSWERABLE": False}
"""Partly answerable counts as answerable; underspecified questions, to ask back, are left out."""


class DataMissingError(Exception):
    """The data to measure on are not there; the message says how to name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanQuestion:
    """A question as somebody asked it, with the user's earlier turns."""

    id: str
    text: str
    earlier: tuple[str, ...]
    is_answerable: bool

    def worded(self, wording: Wording) -> str:
        return self.text if wording == "last_turn" else " ".join([*self.earlier[-1:], self.text])


def read_questions(folder: Path) -> Sequence[HumanQuestion]:
    """Read the questions that are answerable or not.

    Raises:
        DataMissingError: there is no such folder.
    """
    return [
        HumanQuestion(
            id=row["id"],
            text=row["text"],
            earlier=tuple(turn["text"] for turn in row["history"] if turn["speaker"] == "user"),
            is_answerable=_ANSWERABLE[row["answerability"]],
        )
        for row in _rows(folder / "queries.jsonl")
        if row["answerability"] in _ANSWERABLE
    ]


def read_passages(folder: Path) -> Sequence[Chunk]:
    """Read the passages, each as a chunk of its own."""
    return [_chunk(number, row) for number, row in enumerate(_rows(folder / "corpus.jsonl"))]


async def index_passages(
    passages: Sequence[Chunk], folder: Path, embedder: Embedder, clock: Clock
) -> None:
    """Publish the passages as an embedded index in a new folder."""
    vectors = embedder.embed_documents([chunk.embedded_text for chunk in passages])
    chunks = [
        EmbeddedChunk(
            chunk=chunk,
            dense=vector,
            lexical=document_terms(chunk.embedded_text),
            predicates=hashed(None, salt=""),
        )
        for chunk, vector in zip(passages, vectors, strict=True)
    ]
    now = clock()
    writer = open_edge_writer(
        folder, fingerprint=embedder.fingerprint, dimensions=embedder.dimensions
    )
    try:
        await writer.upsert(chunks, run=Run(id="answerability", started_at=now))
        await writer.publish(
            Manifest(
                schema_version=SCHEMA_VERSION,
                embedding_fingerprint=embedder.fingerprint,
                dimensions=embedder.dimensions,
                sources=("files/techdocs",),
                built_from_files=True,
                chunk_count=len(chunks),
                run_id="answerability",
                published_at=now,
            ),
            entities=[],
        )
    finally:
        await writer.close()


async def judge_answerability(
    questions: Sequence[HumanQuestion], wording: Wording, folder: Path, embedder: Embedder
) -> tuple[list[float], list[bool]]:
    """Give the cross-validated chance of each question to be answerable, and whether it is."""
    reader = EdgeReader(folder, embedder.fingerprint)
    try:
        labels = [
            Label(
                group=question.id,
                kind=DOCUMENT,
                features=await _features(question.worded(wording), reader, embedder),
                right=question.is_answerable,
                refusing_is_right=not question.is_answerable,
            )
            for question in questions
        ]
    finally:
        await reader.close()
    judged = cross_validate(labels)
    return [each.chance for each in judged], [each.label.right for each in judged]


async def _features(text: str, reader: EdgeReader, embedder: Embedder) -> Mapping[str, float]:
    """Search as the service does, for somebody who may read everything."""
    everything, terms = OnlyResources(frozenset({_OWNER})), query_terms(text)
    vector = embedder.embed_query(text)
    dense = await reader.search(vector, visible_to=everything, limit=DEPTH)
    lexical = await reader.search(terms, visible_to=everything, limit=DEPTH)
    signals = signals_of(dense, lexical, terms=terms.indices, shown=_shown(dense, lexical))
    return {} if signals is None else {name: float(v) for name, v in asdict(signals).items()}


def _shown(dense: Sequence[Hit], lexical: Sequence[Hit]) -> Sequence[str]:
    fused = fuse(dense, lexical, about=frozenset(), kinds=frozenset())
    return [each.stored.chunk.embedded_text for each in fused[:_SHOWN]]


_OWNER = EntityRef.parse("component:default/passages")


def _chunk(number: int, row: Mapping[str, Any]) -> Chunk:
    return Chunk(
        source="files/techdocs",
        document_path=f"{_OWNER}/{row['id']}",
        ordinal=number,
        title_path=(row["title"],) if row["title"] else (),
        text=row["text"],
        url=f"https://passages.example/{number}",
        anchor="",
        entity_ref=_OWNER,
        resource_ref=_OWNER,
        kind="guide",
        modified_at=None,
    )


def _rows(path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataMissingError(
            f"{path} cannot be read; set PORTAL_RAG_EVAL_DATA to the folder that holds"
            " mtragun-ibmcloud/ (corpus.jsonl, queries.jsonl), or give --data"
        ) from error
    return [json.loads(line) for line in lines if line.strip()]
