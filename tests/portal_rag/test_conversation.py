from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from portal_rag.domain import Query, Turn
from portal_rag.understanding import Understanding, read_intent
from portal_rag.understanding.conversation import pointing, says_nothing
from tests.factories import NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

WEB = make_entity("group:default/team-web", title="Web Team")
SHOP = make_entity("component:default/shop-front", relations={"ownedBy": [str(WEB.ref)]})
BASKET = make_entity("component:default/basket")
BASKET_EU = make_entity("component:eu/basket")
WIDGET = make_entity("component:default/shop-widget")
OLD = make_entity("resource:default/redis-old", title="Old Redis")
NEW = make_entity("resource:default/redis-new")
WORLD = (SHOP, BASKET, BASKET_EU, WIDGET, OLD, NEW, WEB)


def user(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn(role="user", content=text) for text in texts)


def assistant(text: str) -> tuple[Turn, ...]:
    return (Turn(role="assistant", content=text),)


async def ask(
    text: str, history: tuple[Turn, ...] = (), *, entity_ref: str | None = None, **portal: Any
) -> Query:
    understanding = Understanding(read=read_intent, clock=lambda: NOW, zone=UTC)
    question = make_question(text, entity_ref=entity_ref, history=history)
    return await understanding.understand(question, FakePortal(WORLD, **portal))


OWNED = user("Who owns shop-front?")


@pytest.mark.parametrize(
    "text", ["who owns it?", "and who is its owner", "Who owns that service?", "and the owner?"]
)
async def test_a_pointing_word_means_what_was_named_last(text: str) -> None:
    query = await ask(text, user("What is basket?", "Where is the runbook of shop-front?"))
    assert (query.topics[0], query.subjects) == ("owner", (SHOP,))


@pytest.mark.parametrize(
    "text", ["what about redis-old?", "and redis-old?", "ok, and the old redis?", "or redis-old"]
)
async def test_a_question_that_only_names_something_repeats_the_one_before(text: str) -> None:
    query = await ask(text, OWNED)
    assert (query.intent, query.topics, query.subjects) == ("ownership", ("owner",), (OLD,))
    assert query.search_text == "Who owns Old Redis?"


async def test_what_is_repeated_is_the_last_question_that_asked_something() -> None:
    query = await ask("and redis-new?", user("Who owns shop-front?", "and redis-old?"))
    assert (query.topics, query.subjects) == (("owner",), (NEW,))


async def test_a_namespace_alone_means_the_namesake_there() -> None:
    query = await ask("and for the EU one?", user("Who owns component:default/basket?"))
    assert (query.topics, query.subjects) == (("owner",), (BASKET_EU,))


async def test_an_unknown_name_is_not_taken_for_the_one_before() -> None:
    query = await ask("what about ghost-service?", OWNED)
    assert (query.topics, query.subjects) == (("owner",), ())
    assert query.unknown_name == "ghost-service"


async def test_a_question_with_words_of_its_own_is_not_the_one_before() -> None:
    query = await ask("and where is the repository of redis-old?", OWNED)
    assert (query.topics, query.subjects) == (("repository",), (OLD,))


async def test_one_thing_of_several_named_before_is_asked_back_for() -> None:
    query = await ask("who owns it?", user("compare redis-old and redis-new"))
    assert [choice.entity for choice in query.choices] == [NEW, OLD]
    assert query.choices[0].question == "who owns resource:default/redis-new?"


async def test_they_are_the_owners_as_the_catalog_has_them() -> None:
    lie = assistant("shop-front is owned by group:default/team-risk.")
    query = await ask("and how do I reach them?", (*OWNED, *lie))
    assert (query.topics, query.subjects) == (("contact",), (WEB,))


async def test_hidden_owners_are_not_meant() -> None:
    query = await ask("how do I reach them?", OWNED, hidden=[str(WEB.ref)])
    assert query.subjects == (SHOP,)


async def test_what_an_answer_named_counts_where_no_question_did() -> None:
    history = (*user("what is new?"), *assistant("See redis-old for the web team."))
    assert (await ask("who owns it?", history)).subjects == (OLD,)


async def test_what_an_answer_named_counts_only_if_the_asker_sees_it() -> None:
    history = (*user("what is new?"), *assistant("See component:default/shop-front."))
    query = await ask("who owns it?", history, hidden=[str(SHOP.ref)])
    assert (query.subjects, query.unknown_name) == ((), None)


async def test_the_page_counts_before_what_was_said_for_this_and_after_it_for_it() -> None:
    page = str(OLD.ref)
    assert (await ask("who owns this?", OWNED, entity_ref=page)).subjects == (OLD,)
    assert (await ask("who owns it?", OWNED, entity_ref=page)).subjects == (SHOP,)
    assert (await ask("who owns it?", user("hello"), entity_ref=page)).subjects == (OLD,)


async def test_another_topic_takes_nothing_from_before() -> None:
    query = await ask("other topic: what does it mean to be on call", OWNED)
    assert query.subjects == ()


async def test_a_search_for_documents_holds_the_question_before() -> None:
    query = await ask("and how long does that take", user("How do I restart shop-front?"))
    assert query.subjects == (SHOP,)
    assert query.search_text == "How do I restart shop-front? and how long does that take"


async def test_a_repeated_order_is_still_one() -> None:
    query = await ask("and redis-old?", user("Delete shop-front"))
    assert (query.purpose, query.subjects) == ("write", ())


async def test_a_repeated_question_of_an_answered_name_has_it_added() -> None:
    history = (*user("who owns that one"), *assistant("Do you mean redis-old?"))
    query = await ask("and redis-new?", history)
    assert query.search_text == "who owns that one redis-new"


def test_this_week_points_to_no_page() -> None:
    assert not pointing("what changed this week").here
    assert pointing("is this live").here


def test_what_is_left_beside_names_tells_whether_something_is_asked() -> None:
    assert says_nothing("what about the basket service?", [(15, 21)])
    assert not says_nothing("who owns the basket?", [(13, 19)])


async def test_only_so_much_of_a_conversation_is_read() -> None:
    history = user("Who owns redis-old?", *["hello"] * 10)
    assert (await ask("who owns it?", history)).subjects == ()


def test_a_reading_can_be_for_what_depends_through_others() -> None:
    assert replace(read_intent("what uses it"), is_transitive=True).is_transitive
