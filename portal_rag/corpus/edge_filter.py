"""Selections as filters of Qdrant Edge."""

from typing import assert_never

import qdrant_edge as edge

from portal_rag.corpus.constraints import (
    AllOf,
    AnyOf,
    Constraint,
    Everything,
    Filterable,
    Not,
    OneOf,
)


def to_filter(selected: Filterable) -> edge.Filter | None:
    """Translate a selection; None, which is no filter, only for everything."""
    return None if isinstance(selected, Everything) else narrowing(selected)


def narrowing(constraint: Constraint) -> edge.Filter:
    """Translate what is less than everything."""
    match constraint:
        case AnyOf():
            return edge.Filter(must=[_condition(constraint)])
        case AllOf(parts=parts):
            refused = [part.part for part in parts if isinstance(part, Not)]
            return edge.Filter(
                must=[_condition(part) for part in parts if not isinstance(part, Not)],
                must_not=list(map(_condition, refused)),
            )
        case OneOf(parts=parts):
            return edge.Filter(should=list(map(_condition, parts)))
        case Not(part=part):
            return edge.Filter(must_not=[_condition(part)])
        case _:
            assert_never(constraint)


def _condition(constraint: Constraint) -> edge.Filter | edge.FieldCondition:
    """Translate a part, if possible without a filter within a filter, which takes longer."""
    if not isinstance(constraint, AnyOf):
        return narrowing(constraint)
    match_any = edge.MatchAny(list(constraint.values))
    return edge.FieldCondition(key=constraint.key, match=match_any)
