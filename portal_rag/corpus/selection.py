"""Which points a query may return, in a form that each engine translates and none can widen."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple
from typing import assert_never

from portal_rag.corpus import conditions
from portal_rag.corpus.conditions import Condition, Rule, asked_for
from portal_rag.corpus.constraints import (
    AllOf,
    AnyOf,
    Constraint,
    Everything,
    Filterable,
    Not,
    Nothing,
    OneOf,
    Selection,
    all_of,
    any_of,
    negation,
    one_of,
)
from portal_rag.corpus.documents import SOURCES
from portal_rag.corpus.predicates import FAMILIES, KNOWN, UNKNOWN, family_of, hash_of
from portal_rag.corpus.visibility import (
    CountedAmong,
    GateDecides,
    OfOrigin,
    OnlyResources,
    Refused,
    Visibility,
    Where,
    Within,
    Without,
)

RESOURCE_REF = "resource_ref"
ENTITY_REF = "entity_ref"
SOURCE = "source"
PREDICATES: Mapping[str, str] = {family: f"predicates_{family or 'given'}" for family in FAMILIES}
"""Where the index keeps the predicates of each family."""
_HASHED = frozenset(PREDICATES.values())


def select(visibility: Visibility) -> Selection:
    """Say which points a query may return; predicates are still texts (see `salted`)."""
    match visibility:
        case OnlyResources(refs=refs):
            return any_of(RESOURCE_REF, map(str, refs))
        case GateDecides():
            return Everything()
        case Where(condition=condition):
            return _with_unknown(_possibly(condition))
        case Within(among=among, only=only):
            return all_of([select(among), *map(_governed, only)])
        case CountedAmong(found=found):
            return select(found)
        case Without(among=among, refused=refused):
            return all_of([select(among), negation(one_of(_refused_parts(refused)))])
        case _:
            assert_never(visibility)


def counted(visibility: Visibility) -> Filterable:
    """Say among which points a query counts how rare a word is, so that nothing hidden does."""
    selection = _counted(visibility)
    return AnyOf(RESOURCE_REF, ("",)) if isinstance(selection, Nothing) else selection


def _counted(visibility: Visibility) -> Selection:
    match visibility:
        case CountedAmong(by=by):
            return _counted(by)
        case Within(among=among, only=only):
            return all_of([_counted(among), *map(_governed, only)])
        case Without(among=among, refused=refused):
            return all_of([_counted(among), negation(one_of(_refused_parts(refused)))])
        case Where(condition=condition):
            return all_of([_of_one(KNOWN), _certainly(condition)])
        case _:
            return select(visibility)


def _governed(only: OfOrigin) -> Selection:
    """Select what is of another origin, or governed by these alone.

    What has no fixed source counts as a folder: it may be of an origin that is not known here.
    """
    refs, fixed = list(map(str, only.refs)), SOURCES.get(only.origin)
    named = any_of(SOURCE, fixed or itertools.chain.from_iterable(SOURCES.values()))
    is_other = negation(named) if fixed else named
    return one_of([is_other, all_of([any_of(RESOURCE_REF, refs), any_of(ENTITY_REF, refs)])])


def _refused_parts(refused: Collection[Refused]) -> Iterator[Selection]:
    """Select exactly these; what governs itself, which is nearly all, goes into one part a source.

    An entity and another of the same part govern together only what both of them were refused for.
    """
    themselves: dict[str, set[str]] = {}
    for each in sorted(refused, key=astuple):
        source, resource, entity = each.source, str(each.resource_ref), str(each.entity_ref)
        if resource == entity:
            themselves.setdefault(source, set()).add(entity)
        else:
            yield _chunks_of(source, {resource}, {entity})
    for source, entities in themselves.items():
        yield _chunks_of(source, entities, entities)


def _chunks_of(source: str, resources: Collection[str], entities: Collection[str]) -> Selection:
    return all_of(
        [any_of(SOURCE, [source]), any_of(RESOURCE_REF, resources), any_of(ENTITY_REF, entities)]
    )


def salted(selection: Filterable, salt: str) -> Filterable:
    """Put the hashes of this index in the place of predicates."""
    return selection if isinstance(selection, Everything) else _salted(selection, salt)


def _salted(constraint: Constraint, salt: str) -> Constraint:
    match constraint:
        case AnyOf(key=key, values=values):
            if key not in _HASHED:
                return constraint
            return AnyOf(key, tuple(sorted(hash_of(value, salt=salt) for value in values)))
        case AllOf(parts=parts):
            return AllOf(tuple(_salted(part, salt) for part in parts))
        case OneOf(parts=parts):
            return OneOf(tuple(_salted(part, salt) for part in parts))
        case Not(part=part):
            return Not(_salted(part, salt))
        case _:
            assert_never(constraint)


def _with_unknown(selection: Selection) -> Selection:
    """Add the points whose entity is not known: of that, anything may be true.

    What is selected by negations alone must also be known: with the salt of another index nothing
    is found then, instead of everything.
    """
    if isinstance(selection, Nothing | Everything):
        return selection
    known = _of_one(KNOWN)
    safe = selection if _asks_for_something(selection) else all_of([known, selection])
    return one_of([_of_one(UNKNOWN), safe])


def _asks_for_something(constraint: Constraint) -> bool:
    match constraint:
        case AnyOf():
            return True
        case AllOf(parts=parts):
            return any(map(_asks_for_something, parts))
        case OneOf(parts=parts):
            return all(map(_asks_for_something, parts))
        case Not():
            return False
        case _:
            assert_never(constraint)


def _possibly(condition: Condition) -> Selection:
    """Select the known points of which the condition may be true."""
    return _points(condition, where_unsure=Everything())


def _certainly(condition: Condition) -> Selection:
    """Select the known points of which the condition is true whatever unknown rules say."""
    return _points(condition, where_unsure=Nothing())


def _points(condition: Condition, *, where_unsure: Nothing | Everything) -> Selection:
    match condition:
        case Rule():
            wanted = asked_for(condition)
            return where_unsure if wanted is None else one_of(map(_of_one, wanted))
        case conditions.AnyOf(parts=parts):
            return one_of([_points(part, where_unsure=where_unsure) for part in parts])
        case conditions.AllOf(parts=parts):
            found = [_points(part, where_unsure=where_unsure) for part in parts]
            return all_of(found) if found else Nothing()
        case conditions.Not(part=part):
            is_generous = isinstance(where_unsure, Everything)
            return negation(_certainly(part) if is_generous else _possibly(part))
        case _:
            assert_never(condition)


def _of_one(predicate: str) -> Selection:
    return any_of(PREDICATES[family_of(predicate)], [predicate])
