"""A real Backstage applies the same condition trees to the same entities, with the same result."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from evals.backstage import Portal
from portal_rag.corpus.conditions import AllOf, AnyOf, Condition, Not, holds
from tests.corpus.condition_cases import encoded, rule

TREES = 300
TREES_AT_ONCE = 20
MOST_BYTES = 100_000
APPLY = "/api/catalog/.well-known/backstage/permissions/apply-conditions"

Json = dict[str, Any]


def read_entities(portal: Portal) -> list[Json]:
    answer = httpx.get(
        f"{portal.url}/api/catalog/entities/by-query?limit=500",
        headers={"Authorization": f"Bearer {portal.service_token}"},
        timeout=30,
        trust_env=False,
    )
    items: list[Json] = answer.raise_for_status().json()["items"]
    return items


def apply(portal: Portal, conditions: Sequence[Condition], refs: Sequence[str]) -> list[list[str]]:
    """Have the catalog say ALLOW or DENY for each condition and reference."""
    items = [
        {
            "id": str(number),
            "resourceRef": list(refs),
            "resourceType": "catalog-entity",
            "conditions": encoded(condition),
        }
        for number, condition in enumerate(conditions)
    ]
    body = json.dumps({"items": items})
    assert len(body) <= MOST_BYTES
    answer = httpx.post(
        portal.url + APPLY,
        content=body,
        headers={
            "Authorization": f"Bearer {portal.service_token}",
            "Content-Type": "application/json",
        },
        timeout=60,
        trust_env=False,
    )
    return [item["result"] for item in answer.raise_for_status().json()["items"]]


def ref_of(entity: Json) -> str:
    metadata = entity["metadata"]
    return f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give dotted paths into an entity, right and nearly right, and what stands there."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}{key}", "x"
            yield from leaves(each, f"{path}{key}.")
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
            if isinstance(each, str):
                yield f"{path}{each}", "true"
    else:
        yield path.rstrip("."), json.dumps(value).strip('"')


def known_rule(draw: random.Random, entities: Sequence[Json]) -> Condition:
    """Ask for something that is true of some entity, or nearly."""
    entity = draw.choice(entities)
    metadata = entity["metadata"]
    pairs = [(name, text) for name, text in metadata.get("labels", {}).items()]
    notes = [(name, text) for name, text in metadata["annotations"].items()]
    name, key, found = draw.choice(
        (
            ("HAS_LABEL", "label", pairs or [("visibility", "public")]),
            ("HAS_ANNOTATION", "annotation", notes),
            ("HAS_METADATA", "key", list(leaves(metadata))),
            ("HAS_SPEC", "key", list(leaves(entity["spec"]))),
            ("IS_ENTITY_KIND", "kinds", []),
            ("IS_ENTITY_OWNER", "claims", []),
        )
    )
    if name == "IS_ENTITY_KIND":
        return rule(name, kinds=tuple(draw.choice(entities)["kind"] for _ in range(2)))
    if name == "IS_ENTITY_OWNER":
        owners = [each["targetRef"] for each in entity.get("relations", ())]
        return rule(name, claims=tuple(draw.sample([*owners, "group:default/nobody"], 1)))
    at, text = draw.choice(found)
    changed = draw.choice((str, str.upper, str.lower))
    value = draw.choice((..., changed(text)))
    return rule(name, **{key: draw.choice((str, str.swapcase))(at)}, value=value)


def tree(draw: random.Random, entities: Sequence[Json], levels: int) -> Condition:
    shape = draw.choice(("rule", "any", "all", "not")) if levels else "rule"
    if shape == "rule":
        return known_rule(draw, entities)
    if shape == "not":
        return Not(tree(draw, entities, levels - 1))
    parts = tuple(tree(draw, entities, levels - 1) for _ in range(draw.randint(1, 3)))
    return AnyOf(parts) if shape == "any" else AllOf(parts)


def test_backstage_applies_conditions_as_we_do(portal: Portal) -> None:
    draw = random.Random("conditions")  # noqa: S311 (a sample, the same each time)
    entities = read_entities(portal)
    assert len(entities) > 30
    refs = [*map(ref_of, entities), "component:default/no-such-thing"]
    conditions = [tree(draw, entities, 3) for _ in range(TREES)]
    decisions: set[bool | None] = set()
    for start in range(0, TREES, TREES_AT_ONCE):
        some = conditions[start : start + TREES_AT_ONCE]
        for condition, results in zip(some, apply(portal, some, refs), strict=True):
            ours = [holds(condition, entity) for entity in entities]
            decisions.update(ours)
            expected = ["ALLOW" if each else "DENY" for each in ours]
            assert results == [*expected, "DENY"], encoded(condition)
    assert decisions == {True, False}
