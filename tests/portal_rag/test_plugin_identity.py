"""The whole service as a plugin: what it publishes, whom it answers, and with which tokens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from portal_rag.app import create_app
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import ONLY_CATALOG
from portal_rag.backstage.permission import ASK, PermissionClient
from portal_rag.backstage.plugin_keys import create_key, format_keys, load_keys
from portal_rag.backstage.plugin_tokens import PluginTokens
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.tokens import UserToken
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.views import make_views
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import GateDecides, OnlyResources
from portal_rag.errors import ConfigurationError, NotAllowedError
from portal_rag.principals import LocalReader, PortalUser, RepresentedUser
from portal_rag.services import Services, open_services
from tests.backstage.conftest import TLS
from tests.backstage.forging import claims_of
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import EMBEDDER, publish_index
from tests.portal_rag.world import (
    CHUNKS,
    ENTITIES,
    QUESTIONS,
    ask,
    listening,
    make_settings,
    serving,
)

JWKS = "/api/portal-rag/.backstage/auth/v1/jwks.json"
METADATA = "/api/portal-rag/.well-known/backstage/permissions/metadata"
AUTHORIZE = "/api/permission/authorize"
HOW_TO = "How do I drain the broker, then restart it with brokerctl?"
ASKED = (
    "Who owns shop?",
    "What does shop depend on?",
    HOW_TO,
    "How do I refuse orders above the secret score?",
    "Who owns Scorer?",
    "Who owns scorrer?",
    "What does team-web own?",
)


@pytest.fixture(scope="module")
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


@pytest.fixture(autouse=True)
def unspoilt(portal: FakeBackstage) -> Iterator[None]:
    portal.requests.clear()
    yield
    portal.mend()
    portal.permissions.denied.clear()
    for entity in ENTITIES:
        portal.put(entity)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_index, directory, CHUNKS)
    return directory


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "plugin.pem"
    path.write_text(format_keys([create_key(Ticking().now()), create_key(Ticking().now())]))
    return path


def as_plugin(portal: FakeBackstage, key_file: Path, **more: str) -> dict[str, str]:
    return {
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
        "PORTAL_RAG_IDENTITY": "plugin",
        "PORTAL_RAG_PLUGIN_KEY_FILE": str(key_file),
        **more,
    }


@pytest.fixture(scope="module")
def client(portal: FakeBackstage, index: Path, key_file: Path) -> Iterator[httpx.Client]:
    """The service where the portal finds it."""
    settings = make_settings(index, **as_plugin(portal, key_file))
    app = create_app(lambda: open_services(settings, load=lambda _: EMBEDDER))
    with (
        listening(app) as url,
        httpx.Client(base_url=url, verify=TLS, timeout=60, trust_env=False) as client,
    ):
        portal.tokens.discovery["portal-rag"] = f"{url}/api/portal-rag"
        yield client


def post(client: Any, token: str, question: str = ASKED[0]) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    return client.post(QUESTIONS, json={"question": question}, headers=headers)


def without_ids(answer: dict[str, Any]) -> str:
    """Leave out what must differ."""
    text = {key: answer[key] for key in ("status", "answer", "followUps", "warnings")}
    cited = [(source["title"], source["excerpt"]) for source in answer["sources"]]
    return json.dumps([text, cited, [one["state"] for one in answer["consulted"]]])


def test_the_public_keys_are_published_to_anybody(client: httpx.Client, key_file: Path) -> None:
    keys = load_keys(key_file, setting="FILE")
    assert client.get(JWKS).json() == {"keys": [dict(key.jwk) for key in keys]}


def test_a_service_that_is_no_plugin_publishes_nothing(portal: FakeBackstage, index: Path) -> None:
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with serving(settings) as forward:
        answer = forward.get(JWKS)
    assert answer.status_code == 404
    assert answer.json()["error"]["name"] == "NotFoundError"
    assert answer.json()["request"]["url"] == "/.backstage/auth/v1/jwks.json"


def test_the_permission_is_described_to_whoever_has_credentials(
    client: httpx.Client, portal: FakeBackstage, index: Path
) -> None:
    described = {
        "permissions": [
            {"type": "basic", "name": "portal-rag.ask", "attributes": {"action": "read"}}
        ],
        "rules": [],
    }
    tokens = (
        portal.user_token("user:default/alice"),
        portal.plugin_token("mcp-actions", "portal-rag"),
        portal.plugin_token("mcp-actions", "portal-rag", obo_user="user:default/alice"),
    )
    settings = make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with serving(settings) as forward:
        for service in (client, forward):
            for token in tokens:
                headers = {"authorization": f"Bearer {token}"}
                assert service.get(METADATA, headers=headers).json() == described
            for headers in ({}, {"authorization": "Bearer garbage"}):
                assert service.get(METADATA, headers=headers).status_code == 401
    with serving(make_settings(index, PORTAL_RAG_AUTH="none")) as local:
        assert local.get(METADATA).json() == described


@pytest.mark.parametrize("user", ["guest", "alice", "dave", "carol"])
def test_both_identities_give_the_same_answers(
    client: httpx.Client, portal: FakeBackstage, index: Path, user: str
) -> None:
    with serving(make_settings(index, PORTAL_RAG_BACKSTAGE_URL=portal.url)) as forward:
        for question in ASKED:
            token = portal.user_token(f"user:default/{user}")
            answer = post(client, token, question).json()
            assert without_ids(answer) == without_ids(post(forward, token, question).json())


def test_every_call_carries_a_token_for_that_plugin_and_that_user(
    client: httpx.Client, portal: FakeBackstage
) -> None:
    own = portal.user_token("user:default/alice")
    for question in ASKED:
        assert post(client, own, question).status_code == 200
    sent = [(each.path.split("/")[2], each.token) for each in portal.requests if each.token]
    assert {plugin for plugin, _ in sent} == {"catalog", "permission", "search"}
    for plugin, token in sent:
        assert token
        claims = claims_of(token)
        assert (claims["sub"], claims["aud"]) == ("portal-rag", plugin)
        assert claims["obo"] == portal.tokens.limited(own)


def test_a_plugin_may_ask_for_a_user_and_its_own_token_is_passed_on_to_nobody(
    client: httpx.Client, portal: FakeBackstage
) -> None:
    for user, is_told in (("alice", False), ("dave", True)):
        token = portal.plugin_token("mcp-actions", "portal-rag", obo_user=f"user:default/{user}")
        answer = post(client, token, "What does shop depend on?").json()
        assert ("component:default/scorer" in answer["answer"]) is is_told
        assert token not in {each.token for each in portal.requests}
        assert {claims_of(each.token)["obo"] for each in portal.requests if each.token} == {
            claims_of(token)["obo"]
        }
        portal.requests.clear()


def test_a_plugin_without_a_user_may_not_ask(client: httpx.Client, portal: FakeBackstage) -> None:
    assert post(client, portal.plugin_token("mcp-actions", "portal-rag")).status_code == 403
    for_user = portal.plugin_token("search", "portal-rag", obo_user="user:default/alice")
    assert post(client, for_user).status_code == 401
    assert not [each for each in portal.requests if each.token]


def decisions(portal: FakeBackstage) -> int:
    """Count the questions to the policy that name no entity."""
    asked = [each.body for each in portal.requests if each.path == AUTHORIZE]
    return sum("resourceRef" not in json.loads(body)["items"][0] for body in asked)


def gates(portal: FakeBackstage) -> int:
    return portal.asked(AUTHORIZE) - decisions(portal)


def test_the_decision_is_asked_for_once_and_the_gate_each_time(
    client: httpx.Client, portal: FakeBackstage
) -> None:
    token = portal.user_token("user:default/alice")
    for times in (1, 2, 3):
        assert post(client, token, HOW_TO).json()["status"] == "answered"
        # Twice a question: this index knows no predicates, and the gate refuses something.
        assert (decisions(portal), gates(portal)) == (1, 2 * times)
    portal.put({**ENTITIES[7], "metadata": {**ENTITIES[7]["metadata"], "labels": {}}})
    portal.put({**portal.entities["component:default/shop"], "relations": []})
    assert post(client, token, HOW_TO).json()["status"] == "insufficient_evidence"
    assert decisions(portal) == 1


def test_whoever_is_denied_everything_is_told_nothing_and_the_gate_is_not_bothered(
    client: httpx.Client, portal: FakeBackstage
) -> None:
    portal.answer(AUTHORIZE, body=b'{"items":[{"id":"1","result":"DENY"}]}')
    answer = post(client, portal.user_token("user:default/guest"), HOW_TO).json()
    assert answer["status"] == "insufficient_evidence"
    assert gates(portal) == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (404, b""), (403, b""), (200, b"{}"), (200, b'{"items":[{"id":"1"}]}')],
)
def test_an_unknown_decision_shows_no_passage(
    client: httpx.Client, portal: FakeBackstage, status: int, body: bytes
) -> None:
    portal.answer(AUTHORIZE, status=status, body=body)
    answer = post(client, portal.user_token("user:default/guest"), HOW_TO).json()
    assert answer["sources"] == []
    assert answer["consulted"][1]["state"] in {"unavailable", "forbidden"}


def test_a_user_whose_token_holds_no_proof_cannot_be_acted_for(
    client: httpx.Client, portal: FakeBackstage
) -> None:
    token = portal.user_token("user:default/alice")
    claims = {name: value for name, value in claims_of(token).items() if name != "uip"}
    answer = post(client, portal.tokens.user_keys[0].sign("vnd.backstage.user", claims))
    assert answer.status_code == 401
    assert "uip" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("client")
async def test_decisions_are_kept_for_half_a_minute_for_one_sign_in_alone(
    portal: FakeBackstage, index: Path, key_file: Path
) -> None:
    settings = make_settings(index, **as_plugin(portal, key_file))
    (key, _), timer = load_keys(key_file, setting="FILE"), Ticking()
    async with (
        open_services(settings, load=lambda _: EMBEDDER) as services,
        BackstageTransport(portal.url, deadline_seconds=30, verify=TLS) as transport,
    ):
        views = make_views(
            signer=PluginTokens(key, plugin_id="portal-rag", clock=lambda: datetime.now(UTC)),
            catalog=CatalogClient(transport),
            permission=PermissionClient(transport),
            search=SearchClient(transport),
            document_permissions=ONLY_CATALOG,
            timer=timer,
        )
        carol, dave = [await represented(services, portal, user) for user in ("carol", "dave")]
        again = await represented(services, portal, "carol", expires_in=1800)
        nothing = OnlyResources(frozenset())
        assert await views.portal_of(carol).visibility() == GateDecides()
        portal.answer(AUTHORIZE, body=b'{"items":[{"id":"1","result":"DENY"}]}')
        assert await views.portal_of(dave).visibility() == nothing
        assert await views.portal_of(again).visibility() == nothing
        timer.seconds += 29
        assert await views.portal_of(carol).visibility() == GateDecides()
        timer.seconds += 2
        assert await views.portal_of(carol).visibility() == nothing


async def represented(
    services: Services, portal: FakeBackstage, user: str, *, expires_in: float = 3600
) -> RepresentedUser:
    assert services.verifier
    token = portal.user_token(f"user:default/{user}", expires_in=expires_in)
    verified = await services.verifier.verify(token)
    assert isinstance(verified, UserToken)
    return RepresentedUser(proof=await services.verifier.prove(verified))


async def test_a_portal_without_permissions_leaves_all_to_the_catalog(
    portal: FakeBackstage, index: Path, key_file: Path
) -> None:
    environ = as_plugin(portal, key_file, PORTAL_RAG_PERMISSION_ENABLED="false")
    async with open_services(make_settings(index, **environ), load=lambda _: EMBEDDER) as services:
        guest = services.portal_of(await represented(services, portal, "guest"))
        assert await guest.visibility() == GateDecides()
    assert portal.asked(AUTHORIZE) == 0


async def test_only_a_proven_user_gets_a_plugins_view(
    portal: FakeBackstage, index: Path, key_file: Path
) -> None:
    settings = make_settings(index, **as_plugin(portal, key_file))
    someone = PortalUser(user_ref=EntityRef.parse("user:default/carol"), token="x")
    async with open_services(settings, load=lambda _: EMBEDDER) as services:
        for principal in (LocalReader(), someone):
            with pytest.raises(NotAllowedError):
                services.portal_of(principal)


async def test_keys_of_other_replicas_are_published_too(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    own, other = create_key(Ticking().now()), create_key(Ticking().now())
    public = tmp_path / "public.json"
    public.write_text(json.dumps({"keys": [dict(other.jwk)]}))
    environ = {
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
        "PORTAL_RAG_IDENTITY": "plugin",
        "PORTAL_RAG_PLUGIN_KEY": format_keys([own]),
        "PORTAL_RAG_PLUGIN_PUBLIC_KEYS": str(public),
    }
    async with open_services(make_settings(index, **environ), load=lambda _: EMBEDDER) as services:
        assert services.plugin_keys == (own.jwk, other.jwk)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"PORTAL_RAG_PLUGIN_KEY_FILE": "missing.pem"}, "PORTAL_RAG_PLUGIN_KEY_FILE"),
        ({"PORTAL_RAG_PLUGIN_KEY": "garbage"}, "PORTAL_RAG_PLUGIN_KEY"),
        (
            {
                "PORTAL_RAG_PLUGIN_KEY": format_keys([create_key(Ticking().now())]),
                "PORTAL_RAG_PLUGIN_PUBLIC_KEYS": "missing.json",
            },
            "PORTAL_RAG_PLUGIN_PUBLIC_KEYS",
        ),
    ],
)
async def test_keys_that_cannot_be_used_stop_the_service_by_name(
    index: Path, environ: dict[str, str], named: str
) -> None:
    url = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1", "PORTAL_RAG_IDENTITY": "plugin"}
    with pytest.raises(ConfigurationError, match=named):
        async with open_services(make_settings(index, **url, **environ)):
            pass


@pytest.fixture(params=["forward", "plugin"])
def asking(
    request: pytest.FixtureRequest, portal: FakeBackstage, index: Path, key_file: Path
) -> Iterator[Any]:
    """A service, in either identity, that asks whether one may ask."""
    asks = {"PORTAL_RAG_ASK_PERMISSION": "true", "PORTAL_RAG_AUTHZ_TIMEOUT_SECONDS": "0.5"}
    url = {"PORTAL_RAG_BACKSTAGE_URL": portal.url}
    identity = as_plugin(portal, key_file) if request.param == "plugin" else url
    request.getfixturevalue("client")  # where the portal finds the keys
    with serving(make_settings(index, **identity, **asks)) as asking:
        yield asking


def test_whoever_lacks_the_permission_to_ask_may_not(asking: Any, portal: FakeBackstage) -> None:
    assert ask(asking, portal, "alice", ASKED[0])["status"] == "answered"
    portal.permissions.denied.add(ASK)
    portal.requests.clear()
    answer = post(asking, portal.user_token("user:default/alice"))
    assert answer.status_code == 403
    assert answer.json()["error"]["name"] == "NotAllowedError"
    assert ASK in answer.json()["error"]["message"]
    assert portal.asked("/api/catalog") == 0
    assert ask(asking, portal, "carol", ASKED[0])["status"] == "answered"


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_whether_one_may_ask_is_no_if_it_is_not_known(
    asking: Any, portal: FakeBackstage, status: int
) -> None:
    portal.answer(AUTHORIZE, status=status, body=b"{}")
    answer = post(asking, portal.user_token("user:default/carol"))
    assert answer.status_code == 403
    assert "ask again" in answer.json()["error"]["message"]
    assert portal.asked("/api/catalog") == 0


def test_whether_one_may_ask_is_no_if_the_answer_takes_too_long(
    asking: Any, portal: FakeBackstage
) -> None:
    hold = portal.hold(AUTHORIZE)
    answer = post(asking, portal.user_token("user:default/carol"))
    hold.release()
    assert answer.status_code == 403
