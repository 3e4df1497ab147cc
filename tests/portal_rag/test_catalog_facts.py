from collections.abc import Collection, Iterable, Mapping
from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Query, Topic
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.finding import Finding
from tests.factories import APP_URL, NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

SHOP = make_entity(
    "component:default/shop",
    title="The Shop",
    description="Sells\nthings",
    annotations={"backstage.io/techdocs-ref": "dir:.", "github.com/project-slug": "acme/shop"},
    links=[{"url": "https://dash.example/shop", "title": "Board", "type": "dashboard"}],
    spec={"type": "service", "lifecycle": "production"},
    relations={
        "ownedBy": ["group:default/team-web"],
        "partOf": ["system:default/retail"],
        "dependsOn": ["component:default/scorer", "resource:default/db"],
        "dependencyOf": ["component:default/site"],
        "providesApi": ["api:default/shop-api"],
        "consumesApi": ["api:default/pay-api"],
    },
)
WEB = make_entity(
    "group:default/team-web",
    spec={"type": "team", "profile": {"displayName": "Web", "email": "web@example.com"}},
    links=[{"url": "https://chat.example/web", "title": "#web"}],
    relations={"ownerOf": ["component:default/shop"], "hasMember": ["user:default/ann"]},
)
RETAIL = make_entity(
    "system:default/retail",
    relations={"hasPart": ["component:default/shop", "component:default/stall"]},
)
SITE = make_entity("component:default/site")
STALL = make_entity("component:default/stall")
SCORER = make_entity("component:default/scorer")
WIDGET = make_entity(
    "component:default/widget",
    annotations={"backstage.io/techdocs-entity": "component:default/shop"},
)
WORLD = (
    SHOP,
    WEB,
    RETAIL,
    SITE,
    STALL,
    SCORER,
    WIDGET,
    make_entity("resource:default/db"),
    make_entity("api:default/shop-api"),
    make_entity("api:default/pay-api"),
    make_entity("user:default/ann"),
)


def make_query(*topics: Topic, subject: Entity = SHOP, text: str = "?", **given: Any) -> Query:
    values: dict[str, Any] = {
        "intent": "how_to",
        "search_text": text,
        "question": make_question(text),
        "purpose": "facts",
        "topics": topics,
        "document_kinds": frozenset(),
        "subjects": (subject,),
    }
    return Query(**(values | given))


async def found_for(
    query: Query, entities: Iterable[Entity] = WORLD, hidden: tuple[str, ...] = ()
) -> Finding:
    source = CatalogFacts(app_url=APP_URL + "/", clock=lambda: NOW)
    return await source.find(query, FakePortal(entities, hidden=hidden))


async def facts(
    *topics: Topic,
    subject: Entity = SHOP,
    hidden: tuple[str, ...] = (),
    entities: Iterable[Entity] = WORLD,
    **given: Any,
) -> tuple[Fact, ...]:
    query = make_query(*topics, subject=subject, **given)
    return (await found_for(query, entities, hidden)).facts


async def mentioned(portal: FakePortal, subject: Entity, topic: Topic) -> list[str]:
    query = make_query(topic, subject=subject)
    found = await CatalogFacts(app_url=APP_URL, clock=lambda: NOW).find(query, portal)
    return [str(mention.ref) for fact in found.facts for mention in fact.mentions]


async def named(*topics: Topic, subject: Entity = SHOP, hidden: tuple[str, ...] = ()) -> list[str]:
    found = await facts(*topics, subject=subject, hidden=hidden)
    return [str(m.ref or m.label) for fact in found for m in fact.mentions]


async def test_a_fact_cites_the_entity_that_states_it() -> None:
    (fact,) = await facts("owner")
    assert fact.source.title == "The Shop"
    assert fact.source.url == f"{APP_URL}/catalog/default/component/shop"
    assert fact.source.fetched_at == NOW
    assert fact.source.excerpt == (
        "The Shop (component:default/shop) owner: Web (group:default/team-web)"
    )


async def test_each_topic_names_the_other_ends_of_its_relations() -> None:
    assert await named("system") == ["system:default/retail"]
    assert await named("dependents") == ["component:default/site"]
    assert await named("apis_provided") == ["api:default/shop-api"]
    assert await named("apis_consumed") == ["api:default/pay-api"]
    assert await named("dependencies") == [
        "component:default/scorer",
        "resource:default/db",
        "api:default/pay-api",
    ]
    assert await named("owns", subject=WEB) == ["component:default/shop"]
    assert await named("members", subject=WEB) == ["user:default/ann"]
    assert await named("parts", subject=RETAIL) == [
        "component:default/shop",
        "component:default/stall",
    ]


async def test_fields_of_the_entity_are_facts_too() -> None:
    assert await named("description") == ["Sells things"]
    assert await named("type") == ["Component of type service"]
    assert await named("lifecycle") == ["production"]
    assert await named("links") == ["Board"]
    assert await named("repository") == ["https://github.com/acme/shop"]


async def test_what_an_entity_does_not_say_is_no_fact() -> None:
    topics: tuple[Topic, ...] = ("description", "lifecycle", "links", "repository", "owner", "docs")
    assert await facts(*topics, "type", "contact", subject=SITE) == ()


async def test_hidden_ends_of_relations_are_absent_without_a_trace() -> None:
    hidden = ("component:default/scorer",)
    (fact,) = await facts("dependencies", hidden=hidden)
    assert "scorer" not in fact.source.excerpt
    assert [str(m.ref) for m in fact.mentions] == ["resource:default/db", "api:default/pay-api"]


async def test_an_owner_that_is_hidden_and_one_that_is_gone_are_told_with_the_same_words() -> None:
    hidden = await facts("owner", hidden=("group:default/team-web",))
    gone = await facts("owner", hidden=(), entities=[each for each in WORLD if each is not WEB])
    assert hidden == gone
    (fact, description) = hidden
    assert fact.mentions == ()
    assert fact.source.excerpt.endswith("an owner is recorded that is not found in the catalog")
    assert "team-web" not in str(fact.source)
    assert description.topic == "description"


async def test_a_team_is_reached_by_its_own_address_and_a_component_by_its_owners() -> None:
    assert await named("contact") == ["web@example.com", "#web"]
    assert await named("contact", subject=WEB) == ["web@example.com", "#web"]
    assert await named("contact", hidden=("group:default/team-web",)) == []


async def test_documentation_is_where_the_files_are() -> None:
    (own,) = await facts("docs")
    (borrowed,) = await facts("docs", subject=WIDGET)
    assert own.mentions[0].url == borrowed.mentions[0].url
    assert own.mentions[0].url == f"{APP_URL}/docs/default/component/shop"


async def test_documentation_of_a_hidden_entity_is_not_mentioned() -> None:
    assert await facts("docs", subject=WIDGET, hidden=("component:default/shop",)) == ()


async def test_related_are_neighbours_and_parts_of_the_same_system() -> None:
    (fact,) = await facts("related")
    notes = {str(m.ref): m.note for m in fact.mentions}
    assert notes["component:default/site"] == "depends on it"
    assert notes["system:default/retail"] == "it is part of this"
    assert "component:default/shop" not in notes


async def test_parts_of_the_same_system_that_are_hidden_are_not_related() -> None:
    assert "component:default/stall" in await named("related")
    assert "component:default/stall" not in await named(
        "related", hidden=("component:default/stall",)
    )


async def test_a_hidden_system_relates_nothing() -> None:
    shown = await named("related", hidden=("system:default/retail",))
    assert "system:default/retail" not in shown


async def test_what_is_hidden_takes_no_place_among_what_is_told() -> None:
    secrets = tuple(f"component:default/a-secret-{number}" for number in range(450))
    hub = make_entity("system:default/hub", relations={"hasPart": [*secrets, "api:default/open"]})
    member = make_entity("component:default/m", relations={"partOf": ["system:default/hub"]})
    portal = FakePortal(
        [hub, member, make_entity("api:default/open"), *map(make_entity, secrets)], hidden=secrets
    )
    assert await mentioned(portal, hub, "parts") == ["api:default/open"]
    assert "api:default/open" in await mentioned(portal, member, "related")


async def test_no_more_than_two_hundred_are_told() -> None:
    parts = [f"component:default/part-{number:03}" for number in range(250)]
    hub = make_entity("system:default/hub", relations={"hasPart": parts})
    portal = FakePortal([hub, *map(make_entity, parts)], hidden=parts[:20])
    assert await mentioned(portal, hub, "parts") == parts[20:220]


TEAMS = (
    make_entity(
        "group:default/shops",
        relations={"parentOf": ["group:default/team-web"], "hasMember": ["user:default/ann"]},
    ),
    make_entity("group:default/team-web", relations={"childOf": ["group:default/shops"]}),
    make_entity("user:default/ann", relations={"memberOf": ["group:default/shops"]}),
)


async def test_teams_are_told_upwards_and_downwards() -> None:
    (shops, web, ann) = TEAMS
    assert await told("teams", ann) == {"group:default/shops": ""}
    assert await told("teams", web) == {"group:default/shops": "it is part of this"}
    assert await told("members", shops) == {
        "user:default/ann": "",
        "group:default/team-web": "a team within it",
    }


async def told(topic: Topic, subject: Entity) -> dict[str, str]:
    (fact,) = await facts(topic, subject=subject, entities=TEAMS)
    return {str(mention.ref): mention.note for mention in fact.mentions}


async def test_more_than_can_be_told_is_said_to_be_more() -> None:
    parts = [f"component:default/part-{number:03}" for number in range(201)]
    hub = make_entity("system:default/hub", relations={"hasPart": parts})
    everything = [hub, *map(make_entity, parts)]
    (all_of_it,) = await facts("parts", subject=hub, entities=everything)
    (visible,) = await facts("parts", subject=hub, entities=everything, hidden=(parts[7],))
    assert (len(all_of_it.mentions), all_of_it.has_more) == (200, True)
    assert (len(visible.mentions), visible.has_more) == (200, False)


async def test_two_long_lists_do_not_take_each_others_place() -> None:
    refs = [f"component:default/c-{number:03}" for number in range(300)]
    hub = make_entity(
        "component:default/hub",
        relations={"dependsOn": refs[:150], "dependencyOf": refs[150:], "ownedBy": [str(WEB.ref)]},
    )
    found = await facts(
        "dependencies",
        "dependents",
        "owner",
        subject=hub,
        entities=[hub, WEB, *map(make_entity, refs)],
    )
    assert [len(fact.mentions) for fact in found] == [150, 150, 1]


async def test_who_consumes_an_api_of_a_component_depends_on_the_component() -> None:
    shop = make_entity("component:default/shop", relations={"providesApi": ["api:default/a"]})
    api = make_entity(
        "api:default/a",
        title="Shop API",
        relations={"apiConsumedBy": ["component:default/site", "component:default/shop"]},
    )
    (fact,) = await facts("dependents", subject=shop, entities=[shop, api, SITE])
    assert [(str(m.ref), m.note) for m in fact.mentions] == [
        ("component:default/site", "consumes its API Shop API")
    ]
    assert fact.source.entity_ref == api.ref
    hidden = (str(api.ref),)
    assert await facts("dependents", subject=shop, entities=[shop, api, SITE], hidden=hidden) == ()


async def test_links_of_the_kind_that_was_asked_for_leave_out_the_others() -> None:
    entity = make_entity(
        "component:default/many",
        links=[
            {"url": "https://dash.example/1", "title": "Load", "type": "dashboard"},
            {"url": "https://chat.example/1", "title": "#many", "icon": "chat"},
            {"url": "https://code.example/tf", "title": "Terraform of it"},
            {"url": "https://run.example/1", "title": "Runbook"},
        ],
        annotations={"backstage.io/source-location": "url:https://code.example/many/"},
    )

    async def urls(text: str, topic: Topic = "links") -> list[str | None]:
        found = await facts(topic, subject=entity, text=text)
        return [mention.url for fact in found for mention in fact.mentions]

    assert await urls("grafana for many?") == ["https://dash.example/1"]
    assert await urls("its slack channel") == ["https://chat.example/1"]
    assert await urls("where is the terraform") == ["https://code.example/tf"]
    assert len(await urls("links of many")) == 4
    assert await urls("?", "runbooks") == ["https://run.example/1"]
    assert await facts("links", subject=SITE, text="dashboard of site") == ()


async def test_the_source_is_where_the_code_is_or_else_where_it_is_described() -> None:
    view = "https://code.example/blob/catalog-info.yaml"
    linked = make_entity(
        "resource:default/a",
        links=[{"url": "https://code.example/a", "type": "source"}],
        annotations={"backstage.io/view-url": view},
    )
    described = make_entity("resource:default/b", annotations={"backstage.io/edit-url": view})
    unsafe = make_entity(
        "resource:default/c", annotations={"backstage.io/view-url": "javascript:alert(1)"}
    )
    assert await named("repository", subject=linked) == ["https://code.example/a"]
    (fact,) = await facts("repository", subject=described)
    assert (fact.mentions[0].url, fact.mentions[0].note) == (view, "its catalog file")
    assert await facts("repository", subject=unsafe) == ()


async def test_a_kind_without_a_lifecycle_is_marked_by_its_tags() -> None:
    cache = make_entity(
        "resource:default/cache", tags=["redis", "deprecated"], description="Replaced by another"
    )
    lifecycle, description = await facts("lifecycle", subject=cache)
    assert [(m.label, m.note) for m in lifecycle.mentions] == [("deprecated", "by its tags")]
    assert description.mentions[0].label == "Replaced by another"
    assert [fact.topic for fact in await facts("lifecycle")] == ["lifecycle"]


async def test_a_description_that_holds_what_was_asked_for_is_told() -> None:
    store = make_entity("resource:default/store", description="PostgreSQL 15, masked on Sundays")
    query = make_query(subject=store, purpose="documents", unread=("postgres", "version"))
    (fact,) = (await found_for(query)).facts
    assert fact.topic == "description"
    other = make_query(subject=store, purpose="documents", unread=("replica", "is"))
    assert (await found_for(other)).facts == ()


async def test_infrastructure_questions_are_told_where_the_code_is_if_they_ask_for_that() -> None:
    async def told_for(text: str) -> list[Topic]:
        query = make_query("repository", text=text, purpose="documents", intent="infrastructure")
        return [fact.topic for fact in (await found_for(query)).facts]

    assert await told_for("where is the helm chart") == ["repository"]
    assert await told_for("which version runs") == []


async def test_topics_that_cannot_apply_are_left_out() -> None:
    api = make_entity("api:default/shop-api", relations={"ownedBy": ["group:default/team-web"]})
    assert [fact.topic for fact in await facts("apis_provided", "owner", subject=api)] == ["owner"]
    assert await facts("owner", subject=WEB) == ()


async def test_owner_and_channel_of_every_subject_come_along_in_one_request() -> None:
    class Counting(FakePortal):
        asked = 0

        async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
            self.asked += 1
            return await super().entities(refs)

    portal = Counting(WORLD)
    source = CatalogFacts(app_url=APP_URL, clock=lambda: NOW)
    found = await source.find(make_query("owner", "dependencies"), portal)
    assert portal.asked == 1
    assert [fact.topic for fact in found.contacts] == ["owner", "contact"]
    alone = await found_for(make_query("lifecycle"))
    assert alone.contacts == found.contacts
    hidden = await found_for(make_query("lifecycle"), hidden=("group:default/team-web",))
    assert hidden.contacts == ()
    assert [fact.topic for fact in (await found_for(make_query(subject=WEB))).contacts] == [
        "contact"
    ]


async def test_what_could_be_opened_is_offered_and_a_fix_where_something_is_missing() -> None:
    links = [
        {"url": "https://run.example/1", "title": "Drain", "type": "runbook"},
        {"url": "https://dash.example/1", "title": "Load", "type": "dashboard"},
    ]
    whole = {"backstage.io/edit-url": "https://code.example/edit"}
    docs = {"backstage.io/techdocs-ref": "dir:.", "github.com/project-slug": "acme/x"}
    owned = {"ownedBy": [str(WEB.ref)]}
    lacking = make_entity("component:default/x", links=links, annotations=whole, relations=owned)
    complete = make_entity(
        "component:default/x", links=links, annotations={**whole, **docs}, relations=owned
    )

    async def notes(subject: Entity) -> list[str]:
        found = await found_for(make_query("type", subject=subject), [subject, WEB])
        return [mention.note for fact in found.offers for mention in fact.mentions]

    assert await notes(lacking) == ["runbook", "dashboard", "fix"]
    assert await notes(complete) == ["runbook", "docs", "repository", "dashboard"]
    assert await notes(SITE) == []


async def test_what_became_of_a_thing_and_what_it_is_are_told_from_its_description() -> None:
    cache = make_entity("resource:default/c", tags=["deprecated"], description="Replaced by d")
    query = make_query(subject=cache, purpose="documents", intent="lifecycle")
    assert [fact.topic for fact in (await found_for(query)).facts] == ["lifecycle", "description"]
    query = make_query(subject=cache, purpose="documents", intent="description", unread=("slo",))
    assert [fact.topic for fact in (await found_for(query)).facts] == ["description"]
