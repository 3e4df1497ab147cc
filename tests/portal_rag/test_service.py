"""The whole service over HTTP, against a Backstage on loopback and a real embedded index."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from portal_rag.app import create_app
from portal_rag.backstage.plugin_keys import create_key, format_keys
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.domain import Portal
from portal_rag.errors import NotAllowedError
from portal_rag.principals import LocalReader, Principal
from portal_rag.services import Services, open_services
from tests.backstage.ticking import Ticking
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import EMBEDDER, make_manifest, publish_index
from tests.portal_rag.world import CANARY, CHUNKS, ENTITIES, QUESTIONS, ask, make_settings, serving

ANY_QUESTION = b'{"question": "Who owns shop?"}'
HOW_TO = "How do I drain the broker, then restart it with brokerctl?"
SECRET = "How do I refuse orders above the secret score?"


@pytest.fixture
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


@pytest.fixture
def index(tmp_path: Path) -> Path:
    anyio.run(publish_index, tmp_path / "index", CHUNKS)
    return tmp_path / "index"


@pytest.fixture
def client(portal: FakeBackstage, index: Path) -> Iterator[TestClient]:
    with serving(make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)) as client:
        yield client


def test_an_exact_fact_is_answered_with_its_source(
    client: TestClient, portal: FakeBackstage
) -> None:
    answer = ask(client, portal, "alice", "Who owns shop?")
    assert answer["status"] == "answered"
    assert "**team-web** (`group:default/team-web`) [1]." in answer["answer"]
    assert answer["confidence"]["level"] == "high"
    (source,) = answer["sources"]
    assert source["url"] == "https://portal.example/catalog/default/component/shop"
    assert [one["source"] for one in answer["consulted"]] == ["catalog", "index", "search"]


def test_a_runbook_is_quoted_with_its_source(client: TestClient, portal: FakeBackstage) -> None:
    answer = ask(client, portal, "guest", HOW_TO)
    assert answer["status"] == "answered"
    assert "> Drain the broker, then restart it with brokerctl." in answer["answer"]
    assert answer["sources"][0]["url"].endswith("/docs/default/component/shop/runbook/")


def test_answers_differ_exactly_as_rights_do(client: TestClient, portal: FakeBackstage) -> None:
    named = {
        user: ask(client, portal, user, "What does shop depend on?")["answer"]
        for user in ("guest", "alice", "dave", "carol")
    }
    assert "basket" not in named["guest"]
    assert "basket" in named["alice"]
    assert "scorer" not in named["alice"].lower()
    assert "component:default/scorer" in named["dave"]
    assert "basket" in named["carol"]
    assert "component:default/scorer" in named["carol"]


@pytest.mark.parametrize("user", ["guest", "alice"])
@pytest.mark.parametrize(
    "question",
    [
        SECRET,
        f"What is {CANARY}?",
        "Who owns Scorer?",
        "Who owns component:default/scorer?",
        "Where is the runbook for Scorer?",
        "What depends on Scorer?",
        "Who owns scorrer?",
    ],
)
def test_nothing_of_a_hidden_entity_is_told(
    client: TestClient, portal: FakeBackstage, user: str, question: str
) -> None:
    told = ask(client, portal, user, question, entityRef="component:default/shop")
    portal.remove("component:default/scorer")
    bare = ask(client, portal, user, question, entityRef="component:default/shop")
    for answer in (told, bare):
        for volatile in ("id", "conversationId", "consulted"):
            del answer[volatile]
        for source in answer["sources"]:
            del source["fetchedAt"]
    assert told == bare
    assert "are refused" not in json.dumps(told)
    assert question == f"What is {CANARY}?" or CANARY not in json.dumps(told)


def test_the_canary_reaches_those_who_may_read_it(
    client: TestClient, portal: FakeBackstage
) -> None:
    for user in ("dave", "carol"):
        answer = ask(client, portal, user, SECRET)
        assert CANARY.replace("-", "") in answer["answer"].replace("\\-", "").replace("-", "")


def test_what_was_restricted_a_moment_ago_is_told_no_more(
    client: TestClient, portal: FakeBackstage
) -> None:
    question = HOW_TO
    assert ask(client, portal, "guest", question)["status"] == "answered"
    portal.put(make_json("component:default/shop"))
    assert ask(client, portal, "guest", question)["status"] == "insufficient_evidence"
    assert ask(client, portal, "guest", "Who owns shop?")["status"] == "insufficient_evidence"


def test_what_vanished_a_moment_ago_is_told_to_nobody(
    client: TestClient, portal: FakeBackstage
) -> None:
    question = SECRET
    assert CANARY in json.dumps(ask(client, portal, "carol", question)["sources"])
    portal.remove("component:default/scorer")
    assert ask(client, portal, "carol", question)["status"] == "insufficient_evidence"


def test_a_permission_plugin_that_fails_shows_no_passage(
    client: TestClient, portal: FakeBackstage
) -> None:
    portal.answer("/api/permission", status=500)
    answer = ask(client, portal, "carol", HOW_TO)
    assert answer["status"] == "insufficient_evidence"
    assert answer["sources"] == []
    states = {one["source"]: one["state"] for one in answer["consulted"]}
    assert states["index"] == "unavailable"


def test_a_permission_plugin_that_answers_garbage_shows_no_passage(
    client: TestClient, portal: FakeBackstage
) -> None:
    portal.answer("/api/permission", body=b'{"items":[{"id":"1","result":"MAYBE"}]}')
    answer = ask(client, portal, "carol", HOW_TO)
    assert answer["sources"] == []


def test_where_permissions_are_off_the_catalog_decides(portal: FakeBackstage, index: Path) -> None:
    settings = make_settings(
        index,
        PORTAL_RAG_BACKSTAGE_URL=portal.url,
        PORTAL_RAG_PERMISSION_ENABLED="false",
    )
    with serving(settings) as client:
        answer = ask(client, portal, "alice", HOW_TO)
        assert answer["status"] == "answered"
        assert portal.asked("/api/permission") == 0


def test_a_catalog_that_fails_is_said_and_nothing_is_claimed(
    client: TestClient, portal: FakeBackstage
) -> None:
    portal.answer("/api/catalog", status=503)
    answer = ask(client, portal, "alice", "Who owns shop?")
    assert answer["status"] == "insufficient_evidence"
    assert answer["consulted"][0]["state"] == "unavailable"
    assert answer["confidence"]["level"] == "low"


def test_an_index_that_is_missing_is_said_when_the_service_starts(
    portal: FakeBackstage, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with structlog.testing.capture_logs() as logs, serving(settings) as client:
        assert client.get("/health").status_code == 200
    (said,) = [line for line in logs if line["event"] == "index_unavailable"]
    assert said["log_level"] == "warning"
    assert str(tmp_path) in said["reason"]


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 1), (0o604, 1)])
def test_a_key_file_that_others_can_read_is_warned_of(
    portal: FakeBackstage, tmp_path: Path, mode: int, warnings: int
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(format_keys([create_key(Ticking().now())]))
    file.chmod(mode)
    plugin = {"PORTAL_RAG_IDENTITY": "plugin", "PORTAL_RAG_PLUGIN_KEY_FILE": str(file)}
    settings = make_settings(tmp_path, PORTAL_RAG_BACKSTAGE_URL=portal.url, **plugin)
    with structlog.testing.capture_logs() as logs, serving(settings):
        pass
    assert [line["event"] for line in logs].count("plugin_key_exposed") == warnings


def test_without_an_index_catalog_facts_still_stand(portal: FakeBackstage, tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "none", PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with serving(settings) as client:
        answer = ask(client, portal, "alice", "What is shop?")
        assert answer["status"] == "answered"
        assert answer["warnings"][0]["code"] == "source_unavailable"
        assert client.get("/.backstage/health/v1/readiness").status_code == 503
        assert client.get("/.backstage/health/v1/liveness").json() == {"status": "ok"}


def test_a_portal_too_large_to_list_is_searched_and_gated(
    tmp_path: Path, portal: FakeBackstage
) -> None:
    for number in range(1001):
        portal.put(make_json(f"component:default/filler-{number}", labels={"visibility": "public"}))
    anyio.run(publish_index, tmp_path / "index", CHUNKS)
    settings = make_settings(tmp_path / "index", PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with serving(settings) as client:
        assert ask(client, portal, "alice", "Who owns shop?")["status"] == "answered"
        quoted = ask(client, portal, "guest", HOW_TO)
        assert quoted["status"] == "answered"
        hidden = ask(client, portal, "guest", SECRET)
        assert CANARY not in json.dumps(hidden)


def test_the_same_question_gives_the_same_answer(client: TestClient, portal: FakeBackstage) -> None:
    first, second = (ask(client, portal, "alice", "What does shop depend on?") for _ in range(2))
    assert first["answer"] == second["answer"]
    assert first["id"] != second["id"]


def post(client: TestClient, body: Any, token: str | None = None, **headers: str) -> Any:
    if token:
        headers["authorization"] = f"Bearer {token}"
    return client.post(
        QUESTIONS, content=body, headers={"content-type": "application/json"} | headers
    )


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"{}", "question"),
        (b'{"question": ""}', "question"),
        (b'{"question": "   "}', "question"),
        (b'{"question": 5}', "question"),
        (json.dumps({"question": "x" * 4001}).encode(), "question"),
        (b'{"question": "x", "extra": 1}', "extra"),
        (b'{"question": "x", "entityRef": "no ref"}', "entityRef"),
        (b'{"question": "x", "entityRef": "shop"}', "entityRef"),
        (b'{"question": "x", "conversationId": "../x"}', "conversationId"),
        (b'{"question": "x", "history": [{"role": "system", "content": "x"}]}', "history.0.role"),
        (b"\xff\xfe", "body"),
    ],
)
def test_bad_input_is_named_in_backstages_error_body(
    client: TestClient, portal: FakeBackstage, body: bytes, named: str
) -> None:
    response = post(client, body, portal.user_token("user:default/alice"))
    assert response.status_code == 400
    assert response.json()["error"]["name"] == "InputError"
    assert named in response.json()["error"]["message"]
    assert response.json()["request"] == {"method": "POST", "url": "/v1/questions"}
    assert response.json()["response"] == {"statusCode": 400}


def test_other_content_types_and_huge_bodies_are_refused(
    client: TestClient, portal: FakeBackstage
) -> None:
    token = portal.user_token("user:default/alice")
    assert post(client, b"question=x", token, **{"content-type": "text/plain"}).status_code == 415
    assert post(client, b"x" * 700_000, token).status_code == 413


def test_only_users_own_tokens_may_ask(client: TestClient, portal: FakeBackstage) -> None:
    alice = portal.user_token("user:default/alice")
    refused = {
        "nobody": None,
        "garbage": "garbage",
        "expired": portal.user_token("user:default/alice", expires_in=-60),
        "limited": portal.tokens.limited(alice),
    }
    for name, token in refused.items():
        response = post(client, b'{"question": "x"}', token)
        assert (name, response.status_code) == (name, 401)
        assert response.json()["error"]["name"] == "AuthenticationError"


def test_a_cookie_or_another_scheme_is_no_credential(
    client: TestClient, portal: FakeBackstage
) -> None:
    alice = portal.user_token("user:default/alice")
    body = b'{"question": "x"}'
    assert post(client, body, cookie=f"backstage-auth={alice}").status_code == 401
    assert post(client, body, authorization=f"Basic {alice}").status_code == 401
    assert post(client, body, authorization=f"Bearer {alice} more").status_code == 401


def test_a_plugin_on_behalf_of_a_user_is_told_which_mode_takes_it(
    client: TestClient, portal: FakeBackstage
) -> None:
    token = portal.plugin_token("mcp-actions", "portal-rag", obo_user="user:default/alice")
    response = post(client, b'{"question": "x"}', token)
    assert response.status_code == 403
    assert "identity: plugin" in response.json()["error"]["message"]


def test_a_principal_without_a_user_may_not_ask(client: TestClient, portal: FakeBackstage) -> None:
    token = portal.plugin_token("mcp-actions", "portal-rag")
    assert post(client, b'{"question": "x"}', token).status_code == 403


def test_unknown_paths_and_methods_have_backstages_error_body(client: TestClient) -> None:
    missing = client.get("/api/portal-rag/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["name"]) == (404, "NotFoundError")
    assert client.get(QUESTIONS).status_code == 405


def test_a_request_id_is_kept_if_it_is_one_and_made_otherwise(client: TestClient) -> None:
    assert (
        client.get("/health", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    )
    made = client.get("/health", headers={"x-request-id": "a b\\n"}).headers["x-request-id"]
    assert len(made) == 32


def test_health_needs_no_token(client: TestClient) -> None:
    for path in ("/health", "/.backstage/health/v1/liveness", "/.backstage/health/v1/readiness"):
        assert client.get(path).json() == {"status": "ok"}


def test_a_catalog_that_answers_garbage_is_unavailable(
    client: TestClient, portal: FakeBackstage
) -> None:
    portal.answer("/api/catalog", body=b'{"items": "none"}')
    answer = ask(client, portal, "alice", "Who owns shop?")
    assert answer["consulted"][0]["state"] == "unavailable"


def test_a_question_that_takes_too_long_is_given_up(portal: FakeBackstage, index: Path) -> None:
    settings = make_settings(
        index,
        PORTAL_RAG_BACKSTAGE_URL=portal.url,
        PORTAL_RAG_QUESTION_TIMEOUT_SECONDS="0.2",
    )
    with serving(settings) as client:
        held = portal.hold("/api/catalog")
        response = post(client, ANY_QUESTION, portal.user_token("user:default/alice"))
        held.release()
    assert response.status_code == 504
    assert response.json()["error"]["name"] == "UpstreamTimeoutError"


def test_a_bug_is_answered_without_its_details(portal: FakeBackstage, index: Path) -> None:
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)

    def broken(principal: Principal) -> Portal:
        raise ZeroDivisionError("a detail")

    @asynccontextmanager
    async def open_broken() -> AsyncIterator[Services]:
        async with open_services(settings, load=lambda _: EMBEDDER) as services:
            yield replace(services, portal_of=broken)

    with TestClient(create_app(open_broken), raise_server_exceptions=False) as client:
        response = post(client, ANY_QUESTION, portal.user_token("user:default/alice"))
    assert response.status_code == 500
    assert response.json()["error"] == {
        "name": "Error",
        "message": "Something went wrong on our side",
    }


def test_a_qdrant_server_that_is_down_leaves_the_catalog(
    portal: FakeBackstage, tmp_path: Path
) -> None:
    settings = make_settings(
        tmp_path, PORTAL_RAG_BACKSTAGE_URL=portal.url, PORTAL_RAG_QDRANT_URL="http://127.0.0.1:1"
    )
    with serving(settings) as client:
        answer = ask(client, portal, "alice", "What is shop?")
    assert answer["status"] == "answered"
    assert answer["consulted"][1]["state"] == "unavailable"


async def test_only_a_user_gets_a_view_of_a_backstage_portal(
    portal: FakeBackstage, index: Path
) -> None:
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)
    async with open_services(settings, load=lambda _: EMBEDDER) as services:
        with pytest.raises(NotAllowedError):
            services.portal_of(LocalReader())


def test_an_index_that_is_republished_is_read_at_once(
    client: TestClient, portal: FakeBackstage, index: Path
) -> None:
    question = HOW_TO
    assert ask(client, portal, "alice", question)["status"] == "answered"

    async def remove_all() -> None:
        writer = open_edge_writer(
            index, fingerprint=EMBEDDER.fingerprint, dimensions=EMBEDDER.dimensions
        )
        await writer.delete([chunk.id for chunk in CHUNKS])
        await writer.publish(make_manifest(0), entities=())
        await writer.close()

    anyio.run(remove_all)
    assert ask(client, portal, "alice", question)["status"] == "insufficient_evidence"


def test_a_path_can_neither_forge_a_log_line_nor_steer_a_terminal(client: TestClient) -> None:
    with capture_logs() as log:
        client.get("/%1b%5d0;owned%07/%0aevent")
    paths = [event["path"] for event in log if event["event"] == "request"]
    assert paths == ["/%1B%5D0%3Bowned%07/%0Aevent"]
