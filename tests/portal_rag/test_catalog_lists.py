from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Query, Selection
from portal_rag.evidence.catalog import CatalogFacts
from tests.factories import APP_URL, NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

WEB = make_entity("group:default/team-web", title="Web Team")
TRADE = make_entity("domain:default/trade")
RETAIL = make_entity("system:default/retail", relations={"partOf": [str(TRADE.ref)]})


def component(name: str, **given: Any) -> Entity:
    spec = {"type": "service", "lifecycle": "Production", **given.pop("spec", {})}
    relations = {"ownedBy": [str(WEB.ref)], "partOf": [str(RETAIL.ref)]}
    return make_entity(f"component:default/{name}", spec=spec, relations=relations, **given)


SHOP = component("shop", tags=["Go", "tier-1"])
JOB = component("job", spec={"type": "job"})
WORLD = (WEB, TRADE, RETAIL, SHOP, JOB)


async def matches(selection: Selection, *hidden: Entity, world: Any = WORLD) -> tuple[Fact, ...]:
    query = Query(
        question=make_question("?"),
        intent="discovery",
        purpose="facts",
        topics=("matches",),
        document_kinds=frozenset(),
        subjects=(),
        selection=selection,
    )
    portal = FakePortal(world, hidden=[str(each.ref) for each in hidden])
    source = CatalogFacts(app_url=APP_URL, clock=lambda: NOW)
    return (await source.find(query, portal)).facts


def selecting(**given: Any) -> Selection:
    return Selection(**{name: frozenset(values) for name, values in given.items()})


def names(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.subject.ref.name for fact in facts]


async def test_each_entity_that_is_selected_is_a_fact_with_a_citation_of_its_own() -> None:
    found = await matches(selecting(types={"service", "job"}))
    assert names(found) == ["job", "shop"]
    assert [fact.source.entity_ref for fact in found] == [JOB.ref, SHOP.ref]
    assert found[1].source.excerpt == (
        "shop (component:default/shop) kind: Component; type: service; lifecycle: Production;"
        " tag: Go; tag: tier-1; owner: Web Team (group:default/team-web)"
    )


async def test_what_made_it_match_is_mentioned() -> None:
    wanted = selecting(tags={"go"}, lifecycles={"production"}, owners={WEB.ref})
    (fact,) = await matches(wanted)
    assert [(m.label, m.note) for m in fact.mentions] == [
        ("service", "type"),
        ("Production", "lifecycle"),
        ("Go", "tag"),
        ("Web Team", "owner"),
    ]


async def test_a_hidden_owner_is_not_named() -> None:
    (fact,) = await matches(selecting(tags={"go"}), WEB)
    assert "team-web" not in str(fact.source.excerpt)


async def test_parts_of_a_domain_are_looked_for_in_its_systems() -> None:
    in_trade = selecting(kinds={"component"}, domains={TRADE.ref})
    assert names(await matches(in_trade)) == ["job", "shop"]
    assert names(await matches(in_trade, RETAIL)) == []
    systems = selecting(kinds={"system"}, domains={TRADE.ref})
    assert names(await matches(systems)) == ["retail"]
    both = selecting(domains={TRADE.ref}, systems={RETAIL.ref})
    assert names(await matches(both)) == ["job", "shop"]
    elsewhere = EntityRef.parse("system:default/other")
    assert await matches(selecting(domains={TRADE.ref}, systems={elsewhere})) == ()


async def test_nothing_selected_gives_no_facts() -> None:
    assert await matches(Selection()) == ()


async def test_more_than_two_hundred_are_said_to_be_more() -> None:
    world = [make_entity(f"api:default/a-{number:03}") for number in range(201)]
    found = await matches(selecting(kinds={"api"}), world=world)
    assert len(found) == 200
    assert all(fact.has_more for fact in found)
    (_, *rest) = world
    assert not (await matches(selecting(kinds={"api"}), world=rest))[0].has_more
