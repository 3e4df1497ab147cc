"""The whole service with Backstage Search as a third retriever."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from tests.factories import make_chunk
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_search import SearchIndex, described, page
from tests.fakes.indexes import publish_index
from tests.portal_rag.world import CANARY, CHUNKS, ENTITIES, ask, make_settings, serving

HOW_TO = "How do I drain the broker, then restart it with brokerctl?"
NEW = "How do I recalibrate the flux capacitor?"
SECRET = "How do I refuse orders above the secret score?"
SHOP, SCORER = "component:default/shop", "component:default/scorer"
KEY = "AKIA" + "Q3EGRXJ7LMZN5P2W"
DOCUMENTS = (
    page(SHOP, "runbook/", "Drain the broker, then restart it with brokerctl.", title="Runbook"),
    page(SHOP, "new/#flux", f"Recalibrate the flux capacitor with {KEY}.", title="Flux"),
    page(SCORER, "", f"Orders above the secret score are refused: {CANARY}", title="Scorer"),
    page(SCORER, "flux/", f"Recalibrate the flux capacitor of {CANARY}", title="Flux"),
    described("Component:default/Scorer", f"Refuses orders, secret score, {CANARY}"),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    pages = [make_chunk(f"Carts of sort {n} are sold.", page=f"sort-{n}/") for n in range(8)]
    anyio.run(publish_index, directory, (*CHUNKS, *pages))
    return directory


@pytest.fixture
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES, search=SearchIndex(DOCUMENTS)) as backstage:
        yield backstage


@pytest.fixture
def client(portal: FakeBackstage, index: Path) -> Iterator[TestClient]:
    with serving(make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)) as client:
        yield client


def states(answer: Any) -> dict[str, str]:
    return {one["source"]: one["state"] for one in answer["consulted"]}


def test_a_page_that_the_index_does_not_hold_is_found_by_search(
    client: TestClient, portal: FakeBackstage
) -> None:
    answer = ask(client, portal, "guest", NEW)
    assert answer["status"] == "answered"
    (source,) = answer["sources"]
    assert source["kind"] == "search"
    assert source["entityRef"] == SHOP
    assert source["url"] == "https://portal.example/docs/default/component/shop/new/#flux"
    assert states(answer)["search"] == "ok"
    assert answer["warnings"] == []


def test_secrets_in_what_search_found_are_redacted(
    client: TestClient, portal: FakeBackstage
) -> None:
    answer = json.dumps(ask(client, portal, "guest", NEW))
    assert "Recalibrate the flux capacitor" in answer
    assert KEY not in answer


def test_what_both_retrievers_hold_is_quoted_once_as_the_index_has_it(
    client: TestClient, portal: FakeBackstage
) -> None:
    answer = ask(client, portal, "guest", HOW_TO)
    (source,) = answer["sources"]
    assert source["kind"] == "techdocs"
    assert states(answer)["search"] == "ok"


def test_facts_are_not_searched_for(client: TestClient, portal: FakeBackstage) -> None:
    answer = ask(client, portal, "alice", "Who owns shop?")
    assert states(answer)["search"] == "not_applicable"
    assert portal.asked("/api/search") == 0


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (404, "not_configured", "source_not_configured"),
        (500, "unavailable", "source_unavailable"),
        (403, "forbidden", "source_unavailable"),
        (429, "rate_limited", "source_unavailable"),
    ],
)
def test_an_answer_says_that_search_was_not_consulted(
    client: TestClient, portal: FakeBackstage, status: int, state: str, code: str
) -> None:
    portal.answer("/api/search", status=status)
    answer = ask(client, portal, "guest", HOW_TO)
    assert answer["status"] == "answered"
    assert states(answer)["search"] == state
    (warning,) = answer["warnings"]
    assert (warning["code"], warning["message"].split()[0]) == (code, "search")


def test_search_can_be_left_out(portal: FakeBackstage, index: Path) -> None:
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url, PORTAL_RAG_SEARCH="false")
    with serving(settings) as client:
        answer = ask(client, portal, "guest", NEW)
    assert "search" not in states(answer)
    assert portal.asked("/api/search") == 0


def test_the_gate_decides_on_what_search_shows_by_mistake(
    client: TestClient, portal: FakeBackstage
) -> None:
    """A portal whose Search lags behind its permissions, or does not know them."""
    stolen = json.dumps({"results": [{"rank": 1, **one} for one in DOCUMENTS]})
    portal.answer("/api/search", body=stolen.encode())
    for question in (NEW, SECRET):
        answer = json.dumps(ask(client, portal, "guest", question))
        assert CANARY not in answer
        assert SCORER not in answer


@pytest.mark.parametrize("user", ["guest", "alice"])
@pytest.mark.parametrize("question", [NEW, SECRET, HOW_TO, f"What is {CANARY}?"])
def test_what_is_hidden_changes_no_answer(
    client: TestClient, portal: FakeBackstage, user: str, question: str
) -> None:
    """Hidden documents make a word common, so that Search puts what is visible in another order."""
    assert portal.search
    visible = [
        page(SHOP, "a/", "How orders are refused", title="Orders"),
        page(SHOP, "b/", "The score is kept secret", title="Score"),
        page(SHOP, "c/", "A capacitor, a broker, orders", title="Parts"),
    ]
    hidden = [page(SCORER, f"{n}/", "secret score capacitor broker drain") for n in range(30)]
    portal.search.documents = [*hidden, *DOCUMENTS, *visible]
    told = ask(client, portal, user, question)
    portal.search.documents = [one for one in (*DOCUMENTS, *visible) if one["resourceRef"] == SHOP]
    portal.remove(SCORER)
    assert comparable(ask(client, portal, user, question)) == comparable(told)


def comparable(answer: Any) -> Any:
    for volatile in ("id", "conversationId"):
        del answer[volatile]
    for one in (*answer["sources"], *answer["consulted"]):
        one.pop("fetchedAt", None)
        one.pop("tookMs", None)
    return answer


def test_those_who_may_read_it_are_told(client: TestClient, portal: FakeBackstage) -> None:
    answer = ask(client, portal, "carol", NEW)
    assert {one["entityRef"] for one in answer["sources"]} == {SHOP, SCORER}
