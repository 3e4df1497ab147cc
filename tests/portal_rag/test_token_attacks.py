"""Every forged token and every misuse of a true one, sent to the whole service in both identities.

With `pytest -s` it says how many were tried and accepted.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from portal_rag.app import create_app
from portal_rag.backstage.plugin_keys import create_key, format_keys
from portal_rag.services import open_services
from tests.backstage.conftest import ALICE, CALLER
from tests.backstage.forging import Forge, by_public_key_as_secret, limited, obo, service, user
from tests.backstage.test_forged_tokens import FORGED, FORGED_BY_PLUGINS
from tests.backstage.test_tokens import NOT_TOKENS
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import SigningKey
from tests.fakes.indexes import EMBEDDER, publish_index
from tests.portal_rag.world import CHUNKS, ENTITIES, QUESTIONS, make_settings

BODY = b'{"question": "Who owns shop?"}'
JSON = {"content-type": "application/json"}
Headers = Mapping[str, str]
OWN = create_key(Ticking().now())


def own(portal: FakeBackstage) -> SigningKey:
    """Our own key, in the hands of somebody else."""
    key = SigningKey(OWN.kid)
    key.private = OWN.private
    return key


def of_our_own(audience: str, *, with_user: bool) -> Forge:
    """A token that we minted, or might have, brought back to us."""

    def forge(portal: FakeBackstage) -> str:
        now = 1_800_000_000
        claims: dict[str, Any] = {"sub": "portal-rag", "aud": audience, "iat": now}
        claims |= {"exp": now + 3600} | ({"obo": limited(portal)} if with_user else {})
        return own(portal).sign("vnd.backstage.plugin", claims)

    return forge


def by_path(sub: str) -> Forge:
    return lambda portal: service(portal, sub=sub)


MISUSED: Mapping[str, Forge] = {
    "our own token for the catalog": of_our_own("catalog", with_user=True),
    "our own token for ourselves": of_our_own("portal-rag", with_user=True),
    "our own token without a user": of_our_own("portal-rag", with_user=False),
    "a plugin for itself": service,
    "a plugin that is not allowed": lambda p: p.plugin_token(
        "search", "portal-rag", obo_user=ALICE
    ),
    "a plugin for another plugin": lambda p: p.plugin_token(CALLER, "catalog", obo_user=ALICE),
    "the static token of the indexer": lambda portal: portal.service_token,
    "HS256 by our own public key": lambda p: by_public_key_as_secret(own(p), service(p)),
    "sub ../": by_path("../mcp-actions"),
    "sub with a host": by_path("evil.example/mcp-actions"),
    "sub encoded": by_path("..%2fmcp-actions"),
    "sub with a new line": by_path("mcp-actions\r\nhost: x"),
    "a true token and more": lambda portal: f"{user(portal)}.x",
    "a true token cut": lambda portal: user(portal)[:-4],
}
SENT: Mapping[str, Callable[[str], Headers]] = {
    "no credentials": lambda _: {},
    "a cookie": lambda token: {"cookie": f"backstage-auth={token}"},
    "a cookie beside garbage": lambda token: {
        "cookie": f"backstage-auth={token}",
        "authorization": "Bearer garbage",
    },
    "Basic": lambda token: {"authorization": f"Basic {token}"},
    "no scheme": lambda token: {"authorization": token},
    "two words": lambda token: {"authorization": f"Bearer {token} {token}"},
    "a list": lambda token: {"authorization": f"Bearer {token}, Bearer {token}"},
    "a tab": lambda token: {"authorization": f"Bearer\t{token}"},
    "quoted": lambda token: {"authorization": f'Bearer "{token}"'},
    "a line break inside": lambda token: {"authorization": f"Bearer {token}\r\nx-user: carol"},
    "a new line at the end": lambda token: {"authorization": f"Bearer {token}\n"},
    "a zero byte": lambda token: {"authorization": f"Bearer {token}\0"},
    "another header": lambda token: {"x-backstage-token": token, "proxy-authorization": token},
    "names in headers": lambda _: {"x-user": ALICE, "x-forwarded-user": ALICE, "from": ALICE},
    "latin-1": lambda token: {"authorization": f"Bearer {token}\xe9"},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_index, directory, CHUNKS)
    return directory


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def portal(clock: Ticking) -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES, clock=clock) as portal:
        portal.tokens.plugin_keys["portal-rag"] = [own(portal)]
        yield portal


@pytest.fixture(params=["forward", "plugin"])
def client(
    request: pytest.FixtureRequest, portal: FakeBackstage, index: Path, clock: Ticking
) -> Iterator[TestClient]:
    environ = {"PORTAL_RAG_BACKSTAGE_URL": portal.url}
    if request.param == "plugin":
        key = {"PORTAL_RAG_PLUGIN_KEY": format_keys([OWN])}
        environ |= {"PORTAL_RAG_IDENTITY": "plugin", **key}
    settings = make_settings(index, **environ)
    app = create_app(lambda: open_services(settings, load=lambda _: EMBEDDER, clock=clock.now))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def raw(headers: Headers) -> dict[bytes, bytes]:
    """Send what no client would let pass."""
    return {
        name.encode(): value.encode("utf-8", "surrogatepass")
        for name, value in {**JSON, **headers}.items()
    }


def tries(portal: FakeBackstage) -> Iterator[tuple[str, Headers]]:
    for name, forge in (*FORGED.items(), *FORGED_BY_PLUGINS.items(), *MISUSED.items()):
        yield name, {"authorization": f"Bearer {forge(portal)}"}
    for name, token in NOT_TOKENS.items():
        yield name, {"authorization": f"Bearer {token}"}
    for name, headers in SENT.items():
        yield name, headers(user(portal))


def test_no_forged_or_misused_token_is_accepted(
    client: TestClient, portal: FakeBackstage, request: pytest.FixtureRequest
) -> None:
    statuses = {
        f"{number} {name}": client.post(QUESTIONS, content=BODY, headers=raw(headers))
        for number, (name, headers) in enumerate(tries(portal))
    }
    accepted = [name for name, answer in statuses.items() if answer.status_code not in {401, 403}]
    print(f"{request.node.callspec.id}: {len(statuses)} token attacks, {len(accepted)} accepted")
    assert accepted == []
    assert len(statuses) >= 95
    for answer in statuses.values():
        assert "WWW-Authenticate" not in answer.headers
        assert "shop" not in answer.text
    assert not [each for each in portal.requests if each.token]


def test_the_same_service_accepts_what_is_true(client: TestClient, portal: FakeBackstage) -> None:
    headers = {**JSON, "authorization": f"Bearer {user(portal)}"}
    assert client.post(QUESTIONS, content=BODY, headers=headers).status_code == 200
    for_user = client.post(
        QUESTIONS, content=BODY, headers={**JSON, "authorization": f"Bearer {obo(portal)}"}
    )
    is_plugin = client.get("/api/portal-rag/.backstage/auth/v1/jwks.json").status_code == 200
    assert for_user.status_code == (200 if is_plugin else 403)


def test_a_flood_of_unknown_keys_asks_backstage_twice(
    client: TestClient, portal: FakeBackstage
) -> None:
    for number in range(100):
        token = SigningKey(f"random-{number}").sign("vnd.backstage.user", {"sub": ALICE})
        headers = {**JSON, "authorization": f"Bearer {token}"}
        assert client.post(QUESTIONS, content=BODY, headers=headers).status_code == 401
    assert portal.asked("/api/auth") == 2


def test_a_user_who_signs_in_after_the_keys_were_replaced_is_known_at_once(
    client: TestClient, portal: FakeBackstage
) -> None:
    before = user(portal)
    portal.tokens.user_keys.append(SigningKey("user-2"))
    for token in (before, user(portal), before):
        headers = {**JSON, "authorization": f"Bearer {token}"}
        assert client.post(QUESTIONS, content=BODY, headers=headers).status_code == 200
