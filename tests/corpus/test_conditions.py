"""A condition means what Backstage's rules say, and what is not known stays unknown."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.corpus.conditions import (
    MOST_DEPTH,
    MOST_PARTS,
    AllOf,
    AnyOf,
    Condition,
    Not,
    holds,
    parse_condition,
)
from portal_rag.corpus.predicates import (
    FAMILIES,
    KNOWN,
    MOST_PREDICATES,
    UNKNOWN,
    UNSAID,
    by_family,
    family_of,
    hash_of,
    hashed,
    predicates_of,
)
from portal_rag.errors import UpstreamError
from tests.corpus.condition_cases import (
    CONDITIONS,
    KNOWN_CONDITIONS,
    UNKNOWN_RULES,
    encoded,
    entities,
    rule,
    said_by_the_rules,
)
from tests.factories import make_json

SHOP = make_json(
    "component:default/Shop",
    labels={"visibility": "Public"},
    annotations={"acme.com/Tier": "One"},
    tags=["Go"],
    spec={"type": "service", "replicas": 3, "flags": {"beta": True, "since": None}},
    relations={"ownedBy": ["group:default/web"], "partOf": ["group:default/payments"]},
)


@given(condition=CONDITIONS, entity=entities())
@settings(max_examples=500, deadline=None)
def test_a_condition_holds_exactly_where_the_rules_say_so(
    condition: Condition, entity: dict[str, Any]
) -> None:
    assert holds(condition, entity) is said_by_the_rules(condition, entity)


@given(condition=KNOWN_CONDITIONS)
def test_a_condition_survives_the_wire(condition: Condition) -> None:
    assert parse_condition(json.loads(json.dumps(encoded(condition)))) == condition


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("HAS_LABEL", {"label": "VISIBILITY", "value": "public"}, True),
        ("HAS_LABEL", {"label": "visibility", "value": "secret"}, False),
        ("HAS_LABEL", {"label": "tier"}, False),
        ("HAS_ANNOTATION", {"annotation": "acme.com/tier"}, True),
        ("HAS_METADATA", {"key": "tags.go", "value": "true"}, True),
        ("HAS_METADATA", {"key": "tags", "value": "GO"}, True),
        ("HAS_METADATA", {"key": "annotations.acme.com/tier", "value": "one"}, True),
        ("HAS_METADATA", {"key": "uid"}, True),
        ("HAS_METADATA", {"key": "etag"}, False),
        ("HAS_SPEC", {"key": "replicas", "value": "3"}, True),
        ("HAS_SPEC", {"key": "flags.beta", "value": "TRUE"}, True),
        ("HAS_SPEC", {"key": "flags.since"}, True),
        ("HAS_SPEC", {"key": "flags.since", "value": "null"}, False),
        ("HAS_SPEC", {"key": "flags"}, False),
        ("IS_ENTITY_KIND", {"kinds": ("API", "COMPONENT")}, True),
        ("IS_ENTITY_KIND", {"kinds": ()}, False),
        ("IS_ENTITY_OWNER", {"claims": ("group:default/web",)}, True),
        ("IS_ENTITY_OWNER", {"claims": ("group:default/payments",)}, False),
        ("IS_ENTITY_OWNER", {"claims": ("Group:default/Web",)}, False),
    ],
)
def test_each_rule_compares_as_backstage_does(
    name: str, params: dict[str, Any], expected: bool
) -> None:
    assert holds(rule(name, **params), SHOP) is expected


def test_what_is_not_known_stays_unknown_unless_the_rest_decides() -> None:
    known, unknown = rule("IS_ENTITY_KIND", kinds=("component",)), UNKNOWN_RULES[0]
    for condition, expected in (
        (unknown, None),
        (Not(unknown), None),
        (AnyOf((unknown, known)), True),
        (AnyOf((unknown, Not(known))), None),
        (AllOf((unknown, known)), None),
        (AllOf((unknown, Not(known))), False),
    ):
        assert holds(condition, SHOP) is expected


def test_empty_lists_match_nothing_and_may_not_be_negated() -> None:
    lists: list[Any] = [{"anyOf": []}, {"allOf": []}]
    for empty in lists:
        assert holds(parse_condition(empty), SHOP) is False
        assert holds(parse_condition({"anyOf": [empty, encoded(rule("A"))]}), SHOP) is None
        for negated in ({"not": empty}, {"not": {"not": {"allOf": [empty]}}}):
            with pytest.raises(UpstreamError, match="negates an empty list"):
                parse_condition(negated)


FRIDAY = {"rule": "IS_FRIDAY", "resourceType": "catalog-entity"}


def nested(levels: int) -> Any:
    condition: Any = FRIDAY
    for _ in range(levels):
        condition = {"not": condition}
    return condition


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        [],
        {},
        "IS_FRIDAY",
        {"anyOf": FRIDAY},
        {"anyOf": [FRIDAY], "not": FRIDAY},
        {"anyOf": [FRIDAY, {}]},
        {"allOf": None},
        {"not": [FRIDAY]},
        {"not": None},
        {"rule": "IS_FRIDAY"},
        {"rule": 1, "resourceType": "catalog-entity"},
        {**FRIDAY, "params": None},
        {**FRIDAY, "params": []},
        {**FRIDAY, "params": {"a": {"b": 1}}},
        {**FRIDAY, "params": {"a": [["b"]]}},
        {**FRIDAY, "anyOf": []},
        {"anyOf": [FRIDAY] * MOST_PARTS},
        {**FRIDAY, "params": {"claims": ["a"] * MOST_PARTS}},
        nested(MOST_DEPTH + 1),
        nested(5_000),
    ],
    ids=[str(number) for number in range(21)],
)
def test_what_is_no_condition_is_refused(malformed: Any) -> None:
    with pytest.raises(UpstreamError, match="nothing is shown"):
        parse_condition(malformed)


def test_a_deep_condition_is_read() -> None:
    assert holds(parse_condition(nested(MOST_DEPTH)), SHOP) is None


def test_hashes_are_short_salted_and_in_order() -> None:
    predicates = predicates_of(SHOP)
    hashes = hashed(predicates, salt="a").split()
    assert hashes == sorted(hashes)
    assert len(set(hashes)) == len(predicates) + 1
    assert {len(each.partition(":")[2]) for each in hashes} == {11}
    assert not set(hashes) & set(hashed(predicates, salt="b").split())
    assert hash_of("label:a=\ud800", salt="") != hash_of("label:a=\ud801", salt="")


def test_an_entity_of_very_many_rows_counts_as_unknown() -> None:
    large = make_json("component:default/x", spec={"x": [str(n) for n in range(MOST_PREDICATES)]})
    for unknown in (predicates_of(large), None):
        assert by_family(hashed(unknown, salt="")) == {
            **{family: [] for family in FAMILIES},
            "": [hash_of(UNKNOWN, salt="")],
        }


def test_hashes_are_kept_apart_by_what_they_are_about() -> None:
    predicates = {"kind=api", "owner=a:b/c", "label:spec:x=kind=y", "spec:owner=1", "metadata:a"}
    parted = by_family(hashed(frozenset(predicates), salt="a"))
    about = {each: family_of(each) for each in (*predicates, KNOWN)}
    assert set(about.values()) == {"kind", "owner", "label", "spec", "metadata", ""}
    assert parted == {
        family: [hash_of(each, salt="a") for each in about if about[each] == family]
        for family in FAMILIES
    }
    assert set(by_family(UNSAID)) == set(FAMILIES)
    assert not any(by_family(UNSAID).values())


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_any_json_has_predicates(anything: Any) -> None:
    for entity in (
        {"kind": anything, "metadata": anything, "spec": anything, "relations": anything},
        {"metadata": {"labels": anything, "annotations": anything, "namespace": anything}},
        {"relations": [anything, {"type": "ownedBy", "targetRef": anything}]},
    ):
        assert all(isinstance(each, str) for each in predicates_of(entity))


def test_an_entity_of_any_depth_has_predicates() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"a": [deep]}
    assert "kind=component" in predicates_of({**SHOP, "spec": deep})
    assert "spec:n=infinity" in predicates_of({"spec": {"n": 10**400}})
    assert "spec:n=-infinity" in predicates_of({"spec": {"n": -(10**400)}})
