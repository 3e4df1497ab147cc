"""From the catalog to words that stand: no fact is lost because its own source does not hold it."""

import pytest

from portal_rag.backstage.entities import Entity
from portal_rag.composing import compose
from portal_rag.domain import Draft, Evidence, Query, Selection, Topic
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.grounding import check
from tests.factories import APP_URL, NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

TEAM = make_entity(
    "group:default/team-7",
    title="Team 7",
    spec={"profile": {"email": "team7@example.com"}},
    links=[{"url": "https://chat.example/c/7_x", "title": "#team_7"}],
    relations={"ownerOf": ["component:default/shop-2"], "hasMember": ["user:default/ann-1"]},
)
SHOP = make_entity(
    "component:default/shop-2",
    title="Shop 2.0",
    description="Sells 1,200 things a day since 2024-01-02; see https://wiki.example/shop_2",
    annotations={
        "backstage.io/techdocs-ref": "dir:.",
        "backstage.io/source-location": "url:https://code.example/acme/shop_2/",
        "argocd/app-name": "shop-2-prod",
    },
    links=[
        {"url": "https://run.example/2", "title": "Runbook 2", "type": "runbook"},
        {"url": "https://dash.example/d/2_a?x=1", "title": "Load 99%", "type": "dashboard"},
    ],
    tags=["java-21"],
    spec={"type": "service", "lifecycle": "production"},
    relations={
        "ownedBy": ["group:default/team-7"],
        "partOf": ["system:default/retail-1"],
        "dependsOn": ["resource:default/db-1"],
        "providesApi": ["api:default/shop-v2"],
    },
)
API = make_entity(
    "api:default/shop-v2",
    title="Shop API v2",
    spec={"type": "openapi"},
    relations={
        "apiProvidedBy": ["component:default/shop-2"],
        "apiConsumedBy": ["component:default/site-3"],
    },
)
SITE = make_entity(
    "component:default/site-3",
    relations={"consumesApi": ["api:default/shop-v2"], "dependencyOf": ["component:default/app-4"]},
)
WORLD = (
    TEAM,
    SHOP,
    API,
    SITE,
    make_entity("component:default/app-4", relations={"dependsOn": ["component:default/site-3"]}),
    make_entity(
        "system:default/retail-1", relations={"hasPart": ["component:default/shop-2", str(API.ref)]}
    ),
    make_entity("resource:default/db-1", relations={"dependencyOf": ["component:default/shop-2"]}),
    make_entity("user:default/ann-1", relations={"memberOf": ["group:default/team-7"]}),
)
TOPICS: tuple[tuple[Topic, Entity], ...] = (
    *(
        (topic, SHOP)
        for topic in (
            *("owner", "description", "system", "lifecycle", "type", "links", "contact", "docs"),
            *("runbooks", "repository", "dependencies", "dependents", "apis_provided", "related"),
        )
    ),
    ("providers", API),
    ("apis_consumed", SITE),
    ("members", TEAM),
    ("owns", TEAM),
    ("contact", TEAM),
    ("parts", WORLD[5]),
    ("teams", WORLD[7]),
)


async def drafts(query: Query) -> tuple[Draft, Draft]:
    """Compose, and compose and check."""
    found = await CatalogFacts(app_url=APP_URL, clock=lambda: NOW).find(query, FakePortal(WORLD))
    evidence = Evidence(facts=found.facts, contacts=found.contacts, offers=found.offers)
    composed = compose(query, evidence)
    return composed, check(composed)


def about(topic: Topic, *subjects: Entity, **given: object) -> Query:
    values = {
        "question": make_question("?"),
        "intent": "description",
        "purpose": "facts",
        "topics": (topic,),
        "document_kinds": frozenset(),
        "subjects": subjects,
    }
    return Query(**(values | given))


@pytest.mark.parametrize(("topic", "subject"), TOPICS)
async def test_every_topic_is_answered_in_words_that_its_sources_hold(
    topic: Topic, subject: Entity
) -> None:
    composed, checked = await drafts(about(topic, subject))
    assert checked.status == "answered"
    assert checked.statements == composed.statements


@pytest.mark.parametrize(
    ("topic", "subject", "count"), [("dependents", SHOP, 2), ("dependencies", SITE, 3)]
)
async def test_what_is_reached_through_others_is_told_in_words_that_its_sources_hold(
    topic: Topic, subject: Entity, count: int
) -> None:
    composed, checked = await drafts(about(topic, subject, is_transitive=True))
    assert checked.statements == composed.statements
    assert len(checked.sources) == count


async def test_lists_and_names_elsewhere_are_told_in_words_that_their_sources_hold() -> None:
    selection = Selection(tags=frozenset({"java-21"}), owners=frozenset({TEAM.ref}))
    composed, checked = await drafts(about("matches", selection=selection))
    assert checked.statements == composed.statements
    assert len(checked.sources) == 1
    query = about("type", SHOP, question=make_question("argo app of the shop"))
    composed, checked = await drafts(query)
    assert "shop-2-prod (Argo CD application)" in checked.statements[-1].text
    assert checked.statements == composed.statements


async def test_whom_to_ask_is_told_in_words_that_its_sources_hold() -> None:
    composed, checked = await drafts(about("parts", SHOP))
    assert checked.status == "insufficient_evidence"
    assert checked.statements == composed.statements
    assert len(checked.sources) == 2
