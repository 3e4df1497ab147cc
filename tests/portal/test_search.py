"""Search of a real Backstage as a retriever: who is told what, and what hidden pages change."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from evals.backstage import Portal
from evals.leakage.judging import comparable
from evals.leakage.worlds import listed, reduce_content
from portal_rag.app import create_app
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings
from tests.fakes.indexes import EMBEDDER, publish_index
from tests.portal.conftest import EXAMPLE_PORTAL, StartPortal

QUESTIONS = "/api/portal-rag/v1/questions"
CANARY = "canary-phrase-magenta-otter"
HOW_TO = "How do I restart a Kafka broker?"
ASKED = (
    HOW_TO,
    "Above which score is an order refused?",
    "What is the canary phrase magenta otter?",
    "How do I restart the mail relay postfix?",
    "Where is the runbook for FraudScorer?",
)


@contextmanager
def serving(portal: Portal, index: Path) -> Iterator[TestClient]:
    """Serve an empty index, so that whatever documents say was found by Search alone."""
    environ = {
        "PORTAL_RAG_INDEX_DIR": str(index),
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
        "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "10",
        "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "20",
        "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "30",
    }
    settings = load_service_settings(environ)
    app = create_app(lambda: open_services(settings, load=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_index, directory, ())
    return directory


@pytest.fixture(scope="module")
def client(portal: Portal, empty: Path) -> Iterator[TestClient]:
    with serving(portal, empty) as client:
        yield client


def ask(client: TestClient, portal: Portal, user: str, question: str) -> Any:
    headers = {"authorization": f"Bearer {portal.user_token(user)}"}
    response = client.post(QUESTIONS, json={"question": question}, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_page_of_the_portal_is_found_with_its_entity_and_link(portal: Portal) -> None:
    async with BackstageTransport(portal.url, deadline_seconds=20) as transport:
        token = portal.user_token("alice")
        hits = await SearchClient(transport).query("restart kafka broker", token=token)
    page = next(hit for hit in hits if hit.location.endswith("/runbooks/kafka/"))
    assert str(page.entity_ref) == "component:default/platform-handbook"
    assert page.site_title == "Platform Handbook"
    assert all(hit.entity_ref for hit in hits)
    assert {hit.type for hit in hits} == {"techdocs", "software-catalog"}


def test_a_runbook_is_quoted_from_search(client: TestClient, portal: Portal) -> None:
    answer = ask(client, portal, "alice", HOW_TO)
    assert answer["status"] == "answered"
    source = answer["sources"][0]
    assert source["kind"] == "search"
    assert "/docs/default/component/platform-handbook/runbooks/kafka/" in source["url"]
    assert "Restart one broker at a time" in json.dumps(answer["sources"])


def test_the_canary_is_told_to_those_alone_who_may_read_it(
    client: TestClient, portal: Portal
) -> None:
    for user, is_told in (("guest", False), ("alice", False), ("dave", True), ("carol", True)):
        answers = json.dumps([ask(client, portal, user, question) for question in ASKED])
        assert (CANARY in answers) is is_told, user
        assert is_told or "component:default/fraudscorer" not in answers


@pytest.fixture(scope="module")
def reduced(
    portal: Portal, start_portal: StartPortal, tmp_path_factory: pytest.TempPathFactory
) -> Portal:
    """Start one that is as real, and never had what Alice may not see."""
    content = tmp_path_factory.mktemp("reduced") / "portal"
    visible = listed(portal.url, portal.user_token("alice"))
    hers = {*visible, "user:default/alice", "location:default/example-portal"}
    reduce_content(EXAMPLE_PORTAL, content, hers)
    return start_portal(content)


def test_what_is_hidden_changes_no_answer(
    client: TestClient, portal: Portal, reduced: Portal, empty: Path
) -> None:
    with serving(reduced, empty) as without:
        for question in ASKED:
            told = ask(client, portal, "alice", question)
            assert comparable(ask(without, reduced, "alice", question)) == comparable(told)
