"""Programs with static tokens: what they may use, and that none of them can ask."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from portal_rag.api.authentication import LocalAuthentication
from portal_rag.api.failures import known_failure
from portal_rag.api.machine_clients import MachineAccess
from portal_rag.app import create_app
from portal_rag.errors import ConfigurationError, NotAllowedError, PortalRagError
from portal_rag.services import open_services
from portal_rag.services.machine_clients import (
    MachineClient,
    MachineClients,
    load_machine_clients,
)
from portal_rag.settings import ServiceSettings
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import EMBEDDER
from tests.portal_rag.identities import IDENTITIES, as_identity
from tests.portal_rag.world import ENTITIES, QUESTIONS, make_settings

TOKEN = "a-token-of-prometheus"
OTHER = "a-token-of-somebody-else"
METADATA = "/api/portal-rag/.well-known/backstage/permissions/metadata"
GUARDED = "/guarded"
ENTRY = f"- {{name: prometheus, token: {TOKEN}, access: [metrics]}}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "machines.yaml"
    path.write_text(text)
    return path


def test_a_token_may_stand_in_the_file_or_in_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "grafana.token").write_text(f"{OTHER}\n")
    more = "- {name: grafana, tokenFile: grafana.token, access: [metrics]}\n"
    known = load_machine_clients(written(tmp_path, ENTRY + more))
    for token, name in ((TOKEN, "prometheus"), (OTHER, "grafana")):
        client = known.recognise(token)
        assert client is not None
        assert client.name == name
        assert client.access == {"metrics"}
    assert TOKEN not in repr(known)


@pytest.mark.parametrize(
    "token", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f"{TOKEN} ", "\udcff", "é" * 40]
)
def test_whatever_is_not_a_token_is_nobodys(tmp_path: Path, token: str) -> None:
    assert load_machine_clients(written(tmp_path, ENTRY)).recognise(token) is None
    assert MachineClients().recognise(token) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "must be a list"),
        ("prometheus: s3cret-s3cret", "must be a list"),
        ("- s3cret-s3cret", "entry 1"),
        ("- {token: s3cret-s3cret, access: [metrics]}", "entry 1: name"),
        ("- {name: 'a b', token: s3cret-s3cret, access: [metrics]}", "entry 1: name"),
        ("- {name: a, access: [metrics]}", "entry 1 (a): it needs either"),
        (
            "- {name: a, token: s3cret-s3cret, tokenFile: x, access: [metrics]}",
            "entry 1 (a): it needs either",
        ),
        ("- {name: a, token: '', access: [metrics]}", "entry 1 (a): its token"),
        ("- {name: a, token: null, access: [metrics]}", "entry 1 (a): its token"),
        ("- {name: a, token: s3cret, access: [metrics]}", "at least 8 characters"),
        ("- {name: a, token: 's3cret s3cret', access: [metrics]}", "without spaces"),
        ("- {name: a, token: 12345678, access: [metrics]}", "must be a text"),
        ("- {name: a, token: s3cret-s3crét, access: [metrics]}", "entry 1 (a): its token"),
        ("- {name: a, tokenFile: missing, access: [metrics]}", "its tokenFile cannot be read"),
        ("- {name: a, tokenFile: [x], access: [metrics]}", "tokenFile must be a path"),
        ("- {name: a, token: s3cret-s3cret}", "access must be a list of metrics"),
        ("- {name: a, token: s3cret-s3cret, access: metrics}", "access must be a list"),
        ("- {name: a, token: s3cret-s3cret, access: []}", "access must be a list"),
        ("- {name: a, token: s3cret-s3cret, access: [all]}", "known is metrics"),
        ("- {name: a, token: s3cret-s3cret, access: [[metrics]]}", "known is metrics"),
        ("- {name: a, token: s3cret-s3cret, access: [hints]}", "PORTAL_INDEX_HINTS_TOKEN"),
        ("- {name: a, token: s3cret-s3cret, acess: [metrics]}", "unknown field"),
        ("- {name: a, token:s3cret-s3cret, access: [metrics]}", "unknown field"),
        (ENTRY + "- {name: a, s3cret-s3cret", "not YAML at line"),
        ("\x07", "not YAML"),
        ("[" * 2000, "not YAML"),
        (
            "- {name: a, token: s3cret-s3cret, access: [metrics]}\n"
            "- {name: a, token: s3cret-s3cret-2, access: [metrics]}",
            "a: two clients have this name",
        ),
        (
            "- {name: a, token: s3cret-s3cret, access: [metrics]}\n"
            "- {name: b, token: s3cret-s3cret, access: [metrics]}",
            "a and b: they have the same token",
        ),
    ],
)
def test_a_wrong_entry_is_named_and_its_token_is_not(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_machine_clients(written(tmp_path, text))
    assert named in caught.value.message
    assert "PORTAL_RAG_MACHINE_CLIENTS_FILE" in caught.value.message
    assert "README" in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "s3cret" not in str(caught.value.__cause__)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "machines.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        load_machine_clients(path)


@pytest.fixture(scope="module")
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


@pytest.fixture(params=IDENTITIES)
def settings(
    request: pytest.FixtureRequest, portal: FakeBackstage, tmp_path: Path
) -> ServiceSettings:
    machines = {"PORTAL_RAG_MACHINE_CLIENTS_FILE": str(written(tmp_path, ENTRY))}
    portal.requests.clear()
    return make_settings(tmp_path, **as_identity(request.param, portal, **machines))


def guarded(settings: ServiceSettings) -> Starlette:
    """Build the service with one more route, which is for machines that have metrics."""
    whole = create_app(lambda: open_services(settings, load=lambda _: EMBEDDER))

    async def only_machines(request: Request) -> Response:
        client = await request.state["machines"].check(request.headers, access="metrics")
        return JSONResponse({"client": client.name})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Any]:
        async with whole.router.lifespan_context(whole) as state:
            yield state

    return Starlette(
        lifespan=lifespan,
        routes=[Route(GUARDED, only_machines), *whole.routes],
        exception_handlers={PortalRagError: known_failure},
    )


@pytest.fixture
def client(settings: ServiceSettings) -> Iterator[TestClient]:
    with TestClient(guarded(settings), base_url="http://127.0.0.1") as client:
        yield client


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_machine_may_use_what_it_was_given(client: TestClient, portal: FakeBackstage) -> None:
    assert client.get(GUARDED, headers=bearing(TOKEN)).json() == {"client": "prometheus"}
    assert portal.requests == []


def test_a_machine_cannot_ask_and_nothing_of_it_reaches_backstage(
    client: TestClient, portal: FakeBackstage
) -> None:
    asked = client.post(QUESTIONS, json={"question": "Who owns shop?"}, headers=bearing(TOKEN))
    described = client.get(METADATA, headers=bearing(TOKEN))
    for answer in (asked, described):
        assert answer.status_code == 403
        assert answer.json()["error"]["name"] == "NotAllowedError"
        assert "user" in answer.json()["error"]["message"]
        assert TOKEN not in answer.text
    assert portal.requests == []


def test_a_machine_beside_a_user_is_still_a_machine(
    client: TestClient, portal: FakeBackstage
) -> None:
    alice = portal.user_token("user:default/alice")
    for first, second in ((TOKEN, alice), (alice, TOKEN)):
        answer = client.post(
            QUESTIONS,
            json={"question": "Who owns shop?"},
            headers=[("authorization", f"Bearer {each}") for each in (first, second)],
        )
        assert answer.status_code == 403
    assert portal.requests == []


def test_what_is_for_machines_refuses_users_and_plugins(
    client: TestClient, portal: FakeBackstage
) -> None:
    for token in (
        portal.user_token("user:default/carol"),
        portal.plugin_token("mcp-actions", "portal-rag"),
    ):
        answer = client.get(GUARDED, headers=bearing(token))
        assert answer.status_code == 403
        assert "machine client" in answer.json()["error"]["message"]
    assert not [each for each in portal.requests if each.token]


async def test_a_machine_may_not_use_what_it_was_not_given() -> None:
    idle = MachineClient(
        name="idle", access=frozenset(), token_digest=sha256(TOKEN.encode()).digest()
    )
    access = MachineAccess(known=MachineClients((idle,)), others=LocalAuthentication())
    with pytest.raises(NotAllowedError, match="idle has no access to metrics"):
        await access.check(Headers(bearing(TOKEN)), access="metrics")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearing("garbage"),
        bearing(TOKEN[:-1]),
        bearing("a-static-service-token"),
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"cookie": f"backstage-auth={TOKEN}"},
        {"x-token": TOKEN},
    ],
)
def test_strangers_are_asked_for_credentials(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get(GUARDED, headers=headers).status_code == 401


def test_without_a_file_there_are_no_machines(portal: FakeBackstage, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, PORTAL_RAG_BACKSTAGE_URL=portal.url)
    with TestClient(guarded(settings), base_url="http://127.0.0.1") as client:
        alice = portal.user_token("user:default/alice")
        assert client.get(GUARDED, headers=bearing(TOKEN)).status_code == 401
        assert client.get(GUARDED, headers=bearing(alice)).status_code == 403


def test_a_file_that_is_wrong_stops_the_service(settings: ServiceSettings) -> None:
    assert settings.machine_clients_file
    settings.machine_clients_file.write_text("- {name: a}")
    with (
        pytest.raises(ConfigurationError, match=r"entry 1 \(a\)"),
        TestClient(guarded(settings)),
    ):
        pass
