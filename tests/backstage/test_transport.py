import gzip
import socket

import pytest

from portal_rag.backstage.transport import BackstageTransport
from portal_rag.errors import (
    AuthenticationError,
    ConfigurationError,
    InputError,
    NotAllowedError,
    NotFoundError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from tests.fakes.backstage import FakeBackstage

HEALTH = "/api/permission/health"
SECRET = b'{"error":{"message":"no such file /srv/techdocs/component/hidden"}}'


async def ask(transport: BackstageTransport, token: str | None = "a-token") -> object:
    return await transport.get_json("permission", "health", token=token)


@pytest.mark.parametrize(
    ("status", "error_type", "asked"),
    [
        (401, AuthenticationError, 1),
        (403, NotAllowedError, 1),
        (404, NotFoundError, 1),
        (400, UpstreamError, 1),
        (413, UpstreamError, 1),
        (302, UpstreamError, 1),
        (204, UpstreamError, 1),
        (429, UpstreamError, 3),
        (500, UpstreamError, 3),
        (503, UpstreamError, 3),
    ],
)
async def test_a_status_becomes_an_error_that_repeats_nothing(
    portal: FakeBackstage,
    transport: BackstageTransport,
    status: int,
    error_type: type[PortalRagError],
    asked: int,
) -> None:
    body = b"" if status == 204 else SECRET
    portal.answer(HEALTH, status=status, body=body)
    with pytest.raises(error_type) as raised:
        await ask(transport)
    assert "hidden" not in raised.value.message
    assert "permission" in raised.value.message
    assert portal.asked(HEALTH) == asked
    if isinstance(raised.value, UpstreamError):
        assert raised.value.upstream_status == status
        assert raised.value.system == "permission"
        assert raised.value.is_transient == (asked == 3)


async def test_a_passing_failure_is_not_noticed(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, status=503, times=1)
    portal.drop(HEALTH, times=1)
    portal.answer(HEALTH, body=b'{"status":"ok"}')
    assert await ask(transport) == {"status": "ok"}


async def test_a_connection_that_breaks_off_each_time_is_an_upstream_error(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.drop(HEALTH)
    with pytest.raises(UpstreamError) as raised:
        await ask(transport)
    assert raised.value.is_transient
    assert raised.value.upstream_status is None


async def test_a_backend_that_is_not_there_is_an_upstream_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with BackstageTransport(f"http://127.0.0.1:{port}", deadline_seconds=5) as transport:
        with pytest.raises(UpstreamError):
            await ask(transport)


async def test_a_backend_that_does_not_answer_is_given_up_at_the_deadline(
    portal: FakeBackstage,
) -> None:
    hold = portal.hold(HEALTH)
    async with BackstageTransport(portal.url, deadline_seconds=0.2) as transport:
        with pytest.raises(UpstreamTimeoutError):
            await ask(transport)
    assert hold.reached.is_set()


async def test_the_deadline_holds_for_all_attempts_together(portal: FakeBackstage) -> None:
    portal.answer(HEALTH, status=503, headers={"Retry-After": "0"}, times=1)
    hold = portal.hold(HEALTH)
    async with BackstageTransport(portal.url, deadline_seconds=0.3) as transport:
        with pytest.raises(UpstreamTimeoutError):
            await ask(transport)
    assert hold.reached.is_set()


async def test_what_takes_longer_than_the_deadline_is_not_waited_for(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, status=429, headers={"Retry-After": "7"})
    with pytest.raises(UpstreamError) as raised:
        await ask(transport)
    assert raised.value.retry_after_seconds == 7
    assert portal.asked(HEALTH) == 1


async def test_a_retry_after_that_is_a_date_is_ignored(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, status=503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    with pytest.raises(UpstreamError) as raised:
        await ask(transport)
    assert raised.value.retry_after_seconds is None


@pytest.mark.parametrize("body", [b"", b"{not json", b"\xff\xfe\xfd", b"[" * 200_000])
async def test_an_answer_that_is_not_json_is_an_upstream_error(
    portal: FakeBackstage, transport: BackstageTransport, body: bytes
) -> None:
    portal.answer(HEALTH, body=body)
    with pytest.raises(UpstreamError) as raised:
        await ask(transport)
    assert not raised.value.is_transient


async def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    packed = gzip.compress(b" " * 1_000_000)
    portal.answer(HEALTH, body=packed, headers={"Content-Encoding": "gzip"})
    with pytest.raises(UpstreamError):
        await transport.get_text("permission", "health", token="t", most_bytes=10_000)


async def test_text_is_read_as_utf_8_whatever_it_claims_to_be(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, body="grün \xff".encode() + b"\xff", headers={"content-type": "x/y"})
    text = await transport.get_text("permission", "health", token="t")
    assert text == "grün \xff\N{REPLACEMENT CHARACTER}"


async def test_a_redirect_to_another_host_does_not_get_the_token(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    with FakeBackstage() as elsewhere:
        portal.answer(HEALTH, status=302, headers={"Location": elsewhere.url + HEALTH})
        with pytest.raises(UpstreamError):
            await ask(transport)
        assert elsewhere.requests == []


async def test_a_cookie_set_for_one_caller_is_not_sent_for_another(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, body=b"{}", headers={"Set-Cookie": "session=of-alice; Path=/"})
    await ask(transport, "alice")
    await ask(transport, "bob")
    assert [request.token for request in portal.requests] == ["alice", "bob"]
    assert all("cookie" not in request.headers for request in portal.requests)


async def test_without_a_token_no_credentials_are_sent(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer(HEALTH, body=b"{}")
    await ask(transport, None)
    assert "authorization" not in portal.requests[0].headers


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Admin: yes", "gr\u00fcn"])
async def test_what_cannot_be_a_token_is_not_sent(
    portal: FakeBackstage, transport: BackstageTransport, token: str
) -> None:
    with pytest.raises(AuthenticationError):
        await ask(transport, token)
    assert portal.requests == []


@pytest.mark.parametrize("segment", ["", ".", "..", "a/b", "a\\b", "a\x00b", "a\nb", "\ud800"])
async def test_a_path_cannot_be_escaped(
    portal: FakeBackstage, transport: BackstageTransport, segment: str
) -> None:
    with pytest.raises(InputError):
        await transport.get_json("catalog", segment, token="t")
    with pytest.raises(InputError):
        await transport.get_json(token="t")
    assert portal.requests == []


async def test_other_characters_of_a_path_are_quoted(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    portal.answer("/api/", body=b"{}")
    await transport.get_json("catalog", "%2e%2e", "a?b#c d;e", token="t")
    assert portal.requests[0].path == "/api/catalog/%2e%2e/a?b#c d;e"
    assert portal.requests[0].query == ""


@pytest.mark.parametrize(
    "path",
    [
        ("catalog", "locations"),
        ("catalog", "refresh"),
        ("permission", "authorize", "x"),
        ("events", "http", "github"),
        (),
    ],
)
async def test_a_post_that_is_not_known_to_only_read_is_not_sent(
    portal: FakeBackstage, transport: BackstageTransport, path: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="only read"):
        await transport.post_json(*path, token="t", body={})
    assert portal.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "portal.example",
        "ftp://portal.example",
        "https://",
        "https://user:secret@portal.example",
        "https://portal.example?x=1",
        "https://portal.example:99999999",
        "https://exa..mple\u2028",
        "https://[::1",
        "https://\u00ad",
        "https://portal.example/ x",
    ],
)
def test_a_wrong_backend_url_is_named_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        BackstageTransport(url, deadline_seconds=1)
    assert "secret" not in raised.value.message


async def test_a_url_that_is_too_long_is_an_upstream_error(
    portal: FakeBackstage, transport: BackstageTransport
) -> None:
    params = (("cursor", "x" * 70_000),)
    with pytest.raises(UpstreamError):
        await transport.get_json("catalog", "entities", token="t", params=params)
    assert portal.requests == []
