from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.backstage.entities import Entity, Link
from portal_rag.corpus.entity_ref import EntityRef
from tests.factories import make_entity
from tests.fakes.backstage import entity

PROPERTIES = [name for name in dir(Entity) if isinstance(getattr(Entity, name), property)]


def parsed(json: Any) -> Entity:
    found = Entity.parse(json)
    assert found is not None
    return found


def ref(text: str) -> EntityRef:
    return EntityRef.parse(text)


def test_a_whole_entity_is_read() -> None:
    checkout = parsed(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {
                "namespace": "EU",
                "name": "Checkout",
                "title": "Checkout Service",
                "description": "Turns carts into orders",
                "etag": "1e6d",
                "tags": ["java"],
                "labels": {"tier": "1"},
                "annotations": {"backstage.io/orphan": "true"},
                "links": [{"url": "https://dash.example", "title": "Dash", "icon": "dashboard"}],
            },
            "spec": {"type": "service", "lifecycle": "production"},
            "relations": [
                {"type": "ownedBy", "targetRef": "group:default/team-payments"},
                {"type": "partOf", "targetRef": "system:default/commerce"},
                {"type": "partOf", "targetRef": "domain:default/retail"},
            ],
        }
    )
    assert (checkout.kind, checkout.namespace, checkout.name) == ("Component", "EU", "Checkout")
    assert checkout.ref == ref("component:eu/checkout")
    assert checkout.title == checkout.display_name == "Checkout Service"
    assert checkout.description == "Turns carts into orders"
    assert (checkout.type, checkout.lifecycle, checkout.etag) == ("service", "production", "1e6d")
    assert checkout.tags == ("java",)
    assert checkout.labels == {"tier": "1"}
    assert checkout.annotations == {"backstage.io/orphan": "true"}
    assert checkout.links == (Link(url="https://dash.example", title="Dash", icon="dashboard"),)
    assert checkout.owners == (ref("group:default/team-payments"),)
    assert checkout.system == ref("system:default/commerce")
    assert checkout.domain == ref("domain:default/retail")
    assert checkout.is_orphan


def test_an_entity_without_a_namespace_is_in_the_default_one() -> None:
    assert parsed({"kind": "API", "metadata": {"name": "x"}}).ref == ref("api:default/x")


@pytest.mark.parametrize(
    "json",
    [
        None,
        [],
        {},
        {"kind": "Component"},
        {"kind": "Component", "metadata": {"name": 7}},
        {"kind": "", "metadata": {"name": "x"}},
        {"kind": "Component", "metadata": {"name": "a/b"}},
        {"kind": "Component", "metadata": {"name": "a b"}},
    ],
)
def test_what_cannot_be_referred_to_is_no_entity(json: Any) -> None:
    assert Entity.parse(json) is None


def test_a_profile_names_people_and_teams() -> None:
    team = parsed(
        entity(
            "Group:default/team-payments",
            spec={"profile": {"displayName": "Payments", "email": "pay@example.com"}},
        )
    )
    assert (team.display_name, team.email) == ("Payments", "pay@example.com")


def test_an_entity_with_neither_title_nor_profile_is_called_by_its_name() -> None:
    assert parsed(entity("Component:default/FraudScorer")).display_name == "FraudScorer"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@example.com",
        "//example.com/x",
        "/relative",
        "https://",
        "https://a b.example",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://@example.com/",
        "https://[broken",
        "https://example.com/\nx",
        "",
        7,
        None,
    ],
)
def test_a_link_that_is_not_a_web_address_is_dropped(url: Any) -> None:
    json = entity("Component:default/a")
    json["metadata"]["links"] = [{"url": url}, "text", {"url": "http://ok.example"}]
    assert parsed(json).links == (Link(url="http://ok.example"),)


def test_targets_keep_their_order_without_duplicates_and_broken_ones() -> None:
    json = entity("Component:default/a", relations={"dependsOn": ["b:c/z", "b:c/y", "b:c/z"]})
    json["relations"] += [
        {"type": "dependsOn", "targetRef": "no reference at all"},
        {"type": "dependsOn", "targetRef": 3},
        {"type": "dependsOn"},
        "text",
        {"type": "ownedBy", "targetRef": "group:default/x"},
    ]
    assert parsed(json).targets("dependsOn") == (ref("b:c/z"), ref("b:c/y"))


def test_being_part_of_another_component_is_not_being_part_of_a_system() -> None:
    part = parsed(entity("Component:default/a", relations={"partOf": ["component:default/b"]}))
    assert (part.system, part.domain) == (None, None)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, None),
        ({"backstage.io/techdocs-ref": "dir:."}, "component:default/a"),
        ({"backstage.io/techdocs-entity": "Component:default/B"}, "component:default/b"),
        (
            {
                "backstage.io/techdocs-ref": "dir:.",
                "backstage.io/techdocs-entity": "component:default/b",
            },
            "component:default/b",
        ),
        ({"backstage.io/techdocs-entity": "not a reference"}, None),
    ],
)
def test_docs_belong_to_the_entity_that_owns_the_files(
    annotations: dict[str, str], expected: str | None
) -> None:
    docs_ref = parsed(entity("Component:default/a", annotations=annotations)).docs_ref
    assert docs_ref == (ref(expected) if expected else None)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, None),
        (
            {"backstage.io/source-location": "url:https://git.example/a/"},
            "https://git.example/a/",
        ),
        ({"backstage.io/source-location": "file:/srv/a"}, None),
        ({"backstage.io/source-location": "url:javascript:alert(1)"}, None),
        ({"github.com/project-slug": "example/a.b"}, "https://github.com/example/a.b"),
        ({"github.com/project-slug": "example/a/../../evil"}, None),
        (
            {"backstage.io/source-location": "dir:.", "github.com/project-slug": "example/a"},
            "https://github.com/example/a",
        ),
    ],
)
def test_the_code_is_where_the_annotations_say(
    annotations: dict[str, str], expected: str | None
) -> None:
    assert parsed(entity("Component:default/a", annotations=annotations)).source_url == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
FIELDS = ("title", "description", "tags", "links", "annotations", "labels", "etag", "namespace")


@given(
    metadata=st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)),
    spec=JSON | st.fixed_dictionaries({"type": JSON, "lifecycle": JSON, "profile": JSON}),
    relations=JSON | st.lists(st.fixed_dictionaries({"type": JSON, "targetRef": JSON})),
)
def test_wrong_types_are_never_an_error(metadata: Any, spec: Any, relations: Any) -> None:
    json = {
        "kind": "Component",
        "metadata": {**metadata, "name": "a"},
        "spec": spec,
        "relations": relations,
    }
    found = Entity.parse(json)
    if found is not None:
        for name in PROPERTIES:
            getattr(found, name)
        assert all(isinstance(each, EntityRef) for each in found.targets("ownedBy"))


def test_the_address_of_code_that_names_a_user_is_none() -> None:
    location = {"backstage.io/source-location": "url:https://token@code.example/x/y"}
    assert parsed(entity("Component:default/a", annotations=location)).source_url is None


def test_the_file_that_describes_an_entity_can_be_opened_if_it_is_on_the_web() -> None:
    annotations = {
        "backstage.io/edit-url": "https://code.example/edit",
        "backstage.io/view-url": "javascript:alert(1)",
    }
    described = make_entity("component:default/shop", annotations=annotations)
    assert described.edit_url == "https://code.example/edit"
    assert described.view_url is None
