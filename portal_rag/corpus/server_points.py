"""Chunks and selections as the models of qdrant-client."""

from collections.abc import Sequence
from typing import assert_never

from qdrant_client import models

from portal_rag.corpus.constraints import (
    AllOf,
    AnyOf,
    Constraint,
    Everything,
    Filterable,
    Not,
    OneOf,
)
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
from portal_rag.corpus.schema import DENSE, LEXICAL, to_governance, to_metadata, to_payload
from portal_rag.corpus.selection import RESOURCE_REF
from portal_rag.corpus.store import EmbeddedChunk, Run, SparseVector


def writing(items: Sequence[EmbeddedChunk], run: Run) -> models.UpsertOperation:
    """Write chunks as a whole."""
    points = [_point(item, run) for item in items]
    return models.UpsertOperation(upsert=models.PointsList(points=points))


def deleting(chunk_ids: Sequence[str]) -> models.DeleteOperation:
    """Delete points by id."""
    return models.DeleteOperation(delete=models.PointIdsList(points=list(chunk_ids)))


def rewriting(chunk: Chunk, run: Run) -> models.SetPayloadOperation:
    """Replace what stands beside a text."""
    return models.SetPayloadOperation(
        set_payload=models.SetPayload(payload=to_metadata(chunk, run), points=[chunk.id])
    )


def governing(ref: EntityRef, predicates: PredicateHashes, run: Run) -> models.SetPayloadOperation:
    """Set what is known of an entity on all that it governs."""
    governed = _filter(AnyOf(RESOURCE_REF, (str(ref),)))
    payload = to_governance(predicates, run)
    return models.SetPayloadOperation(
        set_payload=models.SetPayload(payload=payload, filter=governed)
    )


def sparse(vector: SparseVector) -> models.SparseVector:
    """Translate term weights."""
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def to_filter(selected: Filterable) -> models.Filter | None:
    """Translate a selection; None, which is no filter, only for everything."""
    return None if isinstance(selected, Everything) else _filter(selected)


def rarity(corpus: models.Filter | None) -> models.SearchParams | None:
    """Count how rare a term is among these points alone; servers before 1.20 count all."""
    return models.SearchParams(idf=models.IdfCorpusParams(corpus=corpus)) if corpus else None


def _point(item: EmbeddedChunk, run: Run) -> models.PointStruct:
    return models.PointStruct(
        id=item.chunk.id,
        vector={DENSE: list(item.dense.values), LEXICAL: sparse(item.lexical)},
        payload=to_payload(item.chunk, run, item.predicates),
    )


def _filter(constraint: Constraint) -> models.Filter:
    match constraint:
        case AnyOf():
            return models.Filter(must=[_condition(constraint)])
        case AllOf(parts=parts):
            refused = [part.part for part in parts if isinstance(part, Not)]
            return models.Filter(
                must=[_condition(part) for part in parts if not isinstance(part, Not)],
                must_not=list(map(_condition, refused)),
            )
        case OneOf(parts=parts):
            return models.Filter(should=list(map(_condition, parts)))
        case Not(part=part):
            return models.Filter(must_not=[_condition(part)])
        case _:
            assert_never(constraint)


def _condition(constraint: Constraint) -> models.Filter | models.FieldCondition:
    """Translate a part, if possible without a filter within a filter, which takes longer."""
    if not isinstance(constraint, AnyOf):
        return _filter(constraint)
    match_any = models.MatchAny(any=list(constraint.values))
    return models.FieldCondition(key=constraint.key, match=match_any)
