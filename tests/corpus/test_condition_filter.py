"""A store finds exactly the chunks of which a condition holds, or may hold."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal_rag.corpus import selection
from portal_rag.corpus.conditions import AllOf, AnyOf, Condition, Not, holds
from portal_rag.corpus.constraints import Everything, Nothing, OneOf
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.predicates import UNSAID, hashed, predicates_of
from portal_rag.corpus.selection import PREDICATES, salted, select
from portal_rag.corpus.store import IndexReader, IndexWriter
from portal_rag.corpus.visibility import GateDecides, Where
from tests.corpus.condition_cases import CONDITIONS, UNKNOWN_RULES, entities, rule
from tests.corpus.stores import (
    EMBEDDER,
    KINDS,
    LATER_RUN,
    RUN,
    Store,
    embed,
    make_manifest,
    open_store,
)
from tests.factories import make_chunk, make_json

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
SALT = "salt"
UNKNOWN_CHUNK = make_chunk("of an unknown entity", entity="component:default/unknown")
CASES_OF_A_STORE = 8
COMPONENT = rule("IS_ENTITY_KIND", kinds=("component",))
API = rule("IS_ENTITY_KIND", kinds=("api",))


async def found(reader: IndexReader, condition: Condition) -> set[str]:
    hits = await reader.search(EMBEDDER.embed_query("x"), visible_to=Where(condition), limit=1_000)
    return {hit.stored.chunk.text for hit in hits}


async def write(writer: IndexWriter, text: str, entity: Any, *, salt: str = SALT) -> None:
    chunk = make_chunk(text, entity=f"component:default/{text}")
    predicates = hashed(predicates_of(entity), salt=salt)
    await writer.upsert(embed(chunk, predicates=predicates), run=RUN)


async def finish(writer: IndexWriter, *, salt: str = SALT) -> None:
    unknown = embed(UNKNOWN_CHUNK, predicates=hashed(None, salt=salt))
    await writer.upsert(unknown, run=RUN)
    await writer.publish(make_manifest(await writer.count(), salt=salt), entities=())
    await writer.close()


@pytest.mark.parametrize("kind", KINDS)
@given(
    some=st.lists(entities(), max_size=5),
    conditions=st.lists(CONDITIONS, min_size=CASES_OF_A_STORE, max_size=CASES_OF_A_STORE),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_store_finds_what_may_be_true_and_nothing_else(
    kind: str, some: list[Any], conditions: list[Condition]
) -> None:
    async with open_store(kind) as store:
        writer = await store.writer()
        for number, entity in enumerate(some):
            await write(writer, str(number), entity)
        await finish(writer)
        reader = store.reader()
        for condition in conditions:
            expected = {
                str(n) for n, each in enumerate(some) if holds(condition, each) is not False
            }
            if select(Where(condition)) != Nothing():
                expected.add(UNKNOWN_CHUNK.text)
            assert await found(reader, condition) == expected
        await reader.close()


async def test_negation_finds_the_rest_and_what_is_not_known(store: Store) -> None:
    writer = await store.writer()
    await write(writer, "shop", make_json("component:default/shop"))
    await write(writer, "spec", make_json("api:default/spec"))
    await finish(writer)
    reader = store.reader()
    unknown = UNKNOWN_CHUNK.text
    for condition, expected in (
        (COMPONENT, {"shop", unknown}),
        (Not(COMPONENT), {"spec", unknown}),
        (Not(Not(COMPONENT)), {"shop", unknown}),
        (AllOf((COMPONENT, Not(COMPONENT))), {unknown}),
        (AnyOf((COMPONENT, API)), {"shop", "spec", unknown}),
        (Not(AllOf((COMPONENT, UNKNOWN_RULES[0]))), {"shop", "spec", unknown}),
        (Not(AnyOf((COMPONENT, UNKNOWN_RULES[0]))), {"spec", unknown}),
        (AnyOf(()), set()),
        (AllOf(()), set()),
    ):
        assert await found(reader, condition) == expected
    await reader.close()


async def test_terms_are_as_rare_as_they_are_among_what_the_condition_finds(store: Store) -> None:
    async def scores() -> list[float]:
        hits = await reader.search(query_terms("shop"), visible_to=Where(COMPONENT), limit=9)
        return [hit.score for hit in hits]

    writer = await store.writer()
    await write(writer, "shop", make_json("component:default/shop"))
    await finish(writer)
    reader = store.reader()
    alone = await scores()
    writer = await store.writer()
    for number in range(20):
        await write(writer, f"shop {number}".replace(" ", "-"), make_json("api:default/x"))
    await finish(writer)
    assert await scores() == pytest.approx(alone)
    await reader.close()


async def test_what_may_or_may_not_meet_the_condition_does_not_count_for_how_rare_a_term_is(
    store: Store,
) -> None:
    async def score() -> float:
        hits = await reader.search(query_terms("shop"), visible_to=Where(COMPONENT), limit=99)
        return next(hit.score for hit in hits if hit.stored.chunk.text == "shop")

    writer = await store.writer()
    await write(writer, "shop", make_json("component:default/shop"))
    await finish(writer)
    reader = store.reader()
    alone = await score()
    writer = await store.writer()
    for number in range(20):
        chunk = make_chunk("shop or not", entity="component:default/unread", ordinal=number)
        await writer.upsert(embed(chunk, predicates=hashed(None, salt=SALT)), run=RUN)
    await finish(writer)
    assert await score() == pytest.approx(alone)
    await reader.close()


async def test_with_another_salt_nothing_is_found_however_the_condition_negates(
    store: Store,
) -> None:
    writer = await store.writer()
    await write(writer, "shop", make_json("component:default/shop"), salt="former")
    nobody = make_chunk("nobody said", entity="component:default/nobody")
    await writer.upsert(embed(nobody, predicates=UNSAID), run=RUN)
    await finish(writer, salt="former")
    writer = await store.writer()
    await writer.publish(make_manifest(3, salt="another"), entities=())
    await writer.close()
    reader = store.reader()
    for condition in (COMPONENT, Not(COMPONENT), AnyOf((COMPONENT, Not(COMPONENT)))):
        assert await found(reader, condition) == set()
    await reader.close()


async def test_predicates_follow_the_entity_and_nothing_else_changes(store: Store) -> None:
    shop = make_json("component:default/shop", labels={"visibility": "public"})
    writer = await store.writer()
    await write(writer, "shop", shop)
    await write(writer, "cart", shop)
    await finish(writer)
    public = rule("HAS_LABEL", label="visibility", value="public")
    reader = store.reader()
    assert await found(reader, public) == {"shop", "cart", UNKNOWN_CHUNK.text}
    before = await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=9)

    writer = await store.writer()
    now = hashed(predicates_of(make_json("component:default/shop")), salt=SALT)
    ref = make_chunk(entity="component:default/shop").resource_ref
    marks = await writer.stored("files/techdocs")
    await writer.govern({ref: now}, run=LATER_RUN)
    changed = {
        key for key, mark in (await writer.stored("files/techdocs")).items() if mark != marks[key]
    }
    assert changed == {make_chunk("shop", entity="component:default/shop").id}
    await writer.publish(make_manifest(3, run=LATER_RUN, salt=SALT), entities=())
    await writer.close()

    assert await found(reader, public) == {"cart", UNKNOWN_CHUNK.text}
    assert await found(reader, Not(public)) == {"shop", UNKNOWN_CHUNK.text}
    after = await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=9)
    assert [hit.stored for hit in after] == [hit.stored for hit in before]
    await reader.close()


def test_nothing_that_an_engine_reads_as_everything_can_be_made() -> None:
    for make in (selection.AllOf, selection.OneOf, lambda values: selection.AnyOf("key", values)):
        with pytest.raises(ValueError, match="everything"):
            make(())


def test_trees_that_decide_by_themselves_ask_no_engine() -> None:
    unknown = UNKNOWN_RULES[0]
    for condition, expected in (
        (AnyOf((COMPONENT, unknown)), Everything()),
        (AllOf((unknown, Not(unknown))), Everything()),
        (AllOf((COMPONENT, AnyOf(()))), Nothing()),
        (rule("IS_ENTITY_OWNER", claims=()), Nothing()),
        (Not(rule("IS_ENTITY_OWNER", claims=())), Everything()),
    ):
        assert select(Where(condition)) == expected


def test_owners_are_one_look_up_however_many() -> None:
    owners = [rule("IS_ENTITY_OWNER", claims=(f"group:default/{n}",)) for n in range(3)]
    selected = select(Where(AnyOf((*owners[:1], AnyOf(tuple(owners[1:]))))))
    assert isinstance(selected, OneOf)
    unknown, owned = selected.parts
    assert isinstance(owned, selection.AnyOf)
    assert (owned.key, len(owned.values)) == (PREDICATES["owner"], 3)
    assert str(unknown).count(PREDICATES[""]) == 1
    assert salted(Everything(), SALT) == Everything()
    by_ref = selection.AnyOf("resource_ref", ("component:default/shop",))
    both = OneOf((by_ref, selection.Not(selection.AllOf((by_ref, selected)))))
    hashes = salted(both, SALT)
    assert isinstance(hashes, OneOf)
    assert hashes.parts[0] == by_ref
    assert "group:default/1" not in str(hashes)
    assert PREDICATES["owner"] in str(hashes)
