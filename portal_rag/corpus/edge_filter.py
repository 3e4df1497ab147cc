"""Selections as filters of Qdrant Edge."""

from typing import assert_never

import qdrant_edge as edge

from portal_rag.corpus.selection import AllOf, AnyOf, Constraint, Everything, Filterable, Not, OneOf


def to_filter(selected: Filterable) -> edge.Filter | None:
    """Translate a selection; None, which is no filter, only for everything."""
    return None if isinstance(selected, Everything) else narrowing(selected)


def narrowing(constraint: Constraint) -> edge.Filter:
    """Translate what is less than everything."""
    match constraint:
        case AnyOf(key=key, values=values):
            match_any = edge.MatchAny(list(values))
            return edge.Filter(must=[edge.FieldCondition(key=key, match=match_any)])
        case AllOf(parts=parts):
            return edge.Filter(must=[narrowing(part) for part in parts])
        case OneOf(parts=parts):
            return edge.Filter(should=[narrowing(part) for part in parts])
        case Not(part=part):
            return edge.Filter(must_not=[narrowing(part)])
        case _:
            assert_never(constraint)
