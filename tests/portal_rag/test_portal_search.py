"""Search as a source of evidence: gated, ordered by the pages alone, linked into the portal."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.backstage.search import SearchHit
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Passage, Purpose, Query
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.portal_search import (
    LONGEST_EXCERPT,
    MOST_PAGES,
    WEIGHT,
    PortalSearch,
    portal_url,
)
from tests.factories import APP_URL, NOW, make_entity, make_question
from tests.fakes.portal import FakePortal

SHOP = make_entity("component:default/shop")
CART = make_entity("component:default/cart")
ASKED = "How do I drain the broker?"


def documents(text: str = ASKED, **given: Any) -> Query:
    values: dict[str, Any] = {
        "question": make_question(text),
        "intent": "how_to",
        "purpose": "documents",
        "topics": (),
        "document_kinds": frozenset(),
        "subjects": (),
        "search_text": text,
    }
    return Query(**(values | given))


def hit(text: str = "Drain the broker first.", path: str = "runbook/", **given: Any) -> SearchHit:
    ref = EntityRef.parse(given.pop("entity", "component:default/shop"))
    values: dict[str, Any] = {
        "type": "techdocs",
        "title": "Operations",
        "site_title": "Shop",
        "text": text,
        "location": f"/docs/{ref.namespace}/{ref.kind}/{ref.name}/{path}",
        "entity_ref": ref,
    }
    return SearchHit(**(values | given))


async def find(
    hits: Sequence[SearchHit] | None, query: Query | None = None, **portal: Any
) -> Finding:
    source = PortalSearch(app_url=f"{APP_URL}/", clock=lambda: NOW)
    return await source.find(query or documents(), FakePortal([SHOP, CART], hits=hits, **portal))


async def found(*hits: SearchHit, query: Query | None = None) -> tuple[Passage, ...]:
    return (await find(hits, query)).passages


async def test_a_hit_becomes_a_passage_that_leads_to_its_section() -> None:
    (passage,) = await found(hit(path="runbook/#drain"))
    assert passage.text == passage.source.excerpt == "Drain the broker first."
    assert (passage.similarity, passage.in_lexical, passage.covered) == (None, True, 1.0)
    assert passage.score == WEIGHT
    source = passage.source
    assert (source.kind, source.title) == ("search", "Shop > Operations")
    assert source.id == (
        "search:techdocs:component:default/shop:/docs/default/component/shop/runbook/#drain"
    )
    assert source.url == f"{APP_URL}/docs/default/component/shop/runbook/#drain"
    assert (source.entity_ref, source.fetched_at) == (SHOP.ref, NOW)
    assert (source.modified_at, source.stale) == (None, False)


async def test_what_the_gate_refuses_is_dropped_and_counted() -> None:
    hits = [hit(), hit(entity="component:default/cart")]
    finding = await find(hits, hidden=[str(CART.ref)])
    assert [one.source.entity_ref for one in finding.passages] == [SHOP.ref]
    assert finding.dropped == 1


async def test_what_belongs_to_no_known_entity_is_not_visible() -> None:
    assert await found(hit(entity_ref=None)) == ()


async def test_what_the_app_of_the_portal_does_not_show_is_not_cited() -> None:
    assert await found(hit(location="https://elsewhere.example/docs/default/component/shop/")) == ()


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/docs/a/b/c/", "https://portal.example/app/docs/a/b/c/"),
        ("https://portal.example/app/tools#x", "https://portal.example/app/tools#x"),
        ("https://portal.example/apple/x", None),
        ("https://portal.example/app//x", None),
        ("https://portal.example.evil.example/app/x", None),
        ("https://portal.example@evil.example/app/x", None),
        ("//evil.example/x", None),
        ("/\\evil.example", None),
        ("/docs/../../admin", None),
        ("/docs/./x", None),
        ("/docs/..", None),
        ("/docs/a b", None),
        ("/docs/\n", None),
        ("docs/a", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_links_lead_into_the_portals_own_app_or_nowhere(location: str, url: str | None) -> None:
    assert portal_url(location, "https://portal.example/app") == url


@given(st.text(max_size=60))
def test_no_location_leads_to_another_host(location: str) -> None:
    url = portal_url(location, APP_URL)
    assert url is None or url.startswith(f"{APP_URL}/")


async def test_without_search_it_is_not_configured() -> None:
    assert await find(None) == Finding(state="not_configured")


@pytest.mark.parametrize("purpose", ["facts", "live", "nothing", "write"])
async def test_only_questions_for_documents_are_searched_for(purpose: Purpose) -> None:
    assert await find([hit()], documents(purpose=purpose)) == Finding(state="not_applicable")


async def test_a_question_of_common_words_alone_is_not_searched_for() -> None:
    assert await find([hit()], documents("How do I?")) == Finding(state="not_applicable")


async def test_pages_come_in_the_order_of_what_they_hold_whatever_search_said() -> None:
    hits = [
        hit("The broker is green.", "a/"),
        hit("Drain the broker.", "b/"),
        hit("Drain the broker, drain it; the broker must be drained.", "c/"),
        hit("Nothing of it.", "d/"),
    ]
    expected = await found(*hits)
    assert [one.source.url[-2:] for one in expected] == ["c/", "b/", "a/"]
    assert [one.covered for one in expected] == [1.0, 1.0, 0.5]
    assert [one.score for one in expected] == [WEIGHT, WEIGHT * 61 / 62, WEIGHT * 61 / 63]
    for others in itertools.permutations(hits):
        assert await found(*others) == expected


async def test_a_page_and_its_sections_are_one_passage() -> None:
    page = hit("Runbook. " + "Other matters. " * 40 + "Drain the broker first.")
    section = hit("Drain the broker first.", "runbook/#drain")
    (passage,) = await found(page, section)
    assert passage.source.url.endswith("#drain")


async def test_only_so_many_pages_are_given() -> None:
    hits = [hit(path=f"page-{number}/") for number in range(40)]
    assert len(await found(*hits)) == MOST_PAGES


async def test_a_long_page_is_quoted_where_it_fits_best() -> None:
    padding = "Green carts are sold on other days too. " * 60
    (passage,) = await found(hit(f"{padding}Drain slowly. Then the broker stops. {padding}"))
    assert "Drain slowly. Then the broker stops." in passage.text
    assert len(passage.text) <= LONGEST_EXCERPT
    assert passage.covered == 1.0


async def test_words_far_apart_in_a_page_do_not_count_together() -> None:
    padding = "Green carts are sold on other days too. " * 60
    (passage,) = await found(hit(f"Drain slowly. {padding}The broker stops."))
    assert passage.covered == 0.5


@given(st.text(max_size=3_000))
def test_any_text_has_an_excerpt_of_limited_length(text: str) -> None:
    """Words without spaces and texts without sentences included."""

    async def excerpts() -> list[str]:
        return [one.text for one in await found(hit(text, title="Drain"))]

    (excerpt,) = anyio.run(excerpts)
    assert len(excerpt) <= LONGEST_EXCERPT


async def test_an_identifier_must_stand_in_what_is_found() -> None:
    query = replace(documents("What happened in INC-7?"), ticket_ids=frozenset({"inc-7"}))
    hits = [hit("INC-7 emptied carts", "a/"), hit("INC-8 happened", "b/")]
    assert [one.text for one in await found(*hits, query=query)] == ["INC-7 emptied carts"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"path": "runbooks/kafka/"}, "runbook"),
        ({"path": "incidents/7/"}, "incident"),
        ({"path": "adr/7/"}, "adr"),
        ({"path": "how/", "title": "Kafka playbook"}, "runbook"),
        ({"path": "how/"}, "guide"),
        ({"type": "software-catalog"}, "entity"),
        ({"type": "software-catalog", "entity": "api:default/pay"}, "api"),
        ({"type": "adr", "path": "adr/1"}, "adr"),
    ],
)
async def test_kinds_are_those_of_the_index(given: Any, kind: str) -> None:
    api = make_entity("api:default/pay")
    source = PortalSearch(app_url=APP_URL, clock=lambda: NOW)
    finding = await source.find(documents(), FakePortal([SHOP, api], hits=[hit(**given)]))
    assert [one.kind for one in finding.passages] == [kind]


async def test_what_the_question_is_about_is_marked() -> None:
    query = documents(subjects=(SHOP,))
    passages = await found(hit(), hit(entity="component:default/cart"), query=query)
    about = {one.source.entity_ref: one.is_about_subject for one in passages}
    assert about == {SHOP.ref: True, CART.ref: False}
