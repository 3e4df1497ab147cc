"""Backstage's condition trees: what they are, and whether they hold of an entity.

Three-valued: a rule that is not known here, or asks for what is not known, is neither true nor
false (None), and stays so through `not`. Facts: `plugin-permission-node` (the grammar) and the six
rules of `plugin-catalog-backend`, as they are applied to an entity.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from portal_rag.corpus import predicates
from portal_rag.corpus.predicates import Predicates, predicates_of
from portal_rag.errors import UpstreamError

CATALOG_ENTITY = "catalog-entity"
MOST_DEPTH = 50
MOST_PARTS = 10_000
"""Rules, lists, negations and values of parameters in one tree, taken together."""

Primitive = str | int | float | bool | None
Parameter = Primitive | tuple[Primitive, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with its parameters; rules of other plugins may have any name."""

    name: str
    resource_type: str
    params: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where one part is; of none, nowhere."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where all parts are; of none, nowhere, for an empty list must not widen anything."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false."""

    part: "Condition"


Condition = Rule | AnyOf | AllOf | Not


def parse_condition(encoded: object) -> Condition:
    """Read the `conditions` of a decision.

    Empty lists are read, and match nothing, where they are not below a `not`.

    Raises:
        UpstreamError: it is not of Backstage's grammar, or larger than any policy's.
    """
    return _Parser().read(encoded, depth=0, is_negated=False)


def holds(condition: Condition, entity: Mapping[str, Any]) -> bool | None:
    """Say whether it holds of an entity as the catalog returns it; None if that is not known."""
    return _holds(condition, predicates_of(entity))


def asked_for(rule: Rule) -> Predicates | None:
    """Name the predicates of which one must be true for the rule to be; None if not known."""
    read = _RULES.get(rule.name) if rule.resource_type == CATALOG_ENTITY else None
    return read(rule.params) if read else None


def _holds(condition: Condition, known: Predicates) -> bool | None:
    match condition:
        case Rule():
            wanted = asked_for(condition)
            return None if wanted is None else not wanted.isdisjoint(known)
        case AnyOf(parts=parts):
            return _first_of(True, (_holds(part, known) for part in parts), otherwise=False)
        case AllOf(parts=parts):
            each = (_holds(part, known) for part in parts)
            return _first_of(False, each, otherwise=bool(parts))
        case Not(part=part):
            found = _holds(part, known)
            return None if found is None else not found
        case _:
            assert_never(condition)


def _first_of(decisive: bool, found: Iterable[bool | None], *, otherwise: bool) -> bool | None:
    values = set(found)
    if decisive in values:
        return decisive
    return None if None in values else otherwise


def _row_rule(family: str, key: str) -> Callable[[Mapping[str, Parameter]], Predicates | None]:
    def read(params: Mapping[str, Parameter]) -> Predicates | None:
        name, value = params.get(key), params.get("value")
        if not params.keys() <= {key, "value"} or not isinstance(name, str):
            return None
        if "value" in params and not isinstance(value, str):
            return None
        return frozenset({predicates.row(family, name, value if isinstance(value, str) else None)})

    return read


def _list_rule(
    key: str, predicate: Callable[[str], str]
) -> Callable[[Mapping[str, Parameter]], Predicates | None]:
    def read(params: Mapping[str, Parameter]) -> Predicates | None:
        values = params.get(key)
        if params.keys() != {key} or not isinstance(values, tuple):
            return None
        texts = [value for value in values if isinstance(value, str)]
        return frozenset(map(predicate, texts)) if len(texts) == len(values) else None

    return read


_RULES: Mapping[str, Callable[[Mapping[str, Parameter]], Predicates | None]] = {
    "HAS_ANNOTATION": _row_rule("annotation", "annotation"),
    "HAS_LABEL": _row_rule("label", "label"),
    "HAS_METADATA": _row_rule("metadata", "key"),
    "HAS_SPEC": _row_rule("spec", "key"),
    "IS_ENTITY_KIND": _list_rule("kinds", predicates.kind),
    "IS_ENTITY_OWNER": _list_rule("claims", predicates.owner),
}


class _Parser:
    """Reads one tree, and counts what it is made of."""

    def __init__(self) -> None:
        self._parts = 0

    def read(self, encoded: object, *, depth: int, is_negated: bool) -> Condition:
        self._count(1)
        if depth > MOST_DEPTH:
            raise _malformed(f"is nested more than {MOST_DEPTH} levels deep")
        match encoded:
            case {"anyOf": list(parts), **rest} if not rest:
                return AnyOf(self._read_all(parts, depth, is_negated))
            case {"allOf": list(parts), **rest} if not rest:
                return AllOf(self._read_all(parts, depth, is_negated))
            case {"not": part, **rest} if not rest:
                return Not(self.read(part, depth=depth + 1, is_negated=True))
            case {"rule": str(name), "resourceType": str(resource_type), **rest}:
                return Rule(name=name, resource_type=resource_type, params=self._params(rest))
            case _:
                raise _malformed("has a part that is neither a rule, nor anyOf, allOf or not")

    def _read_all(
        self, parts: Sequence[object], depth: int, is_negated: bool
    ) -> tuple[Condition, ...]:
        if not parts and is_negated:
            raise _malformed("negates an empty list")
        return tuple(self.read(part, depth=depth + 1, is_negated=is_negated) for part in parts)

    def _params(self, rest: Mapping[object, object]) -> Mapping[str, Parameter]:
        params = rest.get("params", {})
        if not isinstance(params, dict) or not rest.keys() <= {"params"}:
            raise _malformed("has a rule with something else than parameters")
        return {str(name): self._param(value) for name, value in params.items()}

    def _param(self, value: object) -> Parameter:
        values = value if isinstance(value, list) else [value]
        self._count(len(values))
        primitives = tuple(
            each for each in values if each is None or isinstance(each, str | int | float)
        )
        if len(primitives) != len(values):
            raise _malformed("has a parameter that is neither a primitive nor a list of them")
        return primitives if isinstance(value, list) else primitives[0]

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MOST_PARTS:
            raise _malformed(f"has more than {MOST_PARTS} parts")


def _malformed(problem: str) -> UpstreamError:
    return UpstreamError("permission", f"a condition {problem}; nothing is shown")
