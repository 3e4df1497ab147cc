"""The service as a plugin of a real Backstage, which fetches its keys and decides for its users."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from click.testing import CliRunner

from evals.backstage import Portal
from evals.demo import cases
from evals.renaming import Renaming
from portal_rag.app import create_app
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.jwks import JwksCache
from portal_rag.backstage.permission import Conditional, PermissionClient
from portal_rag.backstage.plugin_keys import PluginKey, create_key, load_keys
from portal_rag.backstage.plugin_tokens import Audience, PluginTokens
from portal_rag.backstage.tokens import TokenVerifier, UserProof, UserToken
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.cli import main
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings
from tests.backstage.conftest import TLS
from tests.portal.test_answers import (
    ABOUT_THE_CANARY,
    CANARY,
    EVERYDAY,
    QUESTIONS,
    comparable,
    run_index,
)
from tests.portal_rag.world import listening

USERS = ("guest", "alice", "carol")
DEMONSTRATED = tuple(case.question for case in cases(Renaming(names={}, titles={})))
ASKED = tuple(dict.fromkeys((*DEMONSTRATED, *EVERYDAY, *ABOUT_THE_CANARY)))
FRAUD = EntityRef.parse("component:default/fraudscorer")
CART = EntityRef.parse("component:default/cart-service")
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
READ_HERE: tuple[Audience, ...] = ("catalog", "permission")
FOREIGN = [(other, asked) for other in AUDIENCES for asked in READ_HERE if other != asked]


@pytest.fixture(scope="module")
def index(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("plugin-index")
    token = {"PORTAL_INDEX_BACKSTAGE_TOKEN": portal.service_token}
    run_index(directory, "--source", "backstage", PORTAL_RAG_BACKSTAGE_URL=portal.url, **token)
    return directory


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "plugin.pem"
    keys("create", "--output", str(path))
    return path


def keys(*words: str) -> None:
    done = CliRunner().invoke(main, ["keys", *words])
    assert done.exit_code == 0, done.output


@contextmanager
def serving(portal: Portal, index: Path, port: int = 0, **environ: str) -> Iterator[httpx.Client]:
    settings = load_service_settings(
        {
            "PORTAL_RAG_INDEX_DIR": str(index),
            "PORTAL_RAG_BACKSTAGE_URL": portal.url,
            "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "20",
            "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "30",
            "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "60",
            **environ,
        }
    )
    app = create_app(lambda: open_services(settings))
    with (
        listening(app, port) as url,
        httpx.Client(base_url=url, verify=TLS, timeout=60, trust_env=False) as client,
    ):
        yield client


class Plugin:
    """The service where Backstage looks for it, with the keys that its file holds at a start."""

    def __init__(self, portal: Portal, index: Path, key_file: Path) -> None:
        key = {"PORTAL_RAG_IDENTITY": "plugin", "PORTAL_RAG_PLUGIN_KEY_FILE": str(key_file)}
        self.key_file = key_file
        self._serve = partial(serving, portal, index, portal.plugin_port, **key)
        self._running = ExitStack()

    def start(self) -> None:
        self.client = self._running.enter_context(self._serve())

    def stop(self) -> None:
        self._running.close()

    def keys(self) -> tuple[PluginKey, ...]:
        return load_keys(self.key_file, setting="FILE")


@pytest.fixture(scope="module")
def plugin(portal: Portal, index: Path, key_file: Path) -> Iterator[Plugin]:
    plugin = Plugin(portal, index, key_file)
    plugin.start()
    yield plugin
    plugin.stop()


@pytest.fixture(scope="module")
def forward(portal: Portal, index: Path) -> Iterator[httpx.Client]:
    with serving(portal, index) as client:
        yield client


@pytest.fixture
async def transport(portal: Portal) -> AsyncIterator[BackstageTransport]:
    async with BackstageTransport(portal.url, deadline_seconds=30, verify=TLS) as transport:
        yield transport


def ask(client: httpx.Client, question: str, token: str, path: str = QUESTIONS) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    answer = client.post(path, json={"question": question}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def prove(transport: BackstageTransport, token: str) -> UserProof:
    verifier = TokenVerifier(
        jwks=JwksCache(transport, timer=time.monotonic),
        clock=now,
        own_plugin_id="portal-rag",
        allowed_callers=frozenset(),
    )
    verified = await verifier.verify(token)
    assert isinstance(verified, UserToken)
    return await verifier.prove(verified)


def now() -> datetime:
    return datetime.now(UTC)


def signer(key: PluginKey) -> PluginTokens:
    return PluginTokens(key, plugin_id="portal-rag", clock=now)


@pytest.mark.parametrize("user", USERS)
def test_both_identities_give_the_same_answers(
    portal: Portal, plugin: Plugin, forward: httpx.Client, user: str
) -> None:
    token = portal.user_token(user)
    for question in ASKED:
        answer, same = ask(plugin.client, question, token), ask(forward, question, token)
        assert comparable(answer) == comparable(same), question
        assert [one["state"] for one in answer["consulted"]] == [
            one["state"] for one in same["consulted"]
        ]


@pytest.mark.parametrize("question", ABOUT_THE_CANARY)
def test_a_plugin_tells_nobody_of_what_is_hidden(
    portal: Portal, plugin: Plugin, question: str
) -> None:
    for user in ("guest", "alice"):
        answer = str(ask(plugin.client, question, portal.user_token(user)))
        assert CANARY not in answer.replace(question, "").replace("\\", "")
        assert str(FRAUD) not in answer


@pytest.mark.usefixtures("plugin")
def test_backstages_proxy_reaches_the_plugin_with_the_users_token(portal: Portal) -> None:
    with httpx.Client(base_url=portal.url, verify=TLS, timeout=60, trust_env=False) as client:
        path = "/api/proxy/portal-rag/v1/questions"
        answer = ask(client, EVERYDAY[0], portal.user_token("alice"), path)
    assert answer["status"] == "answered"


async def test_a_plugin_is_told_conditions_and_an_administrator_is_not(
    portal: Portal, transport: BackstageTransport, plugin: Plugin
) -> None:
    key = plugin.keys()[0]
    permission = PermissionClient(transport)
    decided = {
        user: await permission.decide(
            token=signer(key).mint(
                "permission", obo=await prove(transport, portal.user_token(user))
            )
        )
        for user in USERS
    }
    assert decided["carol"] == "ALLOW"
    for user in ("guest", "alice"):
        decision = decided[user]
        assert isinstance(decision, Conditional)
        owned, *public = decision.conditions["anyOf"]
        assert f"user:default/{user}" in owned["params"]["claims"]
        assert [rule["rule"] for rule in public] == ["HAS_LABEL", "HAS_ANNOTATION"]


@pytest.mark.parametrize(("audience", "asked"), FOREIGN)
async def test_a_token_for_one_plugin_opens_no_other(
    portal: Portal,
    transport: BackstageTransport,
    plugin: Plugin,
    audience: Audience,
    asked: Audience,
) -> None:
    key = plugin.keys()[0]
    proof = await prove(transport, portal.user_token("carol"))
    token = signer(key).mint(audience, obo=proof)
    with pytest.raises(AuthenticationError):
        await read(transport, asked, token)
    await read(transport, asked, signer(key).mint(asked, obo=proof))


async def read(transport: BackstageTransport, plugin: str, token: str) -> None:
    if plugin == "catalog":
        assert CART in await CatalogClient(transport).by_refs([CART], token=token)
    else:
        assert CART in await PermissionClient(transport).readable([CART], token=token)


@pytest.mark.parametrize("user", ["guest", "alice", "carol"])
async def test_several_permissions_are_decided_in_one_request(
    portal: Portal, transport: BackstageTransport, user: str
) -> None:
    client, token, refs = PermissionClient(transport), portal.user_token(user), [CART, FRAUD]
    alone = await client.readable(refs, token=token)
    wanted = {"catalog.entity.read": refs, "techdocs.entity.read": refs}
    assert await client.readable_by(wanted, token=token) == dict.fromkeys(wanted, alone)


@pytest.mark.usefixtures("plugin")
async def test_what_another_key_signs_for_us_is_refused(
    portal: Portal, transport: BackstageTransport
) -> None:
    proof = await prove(transport, portal.user_token("carol"))
    with pytest.raises(AuthenticationError):
        await read(transport, "catalog", signer(create_key(now())).mint("catalog", obo=proof))


async def test_the_permission_to_ask_is_asked_for_in_both_identities(
    portal: Portal, index: Path
) -> None:
    with serving(portal, index, PORTAL_RAG_ASK_PERMISSION="true") as client:
        assert ask(client, EVERYDAY[0], portal.user_token("guest"))["status"] == "answered"


async def test_a_new_key_is_taken_at_once_while_the_one_before_is_still_good(
    portal: Portal, plugin: Plugin, transport: BackstageTransport
) -> None:
    token, old = portal.user_token("alice"), plugin.keys()[0]
    assert ask(plugin.client, EVERYDAY[0], token)["status"] == "answered"
    keys("rotate", str(plugin.key_file))
    plugin.stop()
    plugin.start()
    new, kept = plugin.keys()
    assert kept.kid == old.kid != new.kid
    assert ask(plugin.client, EVERYDAY[0], token)["status"] == "answered"
    proof = await prove(transport, token)
    for key in (new, old):
        await read(transport, "catalog", signer(key).mint("catalog", obo=proof))
