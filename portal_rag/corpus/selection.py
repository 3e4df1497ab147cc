"""Which points a query may return, in a form that each engine translates and none can widen."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import assert_never

from portal_rag.corpus import conditions
from portal_rag.corpus.conditions import Condition, Rule, asked_for
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


@dataclass(frozen=True, slots=True)
class Nothing:
    """No point matches. Engines read an empty filter as *all*, so they are not asked."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Every point matches: no filter."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Points of which `key` is, or holds, one of `values`."""

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_not_empty(self.values)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Points that meet every part."""

    parts: tuple["Constraint", ...]

    def __post_init__(self) -> None:
        _check_not_empty(self.parts)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Points that meet at least one part."""

    parts: tuple["Constraint", ...]

    def __post_init__(self) -> None:
        _check_not_empty(self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """Points that do not meet the part."""

    part: "Constraint"


Constraint = AnyOf | AllOf | OneOf | Not
Filterable = Everything | Constraint
Selection = Nothing | Filterable


def select(visibility: Visibility) -> Selection:
    """Say which points a query may return; predicates are still texts (see `salted`)."""
    match visibility:
        case OnlyResources(refs=refs):
            return _any_of(RESOURCE_REF, map(str, refs))
        case GateDecides():
            return Everything()
        case Where(condition=condition):
            return _with_unknown(_possibly(condition))
        case Within(among=among, only=only):
            return _all_of([select(among), *map(_governed, only)])
        case CountedAmong(found=found):
            return select(found)
        case Without(among=among, refused=refused):
            return _all_of([select(among), _not(_one_of(_refused_parts(refused)))])
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
            return _all_of([_counted(among), *map(_governed, only)])
        case Without(among=among, refused=refused):
            return _all_of([_counted(among), _not(_one_of(_refused_parts(refused)))])
        case Where(condition=condition):
            return _all_of([_of_one(KNOWN), _certainly(condition)])
        case _:
            return select(visibility)


def _governed(only: OfOrigin) -> Selection:
    """Select what is of another origin, or governed by these alone.

    What has no fixed source counts as a folder: it may be of an origin that is not known here.
    """
    refs, fixed = list(map(str, only.refs)), SOURCES.get(only.origin)
    named = _any_of(SOURCE, fixed or itertools.chain.from_iterable(SOURCES.values()))
    is_other = _not(named) if fixed else named
    return _one_of([is_other, _all_of([_any_of(RESOURCE_REF, refs), _any_of(ENTITY_REF, refs)])])


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
    return _all_of(
        [_any_of(SOURCE, [source]), _any_of(RESOURCE_REF, resources), _any_of(ENTITY_REF, entities)]
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
    safe = selection if _asks_for_something(selection) else _all_of([known, selection])
    return _one_of([_of_one(UNKNOWN), safe])


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
            return where_unsure if wanted is None else _one_of(map(_of_one, wanted))
        case conditions.AnyOf(parts=parts):
            return _one_of([_points(part, where_unsure=where_unsure) for part in parts])
        case conditions.AllOf(parts=parts):
            found = [_points(part, where_unsure=where_unsure) for part in parts]
            return _all_of(found) if found else Nothing()
        case conditions.Not(part=part):
            is_generous = isinstance(where_unsure, Everything)
            return _not(_certainly(part) if is_generous else _possibly(part))
        case _:
            assert_never(condition)


def _of_one(predicate: str) -> Selection:
    return _any_of(PREDICATES[family_of(predicate)], [predicate])


def _any_of(key: str, values: Iterable[str]) -> Nothing | AnyOf:
    several = tuple(sorted(set(values)))
    return AnyOf(key, several) if several else Nothing()


def _one_of(parts: Iterable[Selection]) -> Selection:
    """Select what one of the parts does; values of one key are looked up at once."""
    values: dict[str, set[str]] = {}
    kept: list[Constraint] = []
    for part in itertools.chain.from_iterable(map(_alternatives, parts)):
        match part:
            case Everything():
                return part
            case AnyOf(key=key):
                values.setdefault(key, set()).update(part.values)
            case _:
                kept.append(part)
    several = (*(AnyOf(key, tuple(sorted(each))) for key, each in values.items()), *kept)
    if len(several) > 1:
        return OneOf(several)
    return several[0] if several else Nothing()


def _alternatives(selection: Selection) -> tuple[Filterable, ...]:
    match selection:
        case Nothing():
            return ()
        case OneOf(parts=parts):
            return parts
        case _:
            return (selection,)


def _all_of(parts: Iterable[Selection]) -> Selection:
    kept: list[Constraint] = []
    for part in parts:
        match part:
            case Nothing():
                return part
            case AllOf(parts=inner):
                kept += inner
            case Everything():
                pass
            case _:
                kept.append(part)
    if len(kept) > 1:
        return AllOf(tuple(kept))
    return kept[0] if kept else Everything()


def _not(selection: Selection) -> Selection:
    match selection:
        case Nothing():
            return Everything()
        case Everything():
            return Nothing()
        case Not(part=part):
            return part
        case _:
            return Not(selection)


def _check_not_empty(parts: tuple[object, ...]) -> None:
    if not parts:
        raise ValueError("an engine would read an empty filter as everything")
