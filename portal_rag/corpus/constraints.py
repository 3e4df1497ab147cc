"""Sets of points, put together so that none is empty by mistake: engines read empty as all."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass


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


def any_of(key: str, values: Iterable[str]) -> Nothing | AnyOf:
    """Select what is, or holds, one of the values; of no values nothing is."""
    several = tuple(sorted(set(values)))
    return AnyOf(key, several) if several else Nothing()


def one_of(parts: Iterable[Selection]) -> Selection:
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


def all_of(parts: Iterable[Selection]) -> Selection:
    """Select what every part does; of no parts everything is."""
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


def negation(selection: Selection) -> Selection:
    """Select what the selection does not."""
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
