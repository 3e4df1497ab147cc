from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Query, Selection, Turn
from portal_rag.understanding import Reading, Understanding, read_intent
from portal_rag.understanding.slips import nearest
from portal_rag.understanding.words import spelled, subject_words
from tests.factories import NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

SHOP = make_entity("component:default/shop-front", title="The Shop")
SCORER = make_entity("component:default/FraudScorer")
BASKET = make_entity("component:default/basket")
BASKET_EU = make_entity("component:eu/basket")
BASKET_API = make_entity("api:default/basket-api")
WEB = make_entity("group:default/team-web", spec={"profile": {"displayName": "Web"}})
WORLD = (SHOP, SCORER, BASKET, BASKET_EU, BASKET_API, WEB)


UNDERSTANDING = Understanding(read=read_intent, clock=lambda: NOW, zone=UTC)
understand = UNDERSTANDING.understand


def read_as_list(text: str) -> Reading:
    return replace(read_intent(text), purpose="facts", topics=("matches",))


listed = Understanding(read=read_as_list, clock=lambda: NOW, zone=UTC).understand


async def ask(text: str, *, entity_ref: str | None = None, **portal: Any) -> Query:
    fake = FakePortal(WORLD, **portal)
    return await understand(make_question(text, entity_ref=entity_ref), fake)


async def listing(text: str) -> Query:
    return await listed(make_question(text), FakePortal(WORLD))


def subjects(query: Query) -> list[Entity]:
    return list(query.subjects)


@pytest.mark.parametrize(
    "text",
    [
        "Who owns shop-front?",
        "who owns SHOP-FRONT",
        "Who owns the shop front?",
        "Who owns shop_front?",
        "who is the owner of ShopFront",
        "Who owns The Shop?",
        "Which team is responsible for shop-front's code?",
        "Who owns component:default/shop-front?",
        "Who owns default/shop-front?",
    ],
)
async def test_an_entity_is_recognised_in_every_usual_spelling(text: str) -> None:
    query = await ask(text)
    assert subjects(query) == [SHOP]
    assert query.topics == ("owner",)


async def test_a_camel_case_name_is_recognised_in_words_and_run_together() -> None:
    assert subjects(await ask("who owns fraud scorer")) == [SCORER]
    assert subjects(await ask("who owns fraudscorer")) == [SCORER]


async def test_a_team_is_recognised_in_any_order_of_its_words() -> None:
    query = await ask("What does the web team own?")
    assert subjects(query) == [WEB]
    assert query.topics == ("owns",)


async def test_a_longer_name_wins_over_a_shorter_one_inside_it() -> None:
    assert subjects(await ask("What depends on the basket API?")) == [BASKET_API]


async def test_several_entities_of_one_name_are_offered_as_choices() -> None:
    query = await ask("Who owns basket?")
    assert [choice.entity for choice in query.choices] == [BASKET, BASKET_EU]
    assert query.choices[1].question == "Who owns component:eu/basket?"


async def test_words_that_may_be_part_of_names_force_no_choice_beside_a_whole_name() -> None:
    stock = [make_entity(f"resource:default/stock-{each}") for each in ("store", "loader")]
    question = make_question("Does shop-front depend on stock?")
    query = await understand(question, FakePortal((*WORLD, *stock)))
    assert (query.subjects, query.choices) == ((SHOP,), ())


async def test_the_page_settles_an_ambiguous_name() -> None:
    query = await ask("Who owns basket?", entity_ref="component:eu/basket")
    assert subjects(query) == [BASKET_EU]
    assert query.choices == ()


async def test_a_hidden_namesake_leaves_no_trace_of_ambiguity() -> None:
    query = await ask("Who owns basket?", hidden=["component:eu/basket"])
    assert subjects(query) == [BASKET]
    assert query.choices == ()


async def test_a_namesake_that_was_hidden_a_moment_ago_is_not_offered() -> None:
    query = await ask("Who owns basket?", hidden=["component:eu/basket"], listed=WORLD)
    assert subjects(query) == [BASKET]
    assert query.choices == ()


async def test_an_ordinary_word_that_is_also_a_name_does_not_force_a_choice() -> None:
    query = await ask("How do I empty a basket?")
    assert query.choices == ()
    assert query.purpose == "documents"


async def test_this_means_the_entity_of_the_page() -> None:
    query = await ask("Who owns this?", entity_ref="component:default/shop-front")
    assert subjects(query) == [SHOP]


async def test_a_page_without_any_named_entity_is_what_the_question_is_about() -> None:
    query = await ask("Where is the runbook?", entity_ref="component:default/shop-front")
    assert subjects(query) == [SHOP]
    assert query.document_kinds == {"runbook"}


async def test_an_entity_named_in_the_question_wins_over_the_page() -> None:
    query = await ask("Who owns FraudScorer?", entity_ref="component:default/shop-front")
    assert subjects(query) == [SCORER]


async def test_it_means_what_was_asked_about_before() -> None:
    history = (
        Turn(role="user", content="Where is the runbook for shop-front?"),
        Turn(role="assistant", content="It is in the docs of FraudScorer."),
    )
    query = await understand(make_question("Who owns it?", history=history), FakePortal(WORLD))
    assert subjects(query) == [SHOP]


async def test_a_history_that_names_nothing_leaves_it_unknown() -> None:
    history = (Turn(role="user", content="hello"),)
    query = await understand(make_question("Who owns it?", history=history), FakePortal(WORLD))
    assert query.subjects == ()


async def test_a_hidden_and_a_missing_entity_are_understood_alike() -> None:
    hidden = await ask("Who owns FraudScorer?", hidden=["component:default/FraudScorer"])
    missing = await understand(
        make_question("Who owns FraudScorer?"), FakePortal(one for one in WORLD if one != SCORER)
    )
    assert hidden == missing
    assert hidden.unknown_name == "FraudScorer"


@pytest.mark.parametrize("gone", WORLD, ids=lambda one: one.ref.name)
@pytest.mark.parametrize(
    "text",
    [
        "Who owns shop-front?",
        "Who owns shop-frnt?",
        "Who owns the scorer?",
        "Who owns basket?",
        "Where is the runbook of basket?",
        "What depends on the basket API?",
        "What does the web team own?",
        "Which services are owned by team-web?",
        "Who owns shop-thing and fraud-thing and the EU basket?",
    ],
)
async def test_nothing_that_was_hidden_a_moment_ago_is_spoken_of(text: str, gone: Entity) -> None:
    portal = FakePortal(WORLD, hidden=[str(gone.ref)], listed=WORLD)
    history = (Turn(role="user", content="Who owns it?"), Turn(role="user", content=text))
    for ask_of in (understand, listed):
        for question in (make_question(text), make_question("and it?", history=history)):
            query = await ask_of(question, portal)
            told = (query.subjects, query.choices, query.near, query.assumed, query.selection)
            assert repr(gone.ref) not in repr(told)


async def test_near_names_are_offered_for_an_unknown_one() -> None:
    query = await ask("Who owns shop-window?")
    assert query.unknown_name == "shop-window"
    assert [choice.entity for choice in query.near] == [SHOP]
    assert query.near[0].question == "Who owns component:default/shop-front?"


async def test_a_near_name_that_was_hidden_a_moment_ago_is_not_offered() -> None:
    hidden = ["component:default/shop-front"]
    query = await ask("Who owns shop-window?", hidden=hidden, listed=WORLD)
    assert query.unknown_name == "shop-window"
    assert query.near == ()


async def test_a_misspelled_name_that_was_hidden_a_moment_ago_is_unknown() -> None:
    hidden = ["component:default/shop-front"]
    query = await ask("Who owns shop-frnt?", hidden=hidden, listed=WORLD)
    assert (query.subjects, query.assumed) == ((), ())
    assert query.unknown_name == "shop-frnt"
    assert query.near == ()


async def test_a_subject_that_was_hidden_a_moment_ago_is_unknown() -> None:
    query = await ask("Who owns shop-front?", hidden=["component:default/shop-front"], listed=WORLD)
    assert query.subjects == ()
    assert query.unknown_name == "shop-front"


async def test_a_page_of_a_hidden_entity_is_no_subject() -> None:
    query = await ask(
        "Who owns this?",
        entity_ref="component:default/FraudScorer",
        hidden=["component:default/FraudScorer"],
    )
    assert query.subjects == ()
    assert query.unknown_name == "component:default/fraudscorer"


async def test_names_are_looked_up_one_by_one_in_a_portal_too_large_to_list() -> None:
    assert subjects(await ask("Who owns the shop front?", complete=False)) == [SHOP]
    assert subjects(await ask("Who owns FraudScorer?", complete=False)) == [SCORER]


async def test_an_unknown_reference_is_not_taken_for_a_name() -> None:
    query = await ask("Who owns component:default/nothing-here?")
    assert query.unknown_name == "component:default/nothing-here"


async def test_a_runbook_of_an_unknown_service_is_not_looked_for_elsewhere() -> None:
    query = await ask("Where is the runbook for ghost-service?")
    assert query.unknown_name == "ghost-service"


async def test_an_open_documentation_question_needs_no_entity() -> None:
    query = await ask("Where is the Terraform for the staging RDS?")
    assert query.purpose == "documents"
    assert query.unknown_name is None


@pytest.mark.parametrize(
    ("text", "purpose", "topics"),
    [
        ("What uses the basket-api?", "facts", ("dependents",)),
        ("Which services still depend on redis-old?", "facts", ("dependents",)),
        ("What breaks if redis-old goes away?", "facts", ("dependents",)),
        ("What does shop-front depend on?", "facts", ("dependencies",)),
        ("Who provides the basket API?", "facts", ("providers",)),
        ("What version of Go does shop-front use?", "documents", ("description",)),
        ("Which APIs does shop-front provide?", "facts", ("apis_provided",)),
        ("Which APIs does shop-front consume?", "facts", ("apis_consumed",)),
        ("Who is in team-web?", "facts", ("members",)),
        ("What is owned by team-web?", "facts", ("owns",)),
        ("Which service owns the payments API?", "facts", ("providers", "owner")),
        ("Which system is shop-front part of?", "facts", ("system",)),
        ("Is shop-front deprecated?", "facts", ("lifecycle", "description")),
        ("Where is the repository of shop-front?", "facts", ("repository",)),
        ("Where is the dashboard of shop-front?", "facts", ("links",)),
        ("How can I reach team-web?", "facts", ("contact",)),
        ("What is the Slack channel of team-web?", "facts", ("contact", "links")),
        ("What services are related to shop-front?", "facts", ("related",)),
        ("What is in the commerce system?", "facts", ("parts",)),
        ("Who is on call for shop-front?", "live", ("owner", "contact")),
        ("What changed before last night's incident?", "live", ("owner", "contact")),
        ("Restart shop-front", "write", ()),
        ("Can you please delete the basket?", "write", ()),
        ("How do I restart Kafka?", "documents", ()),
        ("Where is the documentation of shop-front?", "documents", ("docs",)),
        ("basket limits", "documents", ("description",)),
    ],
)
def test_the_words_of_a_question_tell_what_it_asks_for(
    text: str, purpose: str, topics: tuple[str, ...]
) -> None:
    intent = read_intent(text)
    assert (intent.purpose, intent.topics) == (purpose, topics)


async def test_a_particular_question_about_an_entity_is_not_answered_with_general_facts() -> None:
    general = await ask("What is shop-front?")
    particular = await ask("What is the SLO of shop-front?")
    assert "description" in general.topics
    assert (particular.topics, particular.subjects) == ((), (SHOP,))


async def test_a_second_name_that_is_unknown_is_not_dropped() -> None:
    query = await ask("Who owns shop-front and who owns quantum-service?")
    assert (query.subjects, query.unknown_name) == ((SHOP,), "quantum-service")


async def test_words_that_were_not_understood_are_kept() -> None:
    assert (await ask("Who owned shop-front in March?")).unread == ("March",)
    assert (await ask("Who owns shop-front?")).unread == ()


async def test_an_incident_is_no_unknown_entity() -> None:
    query = await ask("What happened in INC-117?")
    assert query.unknown_name is None
    assert query.ticket_ids == {"inc-117"}


async def test_a_live_question_needs_no_entity() -> None:
    assert (await ask("Who is on call for payments right now?")).unknown_name is None
    assert (await ask("Who is on call for ghost-service?")).unknown_name == "ghost-service"


async def test_a_question_without_any_subject_is_left_without_one() -> None:
    query = await ask("Who owns it?")
    assert (query.subjects, query.choices, query.unknown_name) == ((), (), None)


async def test_a_bare_name_means_the_default_namespace_where_documents_are_asked_for() -> None:
    query = await ask("Where is the runbook of basket?")
    assert subjects(query) == [BASKET]
    assert query.assumed == (("basket", BASKET.ref),)


@pytest.mark.parametrize(
    "text", ["Who owns the EU basket?", "Who owns eu/basket?", "Who owns basket in eu?"]
)
async def test_a_namespace_in_the_question_settles_an_ambiguous_name(text: str) -> None:
    query = await ask(text)
    assert subjects(query) == [BASKET_EU]
    assert (query.choices, query.unread) == ((), ())


async def test_a_search_is_made_whole_with_the_entity_of_the_page() -> None:
    page = "component:default/shop-front"
    assert (await ask("How do I deploy it?", entity_ref=page)).search_text == (
        "How do I deploy it? The Shop"
    )
    assert (await ask("How do I deploy the shop front?", entity_ref=page)).search_text == (
        "How do I deploy the shop front?"
    )


async def test_a_list_without_any_condition_is_none() -> None:
    lists = await listed(make_question("which ones?", entity_ref=str(SHOP.ref)), FakePortal(WORLD))
    assert (lists.selection, lists.subjects) == (None, ())


async def test_what_a_team_owns_may_be_asked_by_something_that_it_owns() -> None:
    owned = make_entity("component:default/till", relations={"ownedBy": [str(WEB.ref)]})
    portal = FakePortal((*WORLD, owned))
    query = await understand(make_question("What does the team of till own?"), portal)
    assert (query.topics, subjects(query)) == (("owns",), [WEB])
    hidden = FakePortal((*WORLD, owned), hidden=[str(WEB.ref)])
    query = await understand(make_question("What does the team of till own?"), hidden)
    assert subjects(query) == [owned]


async def test_a_question_tells_the_time_that_it_speaks_of() -> None:
    query = await ask("What changed on shop-front since yesterday?")
    assert query.window is not None
    assert (query.window.words, query.window.end) == ("since yesterday", NOW)
    assert not {"since", "yesterday"} & set(query.unread)
    assert (await ask("Who owns shop-front?")).window is None


async def test_a_list_is_asked_for_by_what_its_entities_have() -> None:
    query = await listing("Which services does the web team run?")
    assert query.selection == Selection(
        kinds=frozenset({"component"}), types=frozenset({"service"}), owners=frozenset({WEB.ref})
    )
    assert (query.subjects, query.unknown_name, query.unread) == ((), None, ())


async def test_a_list_of_an_unknown_team_is_not_a_list_of_everything() -> None:
    query = await listing("Which services are owned by team-ghost?")
    assert (query.selection, query.unknown_name) == (None, "team-ghost")


async def test_of_a_hidden_team_the_list_is_that_of_an_unknown_one() -> None:
    hidden = FakePortal(WORLD, hidden=[str(WEB.ref)])
    missing = FakePortal(one for one in WORLD if one != WEB)
    text = make_question("Which services does the web team run?")
    assert await listed(text, hidden) == await listed(text, missing)


async def test_an_ambiguous_team_of_a_list_is_offered_as_choices() -> None:
    two = (make_entity("group:default/tills"), make_entity("group:eu/tills"))
    query = await listed(make_question("services owned by tills"), FakePortal(two))
    assert [choice.entity for choice in query.choices] == [*two]


async def test_without_a_portal_only_the_intent_is_worked_out() -> None:
    query = await UNDERSTANDING.understand_without_portal(make_question("Who owns shop-front?"))
    assert (query.intent, query.subjects) == ("ownership", ())


async def test_a_write_request_is_understood_without_asking_the_portal() -> None:
    query = await ask("Delete shop-front")
    assert query.purpose == "write"
    assert query.subjects == ()


def test_what_a_question_is_about_stands_between_its_telling_words() -> None:
    assert subject_words("Who owns a fake service that does not exist?") == (
        "fake service that does not exist"
    )
    assert subject_words("Which service owns the payments API?") == "payments API"
    assert subject_words("who is it?") == ""


def test_names_are_spelled_in_words() -> None:
    assert spelled("FraudScorer") == ("fraud", "scorer")
    assert spelled("orders-db_v2.main") == ("orders", "db", "v", "2", "main")


def test_nothing_is_near_to_no_words() -> None:
    assert nearest("?!", WORLD) == ()
