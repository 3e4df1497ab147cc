"""Hints over HTTP: a token that can do nothing but hint, and answers that tell nothing."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from indexer.hinting import Hints
from indexer.hints_api import LARGEST_BODY, Limits, create_hints_app, serving
from indexer.settings import Address
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError
from tests.backstage.conftest import TLS

CI = Path(__file__).parents[2] / "deploy" / "ci"
PATH = "/api/portal-index/v1/hints"
OLD, NEW = "an-old-token-for-hints", "a-new-token-for-hints"
ANYWHERE = Address(host="127.0.0.1", port=0)
SHOP = EntityRef.parse("component:default/shop")


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
async def client(hints: Hints) -> AsyncIterator[httpx.AsyncClient]:
    app = create_hints_app(hints, tokens=(OLD, NEW))
    async with (
        serving(app, ANYWHERE) as address,
        httpx.AsyncClient(base_url=f"http://{address}", verify=TLS, trust_env=False) as client,
    ):
        yield client


async def post(
    client: httpx.AsyncClient,
    body: bytes = b"{}",
    *,
    authorization: str | bytes = f"Bearer {NEW}",
    content_type: str = "application/json",
) -> httpx.Response:
    headers: Any = [(b"authorization", authorization), (b"content-type", content_type)]
    return await client.post(PATH, content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "hinted"),
    [
        (b'{"entityRef": "component:default/shop"}', SHOP),
        (b'{"entityRef": " Component:Shop "}', SHOP),
        (b"{}", None),
    ],
)
async def test_a_hint_is_accepted_and_kept(
    client: httpx.AsyncClient, hints: Hints, body: bytes, hinted: EntityRef | None
) -> None:
    answer = await post(client, body, content_type="application/json; charset=utf-8")
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert hints.take() == (hinted,)


@pytest.mark.parametrize("authorization", [f"Bearer {OLD}", f"bearer  {NEW}"])
async def test_each_of_several_tokens_is_accepted(
    client: httpx.AsyncClient, authorization: str
) -> None:
    assert (await post(client, authorization=authorization)).status_code == 202


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer somebody-elses-token",
        f"Basic {NEW}",
        NEW,
        f"Bearer {NEW}x",
        f"Bearer {NEW[:-1]}",
        f"Bearer {OLD},{NEW}",
        "Bearer gr\u00fcn".encode(),
    ],
)
async def test_without_a_token_nothing_is_looked_at(
    client: httpx.AsyncClient, hints: Hints, authorization: str | bytes
) -> None:
    answer = await post(client, b"not even JSON", authorization=authorization)
    assert answer.status_code == 401
    assert answer.json()["error"]["name"] == "AuthenticationError"
    assert hints.take() == ()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "JSON"),
        (b"\xff", "JSON"),
        (b"[" * 4_000, "JSON"),
        (b"[]", "object"),
        (b'{"entityRef": "shop"}', "entityRef"),
        (b'{"entityRef": "a b:c"}', "entityRef"),
        (b'{"entityRef": null}', "entityRef"),
        (b'{"entityRef": "component:default/\\u001b[2J"}', "entityRef"),
        (b'{"entityRef": "component:default/\\u0000"}', "entityRef"),
        (b'{"entityRef": ["component:default/shop"]}', "entityRef"),
        (b'{"entityref": "component:default/shop"}', "entityref"),
        (b'{"entityRef": "component:default/shop", "run": true}', "run"),
    ],
)
async def test_bad_input_is_named(
    client: httpx.AsyncClient, hints: Hints, body: bytes, named: str
) -> None:
    answer = await post(client, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["name"] == "InputError"
    assert named in error["message"]
    assert hints.take() == ()


async def test_an_error_is_written_as_backstage_writes_it(client: httpx.AsyncClient) -> None:
    answer = await post(client, b"[]")
    assert answer.json() == {
        "error": {"name": "InputError", "message": "The body must be a JSON object"},
        "request": {"method": "POST", "url": "/v1/hints"},
        "response": {"statusCode": 400},
    }


async def test_a_large_body_is_not_read(client: httpx.AsyncClient) -> None:
    body = json.dumps({"entityRef": "x" * LARGEST_BODY}).encode()
    assert (await post(client, body)).status_code == 413


async def test_what_is_not_json_is_refused(client: httpx.AsyncClient) -> None:
    answer = await post(client, content_type="text/plain")
    assert (answer.status_code, answer.json()["error"]["name"]) == (
        415,
        "UnsupportedMediaTypeError",
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", PATH, 405, "NotAllowedError"),
        ("DELETE", PATH, 405, "NotAllowedError"),
        ("GET", "/", 404, "NotFoundError"),
        ("POST", "/api/portal-index/v1/runs", 404, "NotFoundError"),
    ],
)
async def test_the_token_opens_nothing_else(
    client: httpx.AsyncClient, method: str, path: str, status: int, name: str
) -> None:
    headers = {"authorization": f"Bearer {NEW}"}
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["error"]["name"]) == (status, name)


async def test_the_health_is_told_to_anybody(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_no_token_is_logged(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for authorization in (f"Bearer {NEW}", "Bearer a-wrong-token-that-is-long"):
        await post(client, b"{", authorization=authorization)
    written = capfd.readouterr()
    logged = "".join(record.getMessage() for record in caplog.records if record.name != "httpcore")
    logged = "".join(line for line in logged.splitlines() if "httpcore" not in line)
    for text in (written.out, written.err, logged):
        assert NEW not in text
        assert "a-wrong-token" not in text


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match=str(address.port)):
            async with serving(create_hints_app(Hints(), tokens=(NEW,)), address):
                pass


@pytest.mark.parametrize("host", ["no-such-host.invalid", "no-such-host..invalid"])
async def test_a_host_that_is_not_known_is_named(host: str) -> None:
    address = Address(host=host, port=8009)
    with pytest.raises(ConfigurationError, match="no-such-host"):
        async with serving(create_hints_app(Hints(), tokens=(NEW,)), address):
            pass


async def test_serving_ends_though_a_client_stays(hints: Hints) -> None:
    async with asyncio.timeout(10):
        async with serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"POST " + PATH.encode() + b" HTTP/1.1\r\n")
            await writer.drain()
        assert await reader.read() == b""
        writer.close()


def hint_bytes(body: bytes = b"{}", *, length: int | None = None) -> bytes:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: hints\r\nAuthorization: Bearer {NEW}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(address.host, address.port)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Read what comes until the other side closes, in whichever way it does."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


SLOW = {
    "nothing": b"",
    "half a request line": b"POST /api",
    "half a head": hint_bytes()[:60],
    "half a body": hint_bytes(b'{"entityRef', length=99),
    "half a body, and no token": b"POST / HTTP/1.1\r\nHost: hints\r\nContent-Length: 99\r\n\r\n{",
    "a whole request before half of one": hint_bytes() + b"POST /api",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW.keys())
async def test_a_connection_ends_after_its_time_and_nothing_is_written(
    hints: Hints, sent: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(seconds=0.1, idle_seconds=60)
    async with (
        asyncio.timeout(10),
        serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE, limits=limits) as address,
    ):
        reader, writer = await connect(address)
        writer.write(sent)
        await read_to_end(reader)
        writer.close()
    assert (capfd.readouterr().err, caplog.text) == ("", "")


async def ask_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"GET /health HTTP/1.1\r\nHost: hints\r\n\r\n" * 100)
        await writer.drain()


async def test_a_client_that_reads_no_answers_is_closed_too(hints: Hints) -> None:
    limits = Limits(seconds=0.5)
    async with (
        asyncio.timeout(20),
        serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE, limits=limits) as address,
    ):
        _, writer = await connect(address)
        with pytest.raises(ConnectionError):
            await ask_without_end(writer)


async def test_connections_above_the_bound_are_refused_and_those_inside_it_served(
    hints: Hints, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(connections=8, waiting=4, seconds=60)
    async with (
        asyncio.timeout(20),
        serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE, limits=limits) as address,
    ):
        inside = [await connect(address) for _ in range(8)]
        above = [await connect(address) for _ in range(40)]
        for _, writer in (*inside[1:], *above):
            writer.write(b"POST /api")
        assert {await read_to_end(reader) for reader, _ in above} == {b""}
        reader, writer = inside[0]
        writer.write(hint_bytes())
        assert (await reader.readline()).split()[1] == b"202"
        for _, writer in (*inside, *above):
            writer.close()
    assert hints.take() == (None,)
    assert (capfd.readouterr().err, caplog.text) == ("", "")


async def test_a_hint_after_a_flood_is_accepted(
    hints: Hints, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(connections=8, waiting=4, seconds=0.5)
    async with (
        asyncio.timeout(20),
        serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE, limits=limits) as address,
    ):
        flood = [await connect(address) for _ in range(60)]
        for _, writer in flood:
            writer.write(b"POST /api")
        for reader, _ in flood:
            await read_to_end(reader)
        reader, writer = await connect(address)
        writer.write(hint_bytes())
        assert (await reader.readline()).split()[1] == b"202"
        for _, each in (*flood, (reader, writer)):
            each.close()
    assert hints.take() == (None,)
    assert (capfd.readouterr().err, caplog.text) == ("", "")


@pytest.mark.parametrize("sent", [b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000])
async def test_what_is_not_http_is_closed_and_not_logged(
    hints: Hints, sent: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        asyncio.timeout(10),
        serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE) as address,
    ):
        reader, writer = await connect(address)
        writer.write(sent)
        await read_to_end(reader)
        writer.close()
    assert (capfd.readouterr().err, caplog.text) == ("", "")


async def test_no_token_is_logged_at_the_lowest_level(
    hints: Hints, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    async with serving(create_hints_app(hints, tokens=(NEW,)), ANYWHERE) as address:
        reader, writer = await connect(address)
        writer.write(hint_bytes())
        assert (await reader.readline()).split()[1] == b"202"
        writer.close()
    assert NEW not in caplog.text


@pytest.mark.parametrize("name", ["hint-github-actions.yml", "hint-gitlab-ci.yml"])
def test_the_pipelines_post_to_this_path(name: str) -> None:
    text = (CI / name).read_text("utf-8")
    yaml.safe_load(text)
    assert f'_URL{PATH}"' in text
    assert "BACKSTAGE_TOKEN" not in text
