from portal_rag.domain import Draft, FollowUp, Statement
from portal_rag.grounding import check
from tests.factories import make_source

FIRST = make_source(excerpt="owner: Web (group:default/team-web)")
SECOND = make_source(excerpt="Drain the broker first.", url="https://portal.example/docs/x")


def drafted(*statements: Statement, follow_ups: tuple[FollowUp, ...] = ()) -> Draft:
    return Draft(
        status="answered", statements=statements, sources=(FIRST, SECOND), follow_ups=follow_ups
    )


def test_a_statement_whose_references_stand_in_its_source_is_kept() -> None:
    statement = Statement(text="Owned by `group:default/team-web`.", citations=(1,))
    assert check(drafted(statement)).statements == (statement,)


def test_a_reference_that_no_cited_source_holds_takes_the_statement_away() -> None:
    forged = Statement(text="Owned by `group:default/team-risk`.", citations=(1,))
    good = Statement(text="See `group:default/team-web`.", citations=(1,))
    assert check(drafted(forged, good)).statements == (good,)


def test_a_link_that_no_cited_source_holds_takes_the_statement_away() -> None:
    forged = Statement(text="See [it](https://evil.example/x).", citations=(1,))
    assert check(drafted(forged)).status == "insufficient_evidence"


def test_the_address_of_a_cited_source_may_be_linked() -> None:
    statement = Statement(text="See [it](https://portal.example/docs/x).", citations=(2,))
    assert check(drafted(statement)).status == "answered"


def test_an_address_in_a_description_is_compared_as_its_source_spells_it() -> None:
    source = make_source(excerpt="See https://wiki.example/a_b#c")
    statement = Statement(text="Shop: See https://wiki.example/a\\_b\\#c.", citations=(1,))
    draft = Draft(status="answered", statements=(statement,), sources=(source,))
    assert check(draft).statements == (statement,)


def test_a_quote_must_be_verbatim() -> None:
    altered = Statement(text="> Drain it", citations=(2,), quote="Drain the broker last.")
    verbatim = Statement(text="> Drain", citations=(2,), quote="Drain the broker first.")
    assert len(check(drafted(altered, verbatim)).statements) == 1


def test_a_citation_of_nothing_takes_the_statement_away() -> None:
    assert check(drafted(Statement(text="Sure.", citations=(3,)))).statements == ()


def test_sources_that_lost_their_statement_go_and_the_rest_is_numbered_anew() -> None:
    forged = Statement(text="Owned by `group:default/other`.", citations=(1,))
    good = Statement(text="> Drain", citations=(2,), quote="Drain the broker first.")
    checked = check(drafted(forged, good))
    assert checked.sources == (SECOND,)
    assert checked.statements[0].citations == (1,)


def test_statements_that_claim_nothing_need_no_source() -> None:
    plain = Statement(text="I could not find an owner.")
    draft = Draft(status="insufficient_evidence", statements=(plain,))
    assert check(draft) == draft


def test_follow_ups_lead_to_web_addresses_only() -> None:
    offers = (
        FollowUp(label="bad", url="javascript:alert(1)"),
        FollowUp(label="good", url="https://portal.example/docs/x"),
        FollowUp(label="next", question="Who owns it?"),
    )
    good = Statement(text="> Drain", citations=(2,), quote="Drain the broker first.")
    assert check(drafted(good, follow_ups=offers)).follow_ups == offers[1:]


def test_numbers_dates_versions_paths_and_addresses_must_stand_in_a_cited_source() -> None:
    excerpt = "Runs 1.2.3 since 2026-01-02 in /srv/app/data; ask web@example.com about INC-7."
    source = make_source(excerpt=excerpt, title="Notes", url="https://portal.example/n")

    def stands(text: str) -> bool:
        statement = Statement(text=text, citations=(1,))
        draft = Draft(status="answered", statements=(statement,), sources=(source,))
        return check(draft).status == "answered"

    for word in ("1.2.3", "2026-01-02", "/srv/app/data", "web@example.com", "INC-7"):
        assert stands(f"It says {word}."), word
    for word in ("1.2", "2026-01-03", "/srv/apps", "eb@example.com", "INC-70", "12", "other/a/b"):
        assert not stands(f"It says {word}."), word


def test_the_title_and_the_entity_of_a_source_carry_too() -> None:
    source = make_source(title="Queue 7")
    statement = Statement(text="**Queue 7** (`component:default/shop`)", citations=(1,))
    draft = Draft(status="answered", statements=(statement,), sources=(source,))
    assert check(draft).statements == (statement,)
