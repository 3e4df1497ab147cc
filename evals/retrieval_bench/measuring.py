"""What each way of searching finds, question by question, and how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.metrics.intervals import Measured, measure_mean
from evals.metrics.pairing import Delta, paired_delta
from evals.metrics.ranking import CUT, hit, ndcg, recall, reciprocal_rank
from evals.remembered_vectors import RememberedVectors
from evals.retrieval_bench.collections import RECIPE_LENGTH, Asked, Collection
from evals.retrieval_bench.engine import (
    Engine,
    Shown,
    chosen_shown,
    chunks_of,
    first_shown,
    open_engine,
    pages_of,
)
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import DenseVector
from portal_rag.evidence.choosing import MOST_PASSAGES

OURS = "ours"
Values = Mapping[str, Sequence[float]]
"""By metric, one value for each question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every way of searching on one collection, and what ours has over each other one."""

    name: str
    questions: tuple[str, ...]
    values: Mapping[str, Values]

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.values[OURS])

    def measured(self, system: str, metric: str) -> Measured | None:
        return measure_mean(self.values[system][metric], self.questions)

    def gain(self, system: str, metric: str) -> Delta:
        return paired_delta(self.values[system][metric], self.values[OURS][metric], self.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one way of searching gives for one question."""

    pages: tuple[str, ...]
    shown: Shown


_Answers = Mapping[str, Sequence[_Found]]


def compare(
    collection: Collection, vectors: RememberedVectors, recipe: Collection | None = None
) -> Comparison:
    """Ask all of a collection's questions of every way, and of the same pages split otherwise."""
    asked = vectors.of_queries([question.text for question in collection.questions])
    questions = [
        (question, DenseVector(tuple(row.tolist())))
        for question, row in zip(collection.questions, asked, strict=True)
    ]
    with open_engine(collection, vectors, _embedded) as engine:
        found: dict[str, Sequence[_Found]] = {
            "bm25": [_by_words(engine, question) for question, _ in questions],
            "dense": [_by_meaning(engine, vector) for _, vector in questions],
            OURS: [_by_both(engine, *each) for each in questions],
        }
    if recipe:
        with open_engine(recipe, vectors, _bare) as engine:
            found["recipe"] = [_by_meaning(engine, vector) for _, vector in questions]
    return Comparison(
        name=collection.name,
        questions=tuple(question.id for question in collection.questions),
        values={
            system: _values(collection.questions, each, shows=recipe is not None)
            for system, each in found.items()
        },
    )


def _embedded(chunk: Chunk) -> str:
    return chunk.embedded_text


def _bare(chunk: Chunk) -> str:
    return chunk.text


def _by_words(engine: Engine, question: Asked) -> _Found:
    return _plain(chunks_of(engine.by_words(question)))


def _by_meaning(engine: Engine, vector: DenseVector) -> _Found:
    return _plain(chunks_of(engine.by_meaning(vector)))


def _plain(chunks: Sequence[Chunk]) -> _Found:
    return _Found(pages=pages_of(chunks), shown=first_shown(chunks))


def _by_both(engine: Engine, question: Asked, vector: DenseVector) -> _Found:
    candidates = engine.by_both(question, vector)
    return _Found(
        pages=pages_of(chunks_of(candidates)),
        shown=chosen_shown(question, candidates, longest=RECIPE_LENGTH),
    )


def _values(questions: Sequence[Asked], found: Sequence[_Found], *, shows: bool) -> Values:
    rows = [
        _of_list(each.pages, question.relevant)
        | (_of_shown(each.shown, question.relevant) if shows else {})
        for question, each in zip(questions, found, strict=True)
    ]
    return {metric: [row[metric] for row in rows] for metric in rows[0]}


def _of_list(pages: Sequence[str], relevant: frozenset[str]) -> dict[str, float]:
    return {
        "nDCG@10": ndcg(pages, relevant),
        "recall@10": recall(pages, relevant, CUT),
        "MRR@10": reciprocal_rank(pages, relevant),
        "hit@3": hit(pages, relevant, 3),
    }


def _of_shown(shown: Shown, relevant: frozenset[str]) -> dict[str, float]:
    return {
        "hit shown": hit(shown.pages, relevant, MOST_PASSAGES),
        "nDCG shown": ndcg(shown.pages, relevant, MOST_PASSAGES),
        "share of the budget": shown.characters / (MOST_PASSAGES * RECIPE_LENGTH),
    }
