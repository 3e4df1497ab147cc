"""Relations follow from the specs, in both directions, as in Backstage."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.stitching import ref_of, stitch
from portal_rag.corpus.entity_ref import EntityRef

INVERSES = {
    "ownedBy": "ownerOf",
    "providesApi": "apiProvidedBy",
    "consumesApi": "apiConsumedBy",
    "dependsOn": "dependencyOf",
    "childOf": "parentOf",
    "memberOf": "hasMember",
    "partOf": "hasPart",
}
INVERSES |= {inverse: relation for relation, inverse in INVERSES.items()}


def entity(kind: str, name: str, *, namespace: str | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"kind": kind, "metadata": metadata, "spec": spec}


def relations(*entities: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    stitched, problems = stitch(entities)
    assert problems == []
    return {
        str(ref_of(each)): [(r["type"], r["targetRef"]) for r in each["relations"]]
        for each in stitched
    }


@pytest.mark.parametrize(
    ("kind", "field", "value", "relation", "target"),
    [
        ("Component", "owner", "Payments", "ownedBy", "group:eu/payments"),
        ("Component", "owner", "user:default/Ann", "ownedBy", "user:default/ann"),
        ("Component", "owner", "default/payments", "ownedBy", "group:default/payments"),
        ("Component", "system", "shop", "partOf", "system:eu/shop"),
        ("Component", "subcomponentOf", "big", "partOf", "component:eu/big"),
        ("Component", "providesApis", ["a"], "providesApi", "api:eu/a"),
        ("Component", "consumesApis", ["default/a"], "consumesApi", "api:default/a"),
        ("Component", "dependsOn", ["resource:DB"], "dependsOn", "resource:eu/db"),
        ("Component", "dependencyOf", ["component:x"], "dependencyOf", "component:eu/x"),
        ("API", "owner", "a", "ownedBy", "group:eu/a"),
        ("API", "system", "a", "partOf", "system:eu/a"),
        ("Resource", "owner", "a", "ownedBy", "group:eu/a"),
        ("Resource", "dependsOn", ["api:a"], "dependsOn", "api:eu/a"),
        ("Resource", "dependencyOf", ["api:a"], "dependencyOf", "api:eu/a"),
        ("Resource", "system", "a", "partOf", "system:eu/a"),
        ("System", "domain", "a", "partOf", "domain:eu/a"),
        ("Domain", "subdomainOf", "a", "partOf", "domain:eu/a"),
        ("Group", "parent", "a", "childOf", "group:eu/a"),
        ("Group", "children", ["a"], "parentOf", "group:eu/a"),
        ("Group", "members", ["a"], "hasMember", "user:eu/a"),
        ("User", "memberOf", ["a"], "memberOf", "group:eu/a"),
        ("Template", "owner", "a", "ownedBy", "group:eu/a"),
    ],
)
def test_a_spec_names_others_by_default_kind_and_own_namespace(
    kind: str, field: str, value: object, relation: str, target: str
) -> None:
    own = f"{kind.lower()}:eu/x1"
    found = relations(entity(kind, "X1", namespace="eu", **{field: value}))
    assert found == {own: [(relation, target)]}


def test_both_ends_know_a_relation() -> None:
    found = relations(
        entity("Component", "Shop", owner="team", dependsOn=["resource:db"]),
        entity("Resource", "db"),
        entity("Group", "team"),
    )
    assert found == {
        "component:default/shop": [
            ("dependsOn", "resource:default/db"),
            ("ownedBy", "group:default/team"),
        ],
        "resource:default/db": [("dependencyOf", "component:default/shop")],
        "group:default/team": [("ownerOf", "component:default/shop")],
    }


def test_what_both_ends_declare_is_one_relation() -> None:
    found = relations(entity("Group", "a", children=["b"]), entity("Group", "b", parent="a"))
    assert found["group:default/a"] == [("parentOf", "group:default/b")]
    assert found["group:default/b"] == [("childOf", "group:default/a")]


def test_a_reference_that_cannot_be_read_is_a_problem_of_its_entity() -> None:
    shop = entity("Component", "shop", owner="team", dependsOn=["db", "resource:db"])
    [stitched], [(ref, problem)] = stitch([shop])
    assert [relation["type"] for relation in stitched["relations"]] == ["dependsOn", "ownedBy"]
    assert ref == EntityRef.parse("component:default/shop")
    assert "dependsOn" in problem


def test_the_namespace_is_filled_in_and_lists_are_sorted_and_the_rest_stays() -> None:
    shop = entity("Component", "Shop", dependsOn=["resource:b", "resource:a"], type="service")
    [stitched], _ = stitch([shop])
    assert stitched["metadata"] == {"namespace": "default", "name": "Shop"}
    assert stitched["spec"] == {"dependsOn": ["resource:a", "resource:b"], "type": "service"}


@pytest.mark.parametrize("value", [None, 3, [], [3, None], {}])
def test_values_of_the_wrong_type_make_no_relation(value: object) -> None:
    assert relations(entity("Component", "shop", owner=value, dependsOn=value)) == {
        "component:default/shop": []
    }


def test_unknown_kinds_and_missing_specs_have_no_relations() -> None:
    [stitched], _ = stitch([{"kind": "Planet", "metadata": {"name": "earth", "namespace": None}}])
    assert stitched["relations"] == []
    assert stitched["metadata"]["namespace"] == "default"


NAMES = st.sampled_from(["a", "b", "c"])
ENTITIES = st.lists(
    st.builds(
        entity,
        st.sampled_from(["Component", "API", "Resource", "Group", "User", "System", "Domain"]),
        NAMES,
        owner=NAMES,
        system=NAMES,
        domain=NAMES,
        parent=NAMES,
        children=st.lists(NAMES),
        memberOf=st.lists(NAMES),
        dependsOn=st.lists(NAMES.map("resource:{}".format)),
        providesApis=st.lists(NAMES),
    ),
    unique_by=lambda each: str(ref_of(each)),
)


@given(ENTITIES)
def test_every_relation_has_its_inverse_where_the_other_end_exists(
    entities: list[dict[str, Any]],
) -> None:
    found = relations(*entities)
    for ref, targets in found.items():
        for relation, target in targets:
            if target in found:
                assert (INVERSES[relation], ref) in found[target]
