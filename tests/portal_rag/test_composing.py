from dataclasses import replace
from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.composing import QUOTE_LENGTH, compose, not_applicable, without_portal
from portal_rag.composing.numbers import in_words
from portal_rag.domain import (
    Choice,
    Consulted,
    Draft,
    Evidence,
    Fact,
    Mention,
    Purpose,
    Query,
    Selection,
    Topic,
)
from portal_rag.grounding import check
from tests.factories import make_entity, make_passage, make_question, make_source

SHOP = make_entity("component:default/shop", title="The Shop")
WEB = make_entity("group:default/team-web")
OWNER = Mention(label="Web", ref=WEB.ref)


def make_query(
    *, purpose: Purpose = "facts", topics: tuple[Topic, ...] = ("owner",), **given: object
) -> Query:
    values = {
        "question": make_question("Who owns the shop?"),
        "intent": "how_to",
        "purpose": purpose,
        "topics": topics,
        "document_kinds": frozenset(),
        "subjects": (SHOP,),
        "telling": ("drain",),
    }
    return Query(**(values | given))


def make_fact(topic: Topic = "owner", *mentions: Mention) -> Fact:
    source = make_source(
        kind="catalog", title="The Shop", excerpt="owner: Web (group:default/team-web)"
    )
    return Fact(topic=topic, subject=SHOP, mentions=mentions or (OWNER,), source=source)


def texts(draft: Draft) -> list[str]:
    return [statement.text for statement in draft.statements]


def test_one_fact_becomes_one_cited_sentence() -> None:
    draft = compose(make_query(), Evidence(facts=(make_fact(),)))
    assert draft.status == "answered"
    assert texts(draft) == [
        "**The Shop** (`component:default/shop`) is owned by **Web** (`group:default/team-web`)."
    ]
    assert draft.statements[0].citations == (1,)


def test_several_things_become_a_list() -> None:
    fact = make_fact("dependents", OWNER, Mention(label="cart", note="consumes it"))
    draft = compose(make_query(topics=("dependents",)), Evidence(facts=(fact,)))
    assert texts(draft) == [
        "These depend on **The Shop** (`component:default/shop`):\n"
        "- **Web** (`group:default/team-web`)\n- cart (consumes it)"
    ]


def test_facts_stand_in_the_order_in_which_they_were_asked_for() -> None:
    description = make_fact("description", Mention(label="Sells things"))
    query = make_query(topics=("description", "owner"))
    draft = compose(query, Evidence(facts=(make_fact(), description)))
    assert texts(draft)[0] == "**The Shop** (`component:default/shop`): Sells things."


def test_links_are_written_as_links() -> None:
    board = Mention(label="Board", url="https://dash.example/d/1")
    docs = Mention(label="Docs", ref=SHOP.ref, url="https://portal.example/docs")
    draft = compose(
        make_query(topics=("links",)), Evidence(facts=(make_fact("links", board, docs),))
    )
    assert "[Board](https://dash.example/d/1)" in texts(draft)[0]
    assert "[Docs](https://portal.example/docs)" in texts(draft)[0]


def test_foreign_text_cannot_act_as_markdown() -> None:
    nasty = Mention(label="![x](https://evil.example/?q) <script> `code` **bold** [1]")
    draft = compose(
        make_query(topics=("description",)), Evidence(facts=(make_fact("description", nasty),))
    )
    assert "![x](" not in texts(draft)[0]
    assert "<script" not in texts(draft)[0].replace("\\<", "")
    assert "\\[1\\]" in texts(draft)[0]


def test_a_fact_that_is_not_there_is_said_to_be_missing() -> None:
    draft = compose(make_query(), Evidence())
    assert draft.status == "insufficient_evidence"
    assert texts(draft) == ["I could not find an owner of **The Shop** (`component:default/shop`)."]


def test_a_question_of_which_one_part_has_no_answer_is_partial() -> None:
    cart = make_entity("component:default/cart")
    draft = compose(make_query(subjects=(SHOP, cart)), Evidence(facts=(make_fact(),)))
    assert draft.status == "partial"
    assert texts(draft)[-1] == "I could not find an owner of **cart**."


def test_a_document_question_quotes_the_passages_that_fit() -> None:
    query = make_query(purpose="documents", topics=())
    passage = make_passage("Line one.\nLine *two*.", is_about_subject=True)
    draft = compose(query, Evidence(passages=(passage,)))
    assert draft.status == "answered"
    assert texts(draft) == ["From **shop \\> Runbook**:\n\n> Line one.  \n> Line \\*two\\*."]
    assert draft.statements[0].quote == "Line one.\nLine *two*."
    assert draft.follow_ups[0].url == "https://portal.example/docs/default/component/shop/runbook/"


def test_passages_that_hardly_fit_are_not_shown() -> None:
    far = make_passage(similarity=0.1, covered=0.5)
    wordless = make_passage(similarity=0.35, in_lexical=False, covered=0.0)
    unknown = make_passage(similarity=None)
    consulted = (Consulted(source="index", state="ok", took_ms=1),)
    evidence = Evidence(passages=(far, wordless, unknown), consulted=consulted)
    draft = compose(make_query(purpose="documents", topics=(), subjects=()), evidence)
    assert draft.status == "insufficient_evidence"
    assert texts(draft) == ["I did not find enough to answer this. I looked in: the documentation."]
    assert draft.sources == ()


def test_a_long_passage_is_cut_at_the_end_of_a_sentence() -> None:
    text = "A sentence of some length. " * 60
    assert len(text) > QUOTE_LENGTH
    draft = compose(
        make_query(purpose="documents", topics=()), Evidence(passages=(make_passage(text),))
    )
    quote = draft.statements[0].quote
    assert quote is not None
    assert quote.endswith("length.")
    assert len(quote) <= QUOTE_LENGTH
    assert texts(draft)[0].endswith("> … (continues in the source)")


def test_a_long_word_is_cut_at_the_limit() -> None:
    draft = compose(
        make_query(purpose="documents", topics=()), Evidence(passages=(make_passage("x" * 2000),))
    )
    assert draft.statements[0].quote == "x" * QUOTE_LENGTH


def test_the_description_page_of_an_entity_is_not_quoted_beside_its_facts() -> None:
    passage = make_passage("The Shop is a service.", kind="entity")
    query = make_query(purpose="documents", topics=("description",))
    fact = make_fact("description", Mention(label="Sells things"))
    draft = compose(query, Evidence(facts=(fact,), passages=(passage,)))
    assert len(draft.statements) == 1


def test_documents_of_the_kind_asked_for_leave_out_the_others() -> None:
    runbook, guide = make_passage("Drain it.", kind="runbook"), make_passage("About it.")
    other = make_passage("More of it.")
    query = make_query(
        purpose="documents", topics=(), subjects=(), document_kinds=frozenset({"runbook"})
    )
    assert len(compose(query, Evidence(passages=(guide, runbook))).statements) == 1
    assert len(compose(query, Evidence(passages=(guide, other))).statements) == 2


def test_a_runbook_of_another_entity_is_no_runbook_of_this_one() -> None:
    query = make_query(purpose="documents", topics=(), document_kinds=frozenset({"runbook"}))
    draft = compose(query, Evidence(passages=(make_passage("Drain it.", kind="runbook"),)))
    assert draft.status == "insufficient_evidence"
    assert texts(draft) == ["I could not find a runbook in the documentation of **The Shop**."]


def test_what_other_documents_say_is_shown_as_such() -> None:
    query = make_query(purpose="documents", topics=())
    draft = compose(query, Evidence(passages=(make_passage("Start it."),)))
    assert draft.status == "partial"
    assert "anything about this in the documentation of **The Shop**" in texts(draft)[-1]


def test_documents_of_the_entity_asked_about_leave_out_the_others() -> None:
    query = make_query(purpose="documents", topics=())
    own = make_passage("Start it so.", is_about_subject=True)
    draft = compose(query, Evidence(passages=(make_passage("Start it."), own)))
    assert (draft.status, len(draft.statements)) == ("answered", 1)


def test_an_old_document_stands_behind_a_current_one() -> None:
    old = make_passage("Old.", source=make_source(stale=True, excerpt="Old."))
    query = make_query(purpose="documents", topics=(), subjects=())
    draft = compose(query, Evidence(passages=(old, make_passage("Current."))))
    assert [statement.quote for statement in draft.statements] == ["Current.", "Old."]


def test_an_identifier_that_no_document_holds_is_said_to_be_unknown() -> None:
    query = make_query(
        purpose="documents", topics=(), subjects=(), ticket_ids=frozenset({"inc-999"})
    )
    draft = compose(query, Evidence())
    assert texts(draft) == ["I found nothing called “inc-999”."]
    assert draft.status == "insufficient_evidence"


def test_an_unknown_name_beside_a_known_one_makes_the_answer_partial() -> None:
    query = make_query(unknown_name="quantum-service", unread=("quantum-service",))
    draft = compose(query, Evidence(facts=(make_fact(),)))
    assert draft.status == "partial"
    assert texts(draft)[-1] == "I found nothing called “quantum-service”."
    assert draft.unread == ("quantum-service",)


def test_passages_do_not_answer_a_question_for_facts() -> None:
    draft = compose(make_query(), Evidence(passages=(make_passage(),)))
    assert draft.status == "insufficient_evidence"


def test_sources_are_numbered_once_each_in_the_order_of_citation() -> None:
    fact = make_fact()
    lifecycle = make_fact("lifecycle", Mention(label="production"))
    draft = compose(make_query(topics=("owner", "lifecycle")), Evidence(facts=(fact, lifecycle)))
    assert [statement.citations for statement in draft.statements] == [(1,), (1,)]
    assert len(draft.sources) == 1


def test_a_live_question_without_a_live_source_is_not_answered_from_elsewhere() -> None:
    query = make_query(purpose="live", topics=("owner", "contact"))
    draft = compose(query, Evidence(facts=(make_fact(),), passages=()))
    assert draft.status == "insufficient_evidence"
    assert "No live source is connected" in texts(draft)[0]
    assert "is owned by" in texts(draft)[1]


def test_a_request_to_change_something_is_declined() -> None:
    draft = compose(make_query(purpose="write", topics=(), subjects=()), Evidence())
    assert draft.status == "declined"
    assert draft.sources == ()


def test_an_ambiguous_name_is_answered_with_the_choice() -> None:
    choice = Choice(entity=SHOP, question="Who owns component:default/shop?")
    draft = compose(make_query(choices=(choice,), subjects=()), Evidence())
    assert draft.status == "clarify"
    assert [offer.question for offer in draft.follow_ups] == ["Who owns component:default/shop?"]


def test_an_unknown_name_is_said_and_near_names_are_offered() -> None:
    choice = Choice(entity=SHOP, question="Who owns component:default/shop?")
    draft = compose(make_query(unknown_name="sh*p", near=(choice,), subjects=()), Evidence())
    assert draft.status == "insufficient_evidence"
    assert "“sh\\*p”" in texts(draft)[0]
    assert "`component:default/shop`" in texts(draft)[0]


def test_the_next_likely_questions_are_offered_but_not_the_one_just_asked() -> None:
    draft = compose(make_query(topics=("dependents",)), Evidence())
    assert [offer.question for offer in draft.follow_ups] == [
        "Who owns component:default/shop?",
        "Where is the runbook of component:default/shop?",
        "Who is on call for component:default/shop?",
        "What does component:default/shop depend on?",
    ]
    team = compose(make_query(topics=("owns",), subjects=(WEB,)), Evidence())
    assert [offer.label for offer in team.follow_ups] == [
        "Who are the members of team-web?",
        "How do I reach team-web?",
    ]


def test_a_portal_that_cannot_be_asked_makes_no_claims() -> None:
    assert without_portal().status == "insufficient_evidence"
    assert without_portal().sources == ()


def test_a_secret_in_the_name_of_an_entity_is_taken_out() -> None:
    token = "ghp" + "_" + "a8Kq2Lw9Zx4Vb7Nm3Rt6" + "Yp1Sd5Fg0HjQeW2z"
    shop = make_entity("component:default/shop", title=f"Shop {token}")
    fact = Fact(topic="owner", subject=shop, mentions=(OWNER,), source=make_source())
    draft = compose(make_query(subjects=(shop,)), Evidence(facts=(fact,)))
    assert token not in str(draft.statements)
    missing = compose(make_query(subjects=(shop,), topics=("links",)), Evidence())
    assert token not in str(missing)


CART = make_entity("component:default/cart", title="Cart")
OLD = make_entity("resource:default/old", title="Old Cache")


def fact_of(topic: Topic, subject: Entity, *mentions: Mention, **given: Any) -> Fact:
    """State something with a source that holds it, as the catalog's facts do."""
    named = "; ".join(f"{each.label} ({each.ref}) {each.url}" for each in mentions)
    source = make_source(
        kind="catalog",
        title=subject.display_name,
        entity_ref=subject.ref,
        url=f"https://portal.example/catalog/{subject.ref.name}",
        excerpt=f"{subject.display_name} ({subject.ref}) {topic}: {named}",
    )
    return Fact(topic=topic, subject=subject, mentions=mentions, source=source, **given)


def mention(entity: Entity, note: str = "") -> Mention:
    return Mention(label=entity.display_name, ref=entity.ref, note=note)


def asking(text: str, *topics: Topic, **given: Any) -> Query:
    return make_query(question=make_question(text), topics=topics, **given)


def answer(query: Query, *facts: Fact, **given: Any) -> Draft:
    """Compose and check, so that what no source carries is missing here too."""
    return check(compose(query, Evidence(facts=facts, **given)))


def test_small_talk_and_what_lies_outside_are_declined() -> None:
    chat = make_query(purpose="nothing", intent="chit_chat", topics=(), subjects=())
    outside = make_query(purpose="nothing", intent="out_of_scope", topics=(), subjects=())
    for query, words in ((chat, "I answer questions about"), (outside, "outside of what I can")):
        for draft in (compose(query, Evidence()), not_applicable(query)):
            assert draft.status == "declined"
            assert words in texts(draft)[0]


def test_who_is_not_known_to_the_portal_is_told_so_but_not_for_a_request_to_change() -> None:
    assert not_applicable(make_query()).status == "insufficient_evidence"
    assert not_applicable(make_query(purpose="write")).status == "declined"


def test_a_declined_change_offers_to_ask_who_owns_it() -> None:
    draft = compose(make_query(purpose="write", topics=("owner",), intent="write"), Evidence())
    assert draft.follow_ups[0].question == "Who owns component:default/shop?"


def test_what_a_word_was_taken_for_is_said_first() -> None:
    draft = answer(make_query(assumed=(("sh*p", SHOP.ref),)), fact_of("owner", SHOP, mention(WEB)))
    assert texts(draft)[0] == "I took “sh\\*p” for `component:default/shop`."


def test_a_lifecycle_is_confirmed_or_denied() -> None:
    fact = fact_of("lifecycle", SHOP, Mention(label="deprecated"))
    said = {
        text: texts(answer(asking(text, "lifecycle"), fact))[0].partition(" ")[0]
        for text in (
            "Is the shop deprecated?",
            "Is the shop in production?",
            "Which lifecycle has the shop?",
            "Why is the shop deprecated?",
            "Is the shop nice?",
        )
    }
    assert list(said.values()) == ["Yes:", "No:", "The", "The", "The"]


def test_a_tag_can_confirm_a_state_but_not_deny_one() -> None:
    fact = fact_of("lifecycle", OLD, Mention(label="deprecated", note="by its tags"))
    query = asking("Is old deprecated?", "lifecycle", subjects=(OLD,))
    assert texts(answer(query, fact))[0].startswith("Yes: the lifecycle of **Old Cache**")
    query = asking("Is old in production?", "lifecycle", subjects=(OLD,))
    assert texts(answer(query, fact))[0].startswith("The lifecycle")


def test_a_dependency_is_confirmed_with_nothing_else_said() -> None:
    on_old = fact_of("dependencies", SHOP, mention(OLD), mention(CART))
    of_old = fact_of("dependencies", OLD, mention(CART))
    query = asking("Does shop use old?", "dependencies", subjects=(SHOP, OLD))
    draft = answer(query, on_old, of_old)
    assert draft.status == "answered"
    assert texts(draft) == [
        "Yes: **The Shop** (`component:default/shop`) depends on"
        " **Old Cache** (`resource:default/old`)."
    ]
    why = asking("Why does shop depend on old?", "dependencies", subjects=(SHOP, OLD))
    assert texts(answer(why, on_old))[0].startswith("**The Shop**")


def test_a_relation_the_other_way_round_is_told_without_a_yes() -> None:
    fact = fact_of("dependents", OLD, mention(SHOP))
    query = asking("Does shop use old?", "dependents", subjects=(SHOP, OLD))
    assert texts(answer(query, fact))[0].startswith(
        "**The Shop** (`component:default/shop`) depends"
    )


def test_a_dependency_that_is_not_recorded_is_said_so_and_what_is_recorded_is_listed() -> None:
    fact = fact_of("dependencies", SHOP, mention(CART))
    query = asking("Does shop use old?", "dependencies", subjects=(SHOP, OLD))
    draft = answer(query, fact)
    assert draft.status == "answered"
    assert draft.statements[0].citations == ()
    assert texts(draft)[0] == (
        "No relation of this kind between **The Shop** and **Old Cache**"
        " is recorded in the catalog."
    )
    assert draft.statements[1].citations == (1,)
    assert answer(query).status == "insufficient_evidence"


def test_who_is_named_as_the_owner_is_compared_with_who_is_recorded() -> None:
    owner = fact_of("owner", SHOP, mention(WEB))
    other = make_entity("group:default/other")
    for team, word in ((WEB, "Yes: "), (other, "No: ")):
        for topic in ("owner", "owns"):
            query = asking("Does it own the shop?", topic, subjects=(team, SHOP))
            draft = answer(query, contacts=(owner,))
            assert draft.status == "answered"
            assert texts(draft) == [
                f"{word}**The Shop** (`component:default/shop`) is owned by"
                " **team-web** (`group:default/team-web`)."
            ]


def test_two_teams_or_an_unknown_owner_settle_nothing() -> None:
    other = make_entity("group:default/other")
    query = asking("Is it owned?", "owner", subjects=(WEB, other))
    assert answer(query).status == "insufficient_evidence"
    query = asking("Does web own the shop?", "owner", subjects=(WEB, SHOP))
    assert texts(answer(query)) == ["I could not find an owner of **The Shop**."]


def test_other_questions_about_two_things_are_not_settled() -> None:
    query = asking("Are shop and cart documented?", "docs", subjects=(SHOP, CART))
    assert answer(query).status == "insufficient_evidence"


def test_an_owner_that_is_lost_is_said_and_is_no_answer() -> None:
    lost = fact_of("owner", SHOP)
    told = fact_of("description", SHOP, Mention(label="Its team was dissolved"))
    draft = answer(make_query(), lost, told)
    assert draft.status == "insufficient_evidence"
    assert texts(draft)[:2] == [
        "An owner of **The Shop** (`component:default/shop`) is recorded,"
        " but I could not find it in the catalog.",
        "**The Shop**: Its team was dissolved.",
    ]
    beside = answer(make_query(subjects=(SHOP, CART)), lost, fact_of("owner", CART, mention(WEB)))
    assert beside.status == "partial"


def test_several_facts_about_one_thing_become_a_list_with_a_citation_each() -> None:
    near = fact_of("dependents", OLD, mention(SHOP), has_more=True)
    far = fact_of("dependents", OLD, mention(CART, "through The Shop"), has_more=True)
    far = replace(far, source=replace(far.source, entity_ref=CART.ref))
    draft = answer(asking("What breaks?", "dependents", subjects=(OLD,)), near, far)
    assert texts(draft) == [
        "These depend on **Old Cache** (`resource:default/old`), the nearest first:",
        "- **The Shop** (`component:default/shop`)",
        "- **Cart** (`component:default/cart`) (through The Shop)",
        "There is more than this: I go no further than five steps and two hundred entities.",
    ]
    assert [each.citations for each in draft.statements] == [(), (1,), (2,), ()]
    down = fact_of("dependencies", OLD, mention(SHOP)), fact_of("dependencies", OLD, mention(CART))
    assert "depends on these" in texts(answer(asking("?", "dependencies"), *down))[0]


def test_a_list_that_was_cut_says_so() -> None:
    fact = fact_of("parts", SHOP, mention(CART), mention(OLD), has_more=True)
    assert texts(answer(asking("?", "parts"), fact))[0].endswith("- … and more than I list here")


def test_what_was_selected_is_counted_in_words_and_listed() -> None:
    facts = (
        fact_of(
            "matches",
            SHOP,
            Mention(label="service", note="type"),
            Mention(label="go", note="tag"),
            mention(WEB, "owner"),
            mention(OLD, "part of"),
        ),
        fact_of("matches", CART),
    )
    selection = Selection(types=frozenset({"service"}), tags=frozenset({"go"}))
    query = asking("Services in go?", "matches", subjects=(), selection=selection)
    draft = answer(query, *facts)
    assert draft.status == "answered"
    assert texts(draft) == [
        "I found two services tagged go:",
        "- **The Shop** (`component:default/shop`): service, tag go,"
        " owned by **team-web** (`group:default/team-web`),"
        " part of **Old Cache** (`resource:default/old`)",
        "- **Cart** (`component:default/cart`)",
    ]
    assert [each.citations for each in draft.statements] == [(), (1,), (2,)]
    assert texts(answer(query, facts[1]))[0] == "I found one service tagged go:"
    owned = Selection(types=frozenset({"service"}), owners=frozenset({WEB.ref}))
    query = asking("Services of web?", "matches", subjects=(), selection=owned)
    assert texts(answer(query, *facts))[0] == "I found two services owned by team-web:"


def test_nothing_selected_is_said_in_the_words_of_the_selection() -> None:
    def said(**given: Any) -> str:
        selection = Selection(**given)
        query = asking("?", "matches", subjects=(), selection=selection)
        draft = answer(query)
        assert draft.status == "insufficient_evidence"
        return texts(draft)[0]

    lifecycles, types = frozenset({"production"}), frozenset({"openapi"})
    assert said(kinds=frozenset({"api"}), types=types, lifecycles=lifecycles) == (
        "I found no production APIs of type openapi that fit."
    )
    assert said(types=frozenset({"library"})) == "I found no libraries that fit."
    assert said(without_owner=True, without_docs=True) == (
        "I found no entities without an owner and without documentation that fit."
    )


def test_of_very_many_the_first_are_listed_and_all_are_counted() -> None:
    entities = [make_entity(f"api:default/a-{number:03}") for number in range(200)]
    facts = [fact_of("matches", each, has_more=True) for each in entities]
    selection = Selection(kinds=frozenset({"api"}))
    draft = answer(asking("APIs?", "matches", subjects=(), selection=selection), *facts)
    assert texts(draft)[0] == "I found more than two hundred APIs; these are the first fifty:"
    assert len(draft.sources) == 50
    (one, *_) = texts(answer(asking("?", "matches", subjects=(), selection=selection), facts[0]))
    assert one == "I found more than one APIs:"


def test_counts_are_written_in_words() -> None:
    assert [in_words(number) for number in (0, 7, 19, 20, 42, 100, 142)] == [
        "no",
        "seven",
        "nineteen",
        "twenty",
        "forty-two",
        "one hundred",
        "one hundred and forty-two",
    ]


def test_where_nothing_is_found_owner_and_channel_are_named_and_where_was_looked() -> None:
    owner = fact_of("owner", SHOP, mention(WEB))
    channel = fact_of("contact", SHOP, Mention(label="#web", url="https://chat.example/web"))
    consulted = (
        Consulted(source="catalog", state="ok", took_ms=1),
        Consulted(source="index", state="timeout", took_ms=1),
        Consulted(source="elsewhere", state="not_configured", took_ms=1),
    )
    query = make_query(purpose="documents", topics=())
    draft = answer(query, contacts=(owner, channel), consulted=consulted)
    assert draft.status == "insufficient_evidence"
    assert texts(draft) == [
        "I could not find anything about this in the documentation of **The Shop**.",
        "I looked in: the catalog, the documentation (which did not answer in time)."
        " These people may know more:",
        "**The Shop** (`component:default/shop`) is owned by"
        " **team-web** (`group:default/team-web`).",
        "To reach the people behind **The Shop** (`component:default/shop`):"
        " [\\#web](https://chat.example/web).",
    ]
    assert [each.citations for each in draft.statements] == [(), (), (1,), (2,)]


def test_whom_to_ask_is_not_said_twice() -> None:
    owner = fact_of("owner", SHOP, mention(WEB))
    query = make_query(purpose="live", intent="on_call", topics=("owner", "contact"))
    draft = answer(query, owner, contacts=(owner,))
    assert draft.status == "insufficient_evidence"
    assert ["cannot say who is on call" in texts(draft)[0], len(draft.statements)] == [True, 2]


def test_a_live_question_with_another_part_that_is_answered_is_partial() -> None:
    board = fact_of("links", SHOP, Mention(label="Board", url="https://dash.example/1"))
    query = make_query(purpose="live", topics=("links", "owner"))
    assert answer(query, board).status == "partial"


def test_a_channel_of_the_owners_will_do_for_one_of_its_own() -> None:
    contact = fact_of("contact", SHOP, Mention(label="#web", url="https://chat.example/web"))
    assert answer(asking("slack of shop", "contact", "links"), contact).status == "answered"


def test_links_of_a_kind_are_missed_by_their_kind() -> None:
    draft = answer(asking("Grafana of the shop?", "links"))
    assert texts(draft) == [
        "I could not find a dashboard among the links of **The Shop** (`component:default/shop`)."
    ]


def test_what_a_catalog_does_not_hold_about_people_is_said() -> None:
    members = fact_of("members", WEB, Mention(label="Ann"))
    lead = asking("Who is the manager of web?", "members", subjects=(WEB,))
    on_call = asking("contact of web and who is on call", "contact", subjects=(WEB,))
    someone = asking("who is erika in web", "members", subjects=(WEB,), unread=("erika",))
    phone = asking("phone number of web", "contact", subjects=(WEB,))
    assert texts(answer(lead, members))[-1] == "I could not find who leads a team in the catalog."
    assert texts(answer(someone, members))[-1] == "I found nothing called “erika”."
    assert "cannot say who is on call" in texts(answer(on_call))[1]
    assert texts(answer(phone))[-1] == "I could not find a phone number in the catalog."
    assert answer(lead, members).status == answer(someone, members).status == "partial"


def test_names_that_are_not_clear_beside_one_that_is_are_offered() -> None:
    choice = Choice(entity=CART, question="Who owns component:default/cart?")
    query = make_query(choices=(choice,), unknown_name="nope")
    draft = answer(query, fact_of("owner", SHOP, mention(WEB)))
    assert draft.status == "partial"
    assert "I found nothing called “nope”." in texts(draft)
    assert choice.question in [offer.question for offer in draft.follow_ups]


def test_what_could_be_opened_is_offered_once_and_a_fix_at_the_end_of_the_links() -> None:
    offers = fact_of(
        "links",
        SHOP,
        Mention(label="Drain", url="https://run.example/1", note="runbook"),
        Mention(label="Drain again", url="https://run.example/1/", note="runbook"),
        Mention(label="The Shop", url="https://code.example/edit", note="fix"),
        Mention(label="withheld", note="dashboard"),
    )
    draft = answer(make_query(), fact_of("owner", SHOP, mention(WEB)), offers=(offers,))
    assert [(each.label, each.url) for each in draft.follow_ups if each.url] == [
        ("Open runbook: Drain", "https://run.example/1"),
        ("Open The Shop", "https://portal.example/catalog/shop"),
        ("Suggest a fix of The Shop in the catalog", "https://code.example/edit"),
    ]


def test_the_same_text_is_not_quoted_twice() -> None:
    passages = [
        make_passage("One two\nthree."),
        make_passage("One  two three."),
        make_passage("one"),
    ]
    query = make_query(purpose="documents", topics=(), subjects=())
    draft = compose(query, Evidence(passages=tuple(passages)))
    assert [each.quote for each in draft.statements] == ["One two\nthree.", "one"]


def test_several_topics_of_one_thing_name_it_in_full_once() -> None:
    owner = fact_of("owner", SHOP, mention(WEB))
    kind = fact_of("type", SHOP, Mention(label="API of type grpc"))
    draft = answer(make_query(topics=("owner", "type")), owner, kind)
    assert texts(draft)[1] == "**The Shop** is an API of type grpc."


def test_a_general_description_does_not_answer_what_is_asked_in_particular() -> None:
    fact = fact_of("description", SHOP, Mention(label="Sells things; scores nothing"))

    def said(*telling: str) -> Draft:
        query = make_query(
            purpose="documents", intent="description", topics=(), unread=telling, telling=telling
        )
        return answer(query, fact)

    assert said("score", "orders").status == "answered"
    assert said("slo").status == "insufficient_evidence"
    assert "could not find anything about this" in texts(said("slo"))[0]


def test_a_passage_of_an_api_is_quoted_where_its_kind_is_asked_for() -> None:
    passage = make_passage("POST /orders/7", kind="api", is_about_subject=True)
    passage = replace(passage, source=replace(passage.source, entity_ref=SHOP.ref))
    for kinds, count in ((frozenset({"api"}), 1), (frozenset(), 0)):
        query = make_query(purpose="documents", topics=(), document_kinds=kinds)
        draft = compose(query, Evidence(passages=(passage,)))
        assert sum(each.quote is not None for each in draft.statements) == count


def test_a_passage_answers_if_it_speaks_of_what_was_asked() -> None:
    def is_quoted(**given: object) -> bool:
        query = make_query(purpose="documents", topics=(), telling=("SLO", "checkout"))
        passage = make_passage("Ninety-nine percent.", similarity=0.5, **given)
        return any(each.quote for each in compose(query, Evidence(passages=(passage,))).statements)

    assert is_quoted(is_about_subject=True, covered=1.0)
    assert is_quoted(names_subject=True, covered=0.5, lacks=("checkout",))
    assert not is_quoted(names_subject=True, covered=0.0, lacks=("SLO", "checkout"))
    assert not is_quoted(covered=0.5, lacks=("checkout",))


def test_what_is_much_weaker_than_the_best_is_left_out() -> None:
    query = make_query(purpose="documents", topics=(), subjects=())
    best = make_passage("Drain it so.", similarity=0.9)
    others = (make_passage("Fill it.", similarity=0.6), make_passage("Paint it.", similarity=0.4))
    draft = compose(query, Evidence(passages=(best, *others)))
    assert [each.quote for each in draft.statements] == ["Drain it so.", "Fill it."]


def test_a_name_that_stands_in_nothing_that_was_found_is_said() -> None:
    query = make_query(purpose="documents", topics=("description",), telling=("flurb-service",))
    fact = fact_of("description", SHOP, Mention(label="Sells things"))
    draft = answer(query, fact)
    assert draft.status == "partial"
    assert "I found nothing called “flurb-service”." in texts(draft)
