from portal_rag.composing import QUOTE_LENGTH, compose, without_portal
from portal_rag.domain import (
    Choice,
    Consulted,
    Draft,
    Evidence,
    Fact,
    Mention,
    Purpose,
    Query,
    Topic,
)
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
    assert texts(draft)[-1] == "I could not find an owner of **cart** (`component:default/cart`)."


def test_a_document_question_quotes_the_passages_that_fit() -> None:
    query = make_query(purpose="documents", topics=())
    passage = make_passage("Line one.\nLine *two*.", is_about_subject=True)
    draft = compose(query, Evidence(passages=(passage,)))
    assert draft.status == "answered"
    assert texts(draft) == ["From **shop \\> Runbook**:\n\n> Line one.  \n> Line \\*two\\*."]
    assert draft.statements[0].quote == "Line one.\nLine *two*."
    assert draft.follow_ups[0].url == "https://portal.example/docs/default/component/shop/runbook/"


def test_passages_that_hardly_fit_are_not_shown() -> None:
    far = make_passage(similarity=0.1)
    wordless = make_passage(similarity=0.35, in_lexical=False)
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
