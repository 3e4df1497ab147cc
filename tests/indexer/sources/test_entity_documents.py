"""An entity's description reads like prose, and holds no annotation and no person."""

from typing import Any

import pytest

from indexer.sources.entity_documents import MOST_OPERATIONS, describe
from portal_rag.corpus.documents import Block, Document, Section
from portal_rag.corpus.entity_ref import EntityRef
from tests.factories import make_entity
from tests.indexer.building import APP_URL


def documents(ref: str, **given: Any) -> tuple[Document, ...]:
    return describe(make_entity(ref, **given), source="files/catalog", app_url=APP_URL)


def text(ref: str, **given: Any) -> str:
    document = documents(ref, **given)[0]
    return document.sections[0].blocks[0].text


def test_a_component_is_described_in_sentences() -> None:
    [document] = documents(
        "component:default/checkout-service",
        title="Checkout",
        description="Turns a cart\ninto an order",
        tags=["java", "tier-1"],
        links=[{"url": "https://a.example", "title": "Dashboard"}, {"url": "https://b.example"}],
        annotations={"pagerduty.com/integration-key": "a-secret"},
        spec={"type": "service", "lifecycle": "production"},
        relations={
            "ownedBy": ["group:default/team-payments"],
            "partOf": ["system:eu/commerce"],
            "dependsOn": ["component:default/hidden"],
        },
    )
    assert document == Document(
        source="files/catalog",
        path="component:default/checkout-service#entity",
        title="Checkout",
        site_title="Component",
        url="https://portal.example/catalog/default/component/checkout-service",
        entity_ref=EntityRef.parse("component:default/checkout-service"),
        resource_ref=EntityRef.parse("component:default/checkout-service"),
        kind="entity",
        modified_at=None,
        sections=(
            Section(
                title="Checkout",
                level=1,
                anchor="",
                blocks=(
                    Block(
                        kind="text",
                        text="Checkout (checkout-service) is a production service."
                        " Turns a cart into an order."
                        " Tags: java, tier-1. Links: Dashboard.",
                    ),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("ref", "given", "expected"),
    [
        ("component:default/a", {}, "a is a component."),
        ("component:eu/a", {"title": "A"}, "A (eu/a) is a component."),
        ("component:eu/a", {}, "a (eu/a) is a component."),
        (
            "component:default/a",
            {"spec": {"lifecycle": "experimental"}},
            "a is an experimental component.",
        ),
        ("api:default/a", {"spec": {"type": "grpc"}}, "a is a grpc API."),
        ("resource:default/a", {"spec": {"type": "database"}}, "a is a database resource."),
        (
            "group:default/a",
            {"spec": {"type": "team"}, "relations": {"childOf": ["group:default/b"]}},
            "a is a team.",
        ),
        (
            "system:default/a",
            {
                "description": "Does it work?",
                "relations": {"ownedBy": ["group:default/b", "group:eu/c", "group:default/d"]},
            },
            "a is a system. Does it work?",
        ),
    ],
)
def test_every_kind_has_its_sentence(ref: str, given: dict[str, Any], expected: str) -> None:
    assert text(ref, **given) == expected


@pytest.mark.parametrize("ref", ["user:default/alice", "location:default/all"])
def test_people_and_locations_are_not_described(ref: str) -> None:
    assert documents(ref) == ()


def openapi(count: int) -> dict[str, str]:
    paths = "".join(f"  /p{number}: {{ get: {{ summary: Do }} }}\n" for number in range(count))
    return {"definition": f"openapi: 3.0.0\ninfo: {{ title: Parcels }}\npaths:\n{paths}"}


def test_an_api_gets_a_second_document_with_its_operations() -> None:
    description, operations = documents("api:default/a", spec=openapi(2))
    assert (description.kind, operations.kind) == ("entity", "api")
    assert operations.path == "api:default/a#api"
    assert operations.sections[0].title == "Operations"
    assert operations.sections[0].blocks[0].text == (
        "Parcels offers these operations:\nGET /p0 Do\nGET /p1 Do"
    )


def test_a_long_list_of_operations_says_how_many_are_left_out() -> None:
    operations = documents("api:default/a", spec=openapi(MOST_OPERATIONS + 3))[1]
    lines = operations.sections[0].blocks[0].text.split("\n")
    assert len(lines) == 1 + MOST_OPERATIONS + 1
    assert lines[-1] == "and 3 more"


@pytest.mark.parametrize("definition", ["no format that we know", {"$text": "x"}, None, 3])
def test_an_api_whose_definition_cannot_be_read_is_only_described(definition: object) -> None:
    assert len(documents("api:default/a", spec={"definition": definition})) == 1


def test_only_an_api_has_operations() -> None:
    assert len(documents("component:default/a", spec=openapi(2))) == 1
