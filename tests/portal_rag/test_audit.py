"""One line for each question: what stands in it, and what never does."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from portal_rag.backstage.permission import ASK
from portal_rag.backstage.plugin_keys import create_key, format_keys
from portal_rag.errors import ConfigurationError
from tests.backstage.ticking import Ticking
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import publish_index
from tests.portal_rag.recorded import HOW_TO, RUNBOOK, Recorded, post, recording
from tests.portal_rag.world import CANARY, CHUNKS, ENTITIES, ask, make_settings, serving

AWS_KEY = "AKIA" + "Q3EGRXJ7LMZN5P2W"
ALL_KEYS = {
    "time",
    "event",
    "requestId",
    "who",
    "through",
    "answerId",
    "status",
    "consulted",
    "conversationId",
    "error",
    "entityRef",
    "intent",
    "topics",
    "entities",
    "retrieved",
    "dropped",
    "cited",
    "judgedAs",
    "judgedBy",
    "sensitive",
    "tookMs",
}


@pytest.fixture
def recorded(portal: FakeBackstage, shared: Recorded) -> Iterator[Recorded]:
    shared.new_text()
    yield shared
    portal.mend()
    portal.permissions.denied.clear()


def token_of(portal: FakeBackstage, user: str = "alice") -> str:
    return portal.user_token(f"user:default/{user}")


def test_a_fact_leaves_one_line_with_who_what_and_how(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    answer = post(
        recorded.client,
        token_of(portal),
        {"question": "Who owns it?", "entityRef": "component:default/shop"},
        **{"x-request-id": "request-1"},
    ).json()
    event = recorded.event()
    assert set(event) == ALL_KEYS
    assert datetime.fromisoformat(event["time"]).utcoffset() is not None
    assert event["event"] == "question"
    assert (event["who"], event["through"]) == ("user:default/alice", None)
    assert event["requestId"] == "request-1"
    assert (event["answerId"], event["conversationId"]) == (answer["id"], answer["conversationId"])
    assert (event["status"], event["error"]) == ("answered", None)
    assert (event["intent"], event["topics"]) == ("ownership", ["owner"])
    assert event["entityRef"] == "component:default/shop"
    assert event["entities"] == ["component:default/shop"]
    assert event["retrieved"] == event["cited"] == ["catalog:component:default/shop"]
    assert (event["dropped"], event["sensitive"]) == (0, [])
    assert event["consulted"] == answer["consulted"]
    assert event["tookMs"] >= max(one["tookMs"] for one in event["consulted"])


def test_a_passage_is_named_by_source_page_and_number(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    answer = ask(recorded.client, portal, "guest", HOW_TO)
    event = recorded.event()
    assert answer["status"] == event["status"] == "answered"
    assert "files/techdocs" not in json.dumps(answer)
    assert event["intent"] == "how_to"
    assert RUNBOOK in event["retrieved"]
    assert event["cited"] == [RUNBOOK]


def test_what_became_hidden_a_moment_ago_is_a_number_and_nothing_else(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    token, body = token_of(portal, "guest"), {"question": HOW_TO}
    post(recorded.client, token, body)
    recorded.new_text()
    portal.put(make_json("component:default/shop"))
    try:
        post(recorded.client, token, body | {"entityRef": "component:default/shop"})
    finally:
        for entity in ENTITIES:
            portal.put(entity)
    text = recorded.new_text()
    event = json.loads(text)
    assert event["dropped"] == 2
    assert event["retrieved"] == event["cited"] == event["entities"] == []
    assert event["entityRef"] is None
    assert "shop" not in text
    assert "runbook" not in text


@pytest.mark.parametrize("user", ["guest", "alice"])
def test_nothing_hidden_from_the_asker_stands_in_audit_metrics_or_log(
    recorded: Recorded, portal: FakeBackstage, user: str
) -> None:
    with capture_logs() as log:
        for question in (
            "Who owns Scorer?",
            "Who owns component:default/scorer?",
            f"What is {CANARY}?",
            "How do I refuse orders above the secret score?",
            "What does shop depend on?",
            "Who owns scorrer?",
            "What does team-risk own?",
            "Who owns it?",
        ):
            ask(recorded.client, portal, user, question, entityRef="component:default/scorer")
    written = recorded.new_text()
    assert written.count("\n") == 8
    told = (written + recorded.metrics() + json.dumps(log, default=str)).lower()
    for hidden in ("scor", CANARY, "team-risk"):
        assert hidden not in told


def test_what_the_asker_may_see_is_named(recorded: Recorded, portal: FakeBackstage) -> None:
    page = "component:default/scorer"
    ask(recorded.client, portal, "dave", "Who owns it?", entityRef=page)
    event = recorded.event()
    assert (event["entityRef"], event["entities"]) == (page, [page])


def test_the_text_of_a_question_is_off_and_secrets_leave_it_where_it_is_on(
    recorded: Recorded, portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    question = f"Who owns shop, whose key is {AWS_KEY}?"
    ask(recorded.client, portal, "alice", question)
    assert "whose key" not in recorded.new_text()
    settings = {"PORTAL_RAG_AUDIT_QUESTIONS": "true"}
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as wordy:
        ask(wordy.client, portal, "alice", question)
        token = token_of(portal)
        history = [{"role": "user", "content": "An earlier question"}]
        ask(wordy.client, portal, "alice", f"Is {token} good?\nReally", history=history)
        text = wordy.new_text()
    first, second = (json.loads(line) for line in text.splitlines())
    assert first["question"] == "Who owns shop, whose key is [redacted aws-access-key-id]?"
    assert second["question"].startswith("Is [redacted ")
    for absent in (AWS_KEY, token, "An earlier question"):
        assert absent not in text


def test_no_token_header_or_answer_is_ever_written(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    token = token_of(portal)
    headers = {"cookie": "session=a-cookie-of-somebody", "x-more": "a-header-of-somebody"}
    answer = post(recorded.client, token, {"question": HOW_TO}, **headers).json()
    text = recorded.new_text()
    assert answer["status"] == "answered"
    signature = token.rpartition(".")[2]
    for absent in (token, signature, "a-cookie", "a-header", "Drain the broker"):
        assert absent not in text


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("Delete shop", "declined"),
        ("Who owns nothing-of-that-name?", "insufficient_evidence"),
        ("Who is on call for shop?", "insufficient_evidence"),
    ],
)
def test_what_is_not_answered_has_its_line_too(
    recorded: Recorded, portal: FakeBackstage, question: str, status: str
) -> None:
    ask(recorded.client, portal, "alice", question)
    event = recorded.event()
    assert (event["status"], event["error"]) == (status, None)


def test_a_catalog_that_fails_leaves_a_line_without_an_intent(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    portal.answer("/api/catalog", status=503)
    ask(recorded.client, portal, "dave", "Who owns shop?")
    event = recorded.event()
    assert event["status"] == "insufficient_evidence"
    assert (event["intent"], event["topics"]) == (None, [])
    assert event["consulted"][0]["state"] == "unavailable"


def test_a_question_that_took_too_long_has_one_line(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    settings = {"PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "0.2"}
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as hasty:
        held = portal.hold("/api/catalog")
        body = {"question": "Who owns shop?", "conversationId": "conversation-1"}
        response = post(hasty.client, token_of(portal), body)
        portal.mend()
        held.release()
        event = hasty.event()
    assert response.status_code == 504
    assert (event["status"], event["error"]) == (None, "UpstreamTimeoutError")
    assert (event["answerId"], event["conversationId"]) == (None, "conversation-1")
    assert event["requestId"] == response.headers["x-request-id"]
    assert event["who"] == "user:default/alice"


def test_who_may_not_ask_has_one_line(
    recorded: Recorded, portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    settings = {"PORTAL_RAG_ASK_PERMISSION": "true", "PORTAL_RAG_AUTHZ_TIMEOUT_SECONDS": "20"}
    portal.permissions.denied.add(ASK)
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as closed:
        refused = post(closed.client, token_of(portal), {"question": "Who owns shop?"})
        event = closed.event()
    assert refused.status_code == 403
    assert (event["status"], event["error"]) == (None, "NotAllowedError")
    assert event["who"] == "user:default/alice"


def test_a_portal_that_did_not_say_who_may_ask_is_recorded_apart_from_a_refusal(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    settings = {"PORTAL_RAG_ASK_PERMISSION": "true", "PORTAL_RAG_AUTHZ_TIMEOUT_SECONDS": "0.3"}
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as closed:
        portal.answer("/api/permission/authorize", status=500)
        refused = post(closed.client, token_of(portal), {"question": "Who owns shop?"})
        portal.mend()
        event, metrics = closed.event(), closed.metrics()
    assert (refused.status_code, refused.json()["error"]["name"]) == (403, "NotAllowedError")
    assert event["error"] == "AdmissionUnknownError"
    assert 'outcome="AdmissionUnknownError"' in metrics


def test_what_is_no_question_of_anybody_leaves_no_line(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    good, body = token_of(portal), {"question": "Who owns shop?"}
    assert post(recorded.client, None, body).status_code == 401
    assert post(recorded.client, "garbage", body).status_code == 401
    machine = portal.plugin_token("mcp-actions", "portal-rag")
    assert post(recorded.client, machine, body).status_code == 403
    assert post(recorded.client, good, {"question": ""}).status_code == 400
    assert post(recorded.client, good, {"question": "x" * 4001}).status_code == 400
    assert recorded.client.get("/health").status_code == 200
    assert recorded.new_text() == ""


def test_a_plugin_that_asks_for_a_user_is_named_beside_the_user(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    settings = {
        "PORTAL_RAG_IDENTITY": "plugin",
        "PORTAL_RAG_PLUGIN_KEY": format_keys([create_key(Ticking().now())]),
    }
    token = portal.plugin_token("mcp-actions", "portal-rag", obo_user="user:default/alice")
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as plugin:
        post(plugin.client, token, {"question": "Who owns shop?"})
        event = plugin.event()
    assert (event["who"], event["through"]) == ("user:default/alice", "mcp-actions")


def test_a_user_may_be_written_as_a_pseudonym(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    written: list[str] = []
    for number, key in enumerate(("a-key-of-sixteen", "a-key-of-sixteen", "another-long-key")):
        settings = {"PORTAL_RAG_AUDIT_USER": "hashed", "PORTAL_RAG_AUDIT_USER_KEY": key}
        with recording(portal, index, tmp_path / f"{number}.jsonl", **settings) as hashed:
            ask(hashed.client, portal, "alice", "Who owns shop?")
            ask(hashed.client, portal, "dave", "Who owns shop?")
            alice, dave = hashed.events()
        assert alice["who"] != dave["who"]
        assert alice["who"].startswith("hmac-sha256:")
        assert "alice" not in json.dumps(alice)
        written.append(alice["who"])
    assert written[0] == written[1] != written[2]


def test_sensitive_questions_are_marked_and_answered_all_the_same(
    recorded: Recorded, portal: FakeBackstage
) -> None:
    question = "How is the broker drained? With a password?"
    ask(recorded.client, portal, "alice", question)
    assert recorded.event()["sensitive"] == ["credentials"]
    answer = ask(recorded.client, portal, "alice", "What happened in INC-117?")
    assert "emptied twice" in answer["answer"]
    assert recorded.event()["sensitive"] == ["kind:incident"]


def test_what_is_sensitive_can_be_set(portal: FakeBackstage, index: Path, tmp_path: Path) -> None:
    rules = tmp_path / "sensitive.yaml"
    rules.write_text("patterns: {brokers: broker}\ndocumentKinds: [runbook]\n")
    settings = {"PORTAL_RAG_SENSITIVE_FILE": str(rules)}
    with recording(portal, index, tmp_path / "audit.jsonl", **settings) as set_up:
        ask(set_up.client, portal, "alice", HOW_TO)
        assert set_up.event()["sensitive"] == ["brokers", "kind:runbook"]


def test_two_services_that_share_a_file_do_not_mix_lines(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    long = {"question": "Who owns shop? " + "é" * 3900}
    settings = {"PORTAL_RAG_AUDIT_QUESTIONS": "true"}
    with (
        recording(portal, index, path, **settings) as one,
        recording(portal, index, path, **settings) as other,
        ThreadPoolExecutor(4) as threads,
    ):
        token = token_of(portal)
        clients = [one.client, other.client] * 10
        asked = threads.map(lambda client: post(client, token, long), clients)
        ids = {response.json()["id"] for response in asked}
        written = one.events()
    assert len(written) == 20
    assert {event["answerId"] for event in written} == ids


def test_a_service_goes_on_in_a_new_file_after_rotation(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    with recording(portal, index, path) as recorded:
        ask(recorded.client, portal, "alice", "Who owns shop?")
        path.rename(tmp_path / "audit.jsonl.1")
        ask(recorded.client, portal, "alice", "What is shop?")
    assert len((tmp_path / "audit.jsonl.1").read_text().splitlines()) == 1
    assert json.loads(path.read_text())["intent"] == "description"


def test_an_answer_that_cannot_be_audited_is_not_given(portal: FakeBackstage, index: Path) -> None:
    with recording(portal, index, Path("/dev/full")) as full, capture_logs() as log:
        answer = post(full.client, token_of(portal), {"question": "Who owns shop?"})
        refused = post(full.client, None, {"question": "Who owns shop?"})
        metrics = full.metrics()
    assert answer.status_code == 503
    assert answer.json()["error"]["name"] == "ServiceUnavailableError"
    assert "team-web" not in answer.text
    assert refused.status_code == 401
    assert 'intent="unknown",outcome="ServiceUnavailableError"} 1.0' in metrics
    events = [entry for entry in log if entry["event"] == "audit_not_written"]
    assert [(one["log_level"], one["error"]) for one in events] == [
        ("error", "No space left on device")
    ]


def test_lines_go_to_standard_output_whatever_the_log_level(
    portal: FakeBackstage, index: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(
        index,
        PORTAL_RAG_BACKSTAGE_URL=portal.url,
        PORTAL_RAG_AUDIT_LOG="stdout",
        PORTAL_RAG_LOG_LEVEL="error",
    )
    with serving(settings) as client:
        capfd.readouterr()
        ask(client, portal, "alice", "Who owns shop?")
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    (event,) = map(json.loads, lines)
    assert event["who"] == "user:default/alice"


def test_whoever_asks_without_authentication_is_local(tmp_path: Path) -> None:
    async def publish() -> None:
        await publish_index(tmp_path / "index", CHUNKS, entities=ENTITIES)

    anyio.run(publish)
    path = tmp_path / "audit.jsonl"
    environ = {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_AUDIT_LOG": str(path)}
    with serving(make_settings(tmp_path / "index", **environ)) as client:
        assert post(client, None, {"question": "Who owns Scorer?"}).status_code == 200
    assert json.loads(path.read_text())["who"] == "local"


def test_nothing_is_written_or_served_without_settings(
    portal: FakeBackstage, index: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)) as client:
        ask(client, portal, "alice", "Who owns shop?")
        as_user = {"authorization": f"Bearer {token_of(portal)}"}
        stranger, user = client.get("/metrics"), client.get("/metrics", headers=as_user)
    assert (stranger.status_code, user.status_code) == (401, 403)
    assert '"question"' not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["PORTAL_RAG_AUDIT_LOG", "PORTAL_RAG_SENSITIVE_FILE"])
def test_a_file_that_cannot_be_used_ends_the_start_with_its_setting(
    portal: FakeBackstage, index: Path, tmp_path: Path, name: str
) -> None:
    wrong = {name: str(tmp_path / "none" / "file")}
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url, **wrong)
    with pytest.raises(ConfigurationError, match=name), serving(settings):
        pass
