"""The whole service behind another identity provider: who may ask, and what such askers get."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient

from portal_rag.backstage.plugin_keys import create_key, format_keys
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import NoPortal
from portal_rag.errors import NotAllowedError
from portal_rag.principals import ExternalSubject, LocalReader, PortalUser
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings
from tests.backstage.conftest import ALICE
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.identity_provider import EVALUATES, JWKS, FakeIdentityProvider, as_json
from tests.fakes.indexes import EMBEDDER, publish_index
from tests.fakes.loopback import Fault
from tests.portal_rag.oidc import environ_of, post, serving_oidc
from tests.portal_rag.world import CANARY, CHUNKS, ENTITIES, make_settings, serving

COMPRESSED = gzip.compress(b'[{"decision": true}]', mtime=0)  # which was not asked for
DEVELOPER = {"groups": ["developers"]}
METADATA = "/api/portal-rag/.well-known/backstage/permissions/metadata"
READY = "/.backstage/health/v1/readiness"
ASKED = (
    "Who owns shop?",
    "Who owns component:default/scorer?",
    "How do I drain the broker, then restart it with brokerctl?",
    "How do I refuse orders above the secret score?",
    "Who is on call for shop?",
    "What does team-web own?",
    "Who owns nothing-like-it?",
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(clock=Ticking()) as provider:
        yield provider


@pytest.fixture(autouse=True)
def unspoilt(provider: FakeIdentityProvider) -> Iterator[None]:
    provider.requests.clear()
    yield
    provider.mend()


@pytest.fixture(scope="module")
def client(provider: FakeIdentityProvider) -> Iterator[TestClient]:
    with serving_oidc(provider) as client:
        yield client


def test_whoever_is_allowed_is_told_honestly_that_nothing_was_looked_up(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    response = post(client, provider.token(**DEVELOPER))
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["status"] == "insufficient_evidence"
    assert "only for users of Backstage" in answer["answer"]
    assert answer["sources"] == answer["followUps"] == answer["warnings"] == []
    assert answer["consulted"] == [
        {"source": "catalog", "state": "not_applicable", "tookMs": 0},
        {"source": "index", "state": "not_applicable", "tookMs": 0},
    ]
    assert answer["confidence"]["level"] == "low"


def test_such_askers_are_audited_by_the_name_that_their_provider_gave_them(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    log = tmp_path / "audit.jsonl"
    with serving_oidc(provider, PORTAL_RAG_AUDIT_LOG=str(log)) as client:
        post(client, provider.token(sub="mia", groups=["developers"]))
        post(client, provider.token(sub="max", groups=["visitors"]))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["who"], line["status"], line["error"]) for line in lines] == [
        ("oidc:user:mia", "insufficient_evidence", None),
        ("oidc:user:max", None, "NotAllowedError"),
    ]


def test_no_subject_is_audited_as_somebody_else(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    config, log = tmp_path / "auth-config.yaml", tmp_path / "audit.jsonl"
    config.write_text(
        "auth: {subject_types: [{type: 'user', priority: 1, auth_mechanisms: [{type: jwt,"
        " entitlement: {claim: groups}}]}, {type: 'user:default', priority: 2, auth_mechanisms:"
        " [{type: jwt, entitlement: {claim: sub}}]}]}",
        encoding="utf-8",
    )
    settings = {"PORTAL_RAG_AUTH_CONFIG": str(config), "PORTAL_RAG_AUDIT_LOG": str(log)}
    with serving_oidc(provider, **settings) as client:
        post(client, provider.token(sub="default/alice", groups=["developers"]))
        post(client, provider.token(sub="default:alice", groups=["developers"]))
        post(client, provider.token(sub="alice"))
    assert [json.loads(line)["who"] for line in log.read_text().splitlines()] == [
        "oidc:user:default/alice",
        "oidc:user:default:alice",
        "oidc:user%3Adefault:alice",
    ]


def test_each_question_is_asked_about_with_the_askers_own_token(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    token = provider.token(**DEVELOPER)
    for _ in range(2):
        headers = {"authorization": f"Bearer {token}", "x-request-id": "req-7"}
        body = {"question": "Who owns shop?"}
        answered = client.post("/api/portal-rag/v1/questions", json=body, headers=headers)
        assert answered.status_code == 200
    asked = [request for request in provider.requests if request.path == EVALUATES]
    assert len(asked) == 2
    assert {request.token for request in asked} == {token}
    assert {request.headers["x-request-id"] for request in asked} == {"req-7"}
    assert json.loads(asked[0].body) == [
        {
            "subject_context": {
                "type": "user",
                "entitlement_claim": "groups",
                "entitlement_values": ["developers"],
            },
            "resource": {
                "type": "portal-assistant",
                "id": "",
                "hierarchy": {
                    "namespace": None,
                    "project": None,
                    "component": None,
                    "resource": None,
                },
            },
            "action": "portal-assistant:invoke",
            "context": {},
        }
    ]


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": ["visitors"]},
        {"groups": []},
        {"groups": [], "sub": "robot"},
        {"sub": "stranger"},
    ],
)
def test_whoever_is_not_allowed_is_refused(
    client: TestClient, provider: FakeIdentityProvider, claims: dict[str, object]
) -> None:
    response = post(client, provider.token(**claims))
    assert response.status_code == 403
    assert response.json()["error"] == {
        "name": "NotAllowedError",
        "message": "You need to be allowed portal-assistant:invoke to ask here",
    }


def test_a_service_account_may_be_allowed_too(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    assert post(client, provider.token(sub="robot")).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        Fault(EVALUATES, status=500),
        Fault(EVALUATES, status=401),
        Fault(EVALUATES, status=403),
        Fault(EVALUATES, status=204),
        Fault(EVALUATES, status=201, body=as_json([{"decision": True}])),
        Fault(EVALUATES, body=b"garbage"),
        Fault(EVALUATES, body=b""),
        Fault(EVALUATES, body=as_json({"decision": True})),
        Fault(EVALUATES, body=as_json([])),
        Fault(EVALUATES, body=as_json([{"decision": True}, {"decision": True}])),
        Fault(EVALUATES, body=as_json([{"decision": "true"}])),
        Fault(EVALUATES, body=as_json([{"decision": 1}])),
        Fault(EVALUATES, body=as_json([{"decision": None}])),
        Fault(EVALUATES, body=as_json([{"Decision": True}])),
        Fault(EVALUATES, body=as_json([{}])),
        Fault(EVALUATES, body=as_json([True])),
        Fault(EVALUATES, body=b"[" * 200_000),
        Fault(EVALUATES, drops=True, body=as_json([{"decision": True}])),
        Fault(EVALUATES, size=50_000_000),
        Fault(EVALUATES, body=COMPRESSED, headers={"content-encoding": "gzip"}),
    ],
    ids=lambda fault: f"{fault.status} {fault.body[:40]!r} {fault.drops} {fault.size}",
)
def test_a_decision_that_cannot_be_had_is_a_refusal(
    client: TestClient, provider: FakeIdentityProvider, fault: Fault
) -> None:
    provider.fail(fault)
    response = post(client, provider.token(**DEVELOPER))
    assert response.status_code == 403
    assert "did not say whether" in response.json()["error"]["message"]
    assert fault.sent < 10_000_000


def test_a_redirect_is_not_followed_and_no_token_goes_elsewhere(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    with FakeIdentityProvider() as elsewhere:
        moved = {"location": elsewhere.url + EVALUATES}
        provider.fail(Fault(EVALUATES, status=307, headers=moved))
        assert post(client, provider.token(**DEVELOPER)).status_code == 403
        assert elsewhere.requests == []


def test_a_slow_decision_is_a_refusal_and_does_not_count_as_the_questions_time(
    provider: FakeIdentityProvider,
) -> None:
    held = Fault(EVALUATES, reached=threading.Event(), released=threading.Event())
    provider.fail(held)
    with serving_oidc(provider, PORTAL_RAG_AUTHZ_TIMEOUT_SECONDS="0.2") as client:
        response = post(client, provider.token(**DEVELOPER))
    assert response.status_code == 403
    assert held.reached
    assert held.reached.is_set()


def test_an_authorization_service_that_is_not_there_lets_nobody_ask(
    provider: FakeIdentityProvider,
) -> None:
    with serving_oidc(provider, PORTAL_RAG_AUTHZ_URL="http://127.0.0.1:1") as client:
        assert post(client, provider.token(**DEVELOPER)).status_code == 403


def test_another_action_can_be_asked_for(provider: FakeIdentityProvider, tmp_path: Path) -> None:
    config = tmp_path / "auth-config.yaml"
    config.write_text(
        "auth: {action: 'docs:ask', subject_types: [{type: user, priority: 1, auth_mechanisms:"
        " [{type: jwt, entitlement: {claim: groups}}]}]}"
    )
    with serving_oidc(provider, PORTAL_RAG_AUTH_CONFIG=str(config)) as client:
        response = post(client, provider.token(**DEVELOPER))
    assert response.status_code == 403
    assert "docs:ask" in response.json()["error"]["message"]
    (asked,) = (json.loads(r.body)[0] for r in provider.requests if r.path == EVALUATES)
    assert (asked["action"], asked["resource"]["type"]) == ("docs:ask", "docs")


def test_requests_to_change_something_are_still_declined(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    answer = post(client, provider.token(**DEVELOPER), "Please restart shop").json()
    assert answer["status"] == "declined"
    assert "only read" in answer["answer"]
    assert "look up" not in answer["answer"]
    assert answer["consulted"] == []


def test_nothing_of_a_portal_or_an_index_that_is_configured_is_opened_or_told(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    anyio.run(publish_index, tmp_path / "index", CHUNKS)
    with FakeBackstage(entities=ENTITIES) as portal:
        more = {
            "PORTAL_RAG_BACKSTAGE_URL": portal.url,
            "PORTAL_RAG_INDEX_DIR": str(tmp_path / "index"),
        }
        with serving_oidc(provider, **more) as client:
            for question in ASKED:
                page = {"entityRef": "component:default/shop"}
                response = post(client, provider.token(**DEVELOPER), question, **page)
                answer = response.json()
                assert answer["status"] == "insufficient_evidence"
                assert {one["state"] for one in answer["consulted"]} == {"not_applicable"}
                for told in (CANARY, "team-web", "Scorer", "shop", "brokerctl"):
                    assert told not in response.text
        assert portal.requests == []


def test_answers_are_the_same_whatever_is_asked_about(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    token = provider.token(**DEVELOPER)
    told = set()
    for question in ASKED:
        answer = post(client, token, question).json()
        told.add(json.dumps({**answer, "id": "", "conversationId": ""}))
    assert len(told) == 1


def test_health_and_the_permission_metadata_keep_working(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    assert client.get(READY).status_code == 200
    assert client.get("/health").status_code == 200
    assert client.get(METADATA).status_code == 401
    headers = {"authorization": f"Bearer {provider.token()}"}
    assert client.get(METADATA, headers=headers).status_code == 200
    assert client.get("/api/portal-rag/.backstage/auth/v1/jwks.json").status_code == 404


@pytest.mark.parametrize(
    "fault",
    [
        Fault(JWKS, status=500),
        Fault(JWKS, status=302, headers={"location": "http://127.0.0.1:1/"}),
        Fault(JWKS, body=b"{"),
        Fault(JWKS, body=b"[]"),
        Fault(JWKS, body=b'{"keys": {}}'),
        Fault(JWKS, drops=True),
        Fault(JWKS, size=50_000_000),
    ],
    ids=lambda fault: f"{fault.status} {fault.body!r} {fault.drops} {fault.size}",
)
def test_without_the_providers_keys_the_service_is_unavailable(
    provider: FakeIdentityProvider, fault: Fault
) -> None:
    provider.fail(fault)
    with serving_oidc(provider) as client:
        response = post(client, provider.token(**DEVELOPER))
        again = post(client, provider.token(**DEVELOPER))
    assert (response.status_code, again.status_code) == (503, 503)
    assert response.json()["error"]["name"] == "ServiceUnavailableError"
    assert response.json()["response"] == {"statusCode": 503}
    assert provider.asked(JWKS) == 1
    assert fault.sent < 10_000_000


async def test_only_a_subject_of_the_provider_gets_anything_there(
    provider: FakeIdentityProvider,
) -> None:
    settings = load_service_settings(environ_of(provider))
    subject = ExternalSubject(
        name="mia",
        subject_type="user",
        entitlement_claim="groups",
        entitlement_values=(),
        token="t0ken",
    )
    assert "t0ken" not in repr(subject)
    alice = PortalUser(user_ref=EntityRef.parse(ALICE), token="t0ken")
    async with open_services(settings) as services:
        assert services.portal_of(subject) == NoPortal()
        for other in (LocalReader(), alice):
            with pytest.raises(NotAllowedError):
                services.portal_of(other)
            with pytest.raises(NotAllowedError):
                await services.admit(other)
    assert provider.requests == []


AS_PLUGIN = {
    "PORTAL_RAG_IDENTITY": "plugin",
    "PORTAL_RAG_PLUGIN_KEY": format_keys([create_key(Ticking().now())]),
}


@pytest.mark.parametrize("identity", [{}, AS_PLUGIN], ids=["forward", "plugin"])
def test_a_token_of_the_provider_is_nobodys_in_the_other_modes(
    provider: FakeIdentityProvider, tmp_path: Path, identity: dict[str, str]
) -> None:
    token = provider.token(**DEVELOPER)
    with FakeBackstage(entities=ENTITIES) as portal:
        settings = make_settings(tmp_path, PORTAL_RAG_BACKSTAGE_URL=portal.url, **identity)
        with serving(settings) as client:
            assert post(client, token).status_code == 401


@pytest.mark.parametrize("identity", [{}, AS_PLUGIN], ids=["forward", "plugin"])
async def test_a_subject_of_the_provider_sees_nothing_through_the_other_modes(
    tmp_path: Path, identity: dict[str, str]
) -> None:
    subject = ExternalSubject(
        name="mia",
        subject_type="user",
        entitlement_claim="groups",
        entitlement_values=(),
        token="t0ken",
    )
    url = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1", "PORTAL_RAG_ASK_PERMISSION": "true"}
    settings = make_settings(tmp_path, **url, **identity)
    async with open_services(settings, load=lambda _: EMBEDDER) as services:
        with pytest.raises(NotAllowedError):
            services.portal_of(subject)
        with pytest.raises(NotAllowedError):
            await services.admit(subject)


def test_a_token_of_backstage_is_nobodys_here(
    client: TestClient, provider: FakeIdentityProvider
) -> None:
    with FakeBackstage(entities=ENTITIES, clock=Ticking()) as portal:
        assert post(client, portal.user_token(ALICE)).status_code == 401
        assert portal.requests == []
