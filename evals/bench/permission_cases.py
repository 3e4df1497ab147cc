"""Policies of several shapes: their conditions as Backstage sends them, and whom they let in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evals.bench.permission_world import CONFIDENTIAL, GROUPS, PUBLIC, RESTRICTED

Json = Mapping[str, Any]
_FIVE = tuple(range(0, GROUPS, GROUPS // 5))
_TWO = _FIVE[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A policy for one user; `lets_in` says of an entity the same as the conditions."""

    name: str
    conditions: Json
    lets_in: Callable[[Json], bool]


def _rule(name: str, **params: object) -> Json:
    return {"rule": name, "resourceType": "catalog-entity", "params": params}


def _owner(teams: tuple[int, ...]) -> Json:
    claims = ["user:default/alice", *map(_team, teams)]
    return _rule("IS_ENTITY_OWNER", claims=claims)


def _team(number: int) -> str:
    return f"group:default/team-{number}"


def _owned(entity: Json, teams: tuple[int, ...]) -> bool:
    return entity["spec"]["owner"] in map(_team, teams)


def _labelled(entity: Json, label: str) -> bool:
    return label in entity["metadata"]["labels"]


def _without(label: str) -> Json:
    return {"not": _rule("HAS_LABEL", label=label)}


def _is_open(entity: Json) -> bool:
    return (
        entity["kind"] in ("Component", "API")
        and not _labelled(entity, RESTRICTED)
        and not _labelled(entity, CONFIDENTIAL)
    )


_PAGED = _rule("HAS_ANNOTATION", annotation="pagerduty.com/service-id")
_OPEN = {
    "allOf": [
        _rule("IS_ENTITY_KIND", kinds=["component", "api"]),
        _without(RESTRICTED),
        _without(CONFIDENTIAL),
        {"anyOf": [_rule("HAS_LABEL", label=PUBLIC), {"allOf": [_PAGED, {"not": _owner(_TWO)}]}]},
    ]
}

OWNERS = Case(
    name="(a) owned by 5 groups",
    conditions={"anyOf": [_owner(_FIVE)]},
    lets_in=lambda entity: _owned(entity, _FIVE),
)
CASES = (
    OWNERS,
    Case(
        name="(b) not confidential",
        conditions={"allOf": [_without(CONFIDENTIAL)]},
        lets_in=lambda entity: not _labelled(entity, CONFIDENTIAL),
    ),
    Case(
        name="(c) owned by 2 groups, or not confidential",
        conditions={"anyOf": [_owner(_TWO), _without(CONFIDENTIAL)]},
        lets_in=lambda entity: _owned(entity, _TWO) or not _labelled(entity, CONFIDENTIAL),
    ),
    Case(
        name="(d) a tree of 5 levels",
        conditions={"anyOf": [_owner(_TWO), _OPEN]},
        lets_in=lambda entity: _owned(entity, _TWO) or _is_open(entity),
    ),
    Case(
        name="(e) owned, and not restricted",
        conditions={"allOf": [_owner(_FIVE), _without(RESTRICTED)]},
        lets_in=lambda entity: _owned(entity, _FIVE) and not _labelled(entity, RESTRICTED),
    ),
    Case(
        name="(f) not restricted, which nine of ten are not",
        conditions={"allOf": [_without(RESTRICTED)]},
        lets_in=lambda entity: not _labelled(entity, RESTRICTED),
    ),
)
