import random
from collections import deque
from functools import partial
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Fact, Query, Topic
from portal_rag.evidence.catalog import CatalogFacts
from tests.factories import APP_URL, NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

Edges = list[tuple[str, str]]
NAMES = "abcdefgh"


def ref(name: str) -> str:
    return f"component:default/{name}"


def world_of(names: Any, edges: Edges) -> list[Entity]:
    """Make components, where the first of each edge depends on the second."""
    return [
        make_entity(
            ref(name),
            relations={
                "dependsOn": [ref(other) for one, other in edges if one == name],
                "dependencyOf": [ref(one) for one, other in edges if other == name],
            },
        )
        for name in names
    ]


async def reached(
    entities: list[Entity],
    subject: Entity,
    topic: Topic = "dependents",
    hidden: tuple[str, ...] = (),
) -> tuple[Fact, ...]:
    query = Query(
        question=make_question("What breaks if it goes away?"),
        intent="dependents",
        purpose="facts",
        topics=(topic,),
        document_kinds=frozenset(),
        subjects=(subject,),
        is_transitive=True,
    )
    source = CatalogFacts(app_url=APP_URL, clock=lambda: NOW)
    return (await source.find(query, FakePortal(entities, hidden=hidden))).facts


def told(facts: tuple[Fact, ...]) -> list[tuple[str, str]]:
    return [(fact.mentions[0].label, fact.mentions[0].note) for fact in facts]


async def test_the_nearest_come_first_each_with_the_way_and_a_citation_of_its_own() -> None:
    entities = world_of("abcd", [("b", "a"), ("c", "b"), ("d", "c"), ("d", "a")])
    facts = await reached(entities, entities[0])
    assert told(facts) == [("b", ""), ("d", ""), ("c", "through b")]
    assert [fact.source.entity_ref.name for fact in facts] == ["b", "d", "c"]
    assert facts[2].source.excerpt == (
        f"c ({ref('c')}) depends on: b ({ref('b')});"
        f" reached from a ({ref('a')}) through: b ({ref('b')})"
    )
    assert not any(fact.has_more for fact in facts)


async def test_dependencies_are_followed_the_other_way() -> None:
    entities = world_of("abc", [("a", "b"), ("b", "c")])
    facts = await reached(entities, entities[0], "dependencies")
    assert told(facts) == [("b", ""), ("c", "through b")]
    assert "is needed by: b" in facts[1].source.excerpt


async def test_a_circle_ends() -> None:
    entities = world_of("abc", [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert told(await reached(entities, entities[0])) == [("c", ""), ("b", "through c")]


async def test_what_consumes_its_api_is_reached_through_the_api() -> None:
    shop = make_entity(ref("shop"), relations={"providesApi": ["api:default/a"]})
    api = make_entity("api:default/a", title="Shop API", relations={"apiConsumedBy": [ref("site")]})
    site = make_entity(ref("site"), relations={"consumesApi": ["api:default/a"]})
    (fact,) = await reached([shop, api, site], shop)
    assert told((fact,)) == [("site", "through Shop API")]
    assert "consumes: Shop API (api:default/a)" in fact.source.excerpt


async def test_a_relation_that_only_one_end_records_is_cited_there() -> None:
    one = make_entity(ref("one"), relations={"dependencyOf": [ref("two")]})
    (fact,) = await reached([one, make_entity(ref("two"))], one)
    assert fact.source.entity_ref == one.ref
    assert "is needed by: two" in fact.source.excerpt


async def test_after_five_steps_it_is_said_that_there_is_more() -> None:
    chain = [(other, one) for one, other in zip("abcdefg", "bcdefgh", strict=True)]
    entities = world_of("abcdefg", chain[:6])
    facts = await reached(entities, entities[0])
    assert [label for label, _ in told(facts)] == list("bcdef")
    assert facts[-1].has_more
    hidden = await reached(entities, entities[0], hidden=(ref("g"),))
    assert [label for label, _ in told(hidden)] == list("bcdef")
    assert not hidden[-1].has_more


async def test_after_two_hundred_it_is_said_that_there_is_more() -> None:
    names = [f"n{number:03}" for number in range(205)]
    for count, has_more in ((200, False), (201, True)):
        entities = world_of(["hub", *names], [(name, "hub") for name in names[:count]])
        facts = await reached(entities, entities[0])
        assert len(facts) == 200
        assert facts[0].has_more is has_more


@given(
    edges=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20),
    hidden=st.sets(st.sampled_from(NAMES[1:])),
    topic=st.sampled_from(["dependents", "dependencies"]),
)
@settings(max_examples=150, deadline=None)
def test_hidden_things_change_nothing_as_if_they_were_not_there(
    edges: Edges, hidden: set[str], topic: Topic
) -> None:
    entities = world_of(NAMES, edges)
    seen = [name for name in NAMES if name not in hidden]
    reduced = world_of(seen, [edge for edge in edges if not set(edge) & hidden])
    concealed = tuple(map(ref, hidden))
    whole = anyio.run(partial(reached, entities, entities[0], topic, concealed))
    apart = anyio.run(partial(reached, reduced, reduced[0], topic))
    assert [(each.mentions, each.source, each.has_more) for each in whole] == [
        (each.mentions, each.source, each.has_more) for each in apart
    ]


@given(st.integers(min_value=0, max_value=10_000))
@settings(max_examples=60, deadline=None)
def test_all_is_found_that_a_plain_search_finds(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 (a graph, not a secret)
    edges = [(draw.choice(NAMES), draw.choice(NAMES)) for _ in range(draw.randrange(16))]
    entities = world_of(NAMES, edges)
    found = anyio.run(partial(reached, entities, entities[0]))
    assert {fact.mentions[0].label for fact in found} == plainly_reached("a", edges)


def plainly_reached(start: str, edges: Edges) -> set[str]:
    steps, left = {start: 0}, deque([start])
    while left:
        name = left.popleft()
        for one, other in edges:
            if other == name and one not in steps:
                steps[one] = steps[name] + 1
                left.append(one)
    return {name for name, count in steps.items() if 0 < count <= 5}
