"""What users, and a permission backend that fails, could do to answers; over HTTP, both identities.

With `pytest -s` it says how much was tried and what leaked.
"""

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from portal_rag.app import create_app
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import hashed, predicates_of
from portal_rag.services import open_services
from tests.backstage.conftest import TLS
from tests.factories import make_chunk, make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_catalog import ref_of, stitched
from tests.fakes.backstage_permission import OwnerOrPublic
from tests.fakes.indexes import EMBEDDER, RUN, make_manifest, publish_index
from tests.fakes.loopback import LoopbackServer, RecordedRequest
from tests.portal_rag.identities import IDENTITIES, as_identity
from tests.portal_rag.world import PUBLIC, QUESTIONS, listening, make_settings

AUTHORIZE = "/api/permission/authorize"
BY_REFS = "/api/catalog/entities/by-refs"
USERS = 100
NIGHTLY = "How do I start the nightly job?"
HOW_TO = "How do I drain the public broker?"
VAULT = "component:default/vault"
CANARY = re.compile(r"canary\D{0,3}(\d{3})")
FAILED = {"unavailable", "timeout", "forbidden", "rate_limited"}
Answer = Mapping[str, Any]


def service_of(number: int) -> dict[str, Any]:
    return make_json(
        f"component:default/service-{number:03}",
        description=f"Runs canary {number:03}",
        relations={"ownedBy": [f"group:default/team-{number:03}"]},
    )


SHOP = make_json("component:default/shop", labels=PUBLIC)
HIDDEN_VAULT = make_json(VAULT, title="Vault", description="Keeps canary 777")
OPEN_VAULT = make_json(VAULT, title="Vault", description="Keeps canary 777", labels=PUBLIC)
ENTITIES = (
    SHOP,
    HIDDEN_VAULT,
    *map(service_of, range(USERS)),
)
CHUNKS = (
    make_chunk("The public broker is drained with brokerctl."),
    make_chunk("Open the strongroom with the key of canary 777.", entity=VAULT, page=""),
    *(
        make_chunk(
            f"Start the nightly job from the console of canary {number:03}.",
            entity=f"component:default/service-{number:03}",
        )
        for number in range(USERS)
    ),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_governed, directory)
    return directory


async def publish_governed(directory: Path) -> None:
    """Publish what was known of the entities when the vault was still open to all."""
    await publish_index(directory, CHUNKS)
    writer = open_edge_writer(
        directory, fingerprint=EMBEDDER.fingerprint, dimensions=EMBEDDER.dimensions
    )
    known = {
        EntityRef.parse(ref_of(entity)): hashed(predicates_of(stitched(entity)), salt="")
        for entity in (*ENTITIES, OPEN_VAULT)
    }
    try:
        await writer.govern(known, run=RUN)
        await writer.publish(make_manifest(len(CHUNKS)), entities=())
    finally:
        await writer.close()


@pytest.fixture(scope="module")
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


@pytest.fixture(autouse=True)
def unspoilt(portal: FakeBackstage) -> Iterator[None]:
    portal.requests.clear()
    bearing.cache_clear()
    yield
    portal.mend()
    portal.permissions.enabled = True
    portal.put(HIDDEN_VAULT)


@pytest.fixture(scope="module", params=IDENTITIES)
def identity(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def running(index: Path, portal: FakeBackstage, identity: str, **environ: str) -> Iterator[str]:
    settings = make_settings(index, **as_identity(identity, portal, **environ))
    with listening(create_app(lambda: open_services(settings, load=lambda _: EMBEDDER))) as url:
        yield url


@pytest.fixture(scope="module")
def url(index: Path, portal: FakeBackstage, identity: str) -> Iterator[str]:
    with running(index, portal, identity) as url:
        yield url


@cache
def bearing(portal: FakeBackstage, user: str) -> Mapping[str, str]:
    """Sign a user in, once in each test, so that what is kept for a sign-in is used."""
    ref = f"user:default/{user}"
    team = "platform-admins" if user == "carol" else f"team-{user.removeprefix('u')}"
    token = portal.user_token(ref, ownership=(ref, f"group:default/{team}"))
    return {"authorization": f"Bearer {token}"}


def post(url: str, portal: FakeBackstage, user: str, question: str) -> httpx.Response:
    headers, body = bearing(portal, user), {"question": question}
    with httpx.Client(verify=TLS, timeout=60, trust_env=False) as client:
        return client.post(url + QUESTIONS, json=body, headers=headers)


def ask(url: str, portal: FakeBackstage, user: str, question: str) -> Answer:
    response = post(url, portal, user, question)
    assert response.status_code == 200, response.text
    answer: Answer = response.json()
    return answer


def canaries(answer: Answer) -> set[str]:
    return set(CANARY.findall(json.dumps(answer)))


def states(answer: Answer) -> Mapping[str, str]:
    return {one["source"]: one["state"] for one in answer["consulted"]}


def asked_at_once() -> Iterator[tuple[int, str, set[str]]]:
    """Tell who asks what, and the canaries that the answer must hold."""
    for number in range(USERS):
        yield number, NIGHTLY, {f"{number:03}"}
        if number % 4 == 0:
            yield number, f"What is component:default/service-{USERS - number - 1:03}?", set()
            yield number, f"What is component:default/service-{number:03}?", {f"{number:03}"}


async def test_a_hundred_users_at_once_are_told_their_own_and_nothing_else(
    url: str, portal: FakeBackstage, identity: str
) -> None:
    wrong: list[str] = []
    async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=120, trust_env=False) as client:

        async def one(number: int, question: str, expected: set[str]) -> None:
            headers = bearing(portal, f"u{number:03}")
            answer = await client.post(QUESTIONS, json={"question": question}, headers=headers)
            if answer.status_code != 200 or canaries(answer.json()) != expected:
                wrong.append(f"u{number:03} {question}: {answer.status_code} {answer.text}")

        asked = [one(*each) for each in asked_at_once()]
        await asyncio.gather(*asked)
    print(
        f"{identity}: {len(asked)} questions of {USERS} users at once, {len(wrong)} wrong answers"
    )
    assert wrong == []
    assert len(asked) == 150


async def test_one_user_asking_beside_another_changes_nothing_for_either(
    url: str, portal: FakeBackstage
) -> None:
    """Let the answers of two overlap: one waits in the gate while the other is answered."""
    first, second = (bearing(portal, user) for user in ("u001", "u002"))
    async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=60, trust_env=False) as client:
        for headers in (first, second):  # what is cached is cached
            await client.post(QUESTIONS, json={"question": NIGHTLY}, headers=headers)
        hold = portal.hold(AUTHORIZE)
        waiting = [
            asyncio.ensure_future(
                client.post(QUESTIONS, json={"question": NIGHTLY}, headers=headers)
            )
            for headers in (first, second, first, second)
        ]
        await asyncio.to_thread(hold.reached.wait, 30)
        hold.release()
        answers = [canaries((await each).json()) for each in waiting]
    assert answers == [{"001"}, {"002"}, {"001"}, {"002"}]


def is_gate(request: RecordedRequest) -> bool:
    """Tell the gate from what is asked before the index is searched."""
    return request.path == AUTHORIZE and b"resourceRef" in request.body


def is_last_look(request: RecordedRequest) -> bool:
    """Tell the catalog read of the gate: only what makes a reference is asked for."""
    return request.path == BY_REFS and b'"metadata.name"]' in request.body


@pytest.mark.parametrize(
    ("user", "moment"), [("u001", is_gate), ("u001", is_last_look), ("carol", is_last_look)]
)
def test_what_is_restricted_between_retrieval_and_the_gate_is_told_no_more(
    url: str, portal: FakeBackstage, moment: Callable[[RecordedRequest], bool], user: str
) -> None:
    question = "How do I open the strongroom?"
    portal.put(OPEN_VAULT)
    ask(url, portal, user, question)
    came: list[str] = []

    def restrict(request: RecordedRequest) -> None:
        if moment(request) and not came:
            came.append(request.path)
            portal.put(HIDDEN_VAULT)
            if user == "carol":  # who may read everything that there is
                portal.remove(VAULT)

    assert "777" in canaries(ask(url, portal, user, question))
    portal.before(restrict)
    told = ask(url, portal, user, question)
    assert came
    assert "777" not in canaries(told)
    assert "vault" not in json.dumps(told).lower()
    assert "777" not in canaries(ask(url, portal, user, question))


def test_what_is_restricted_after_it_was_listed_is_not_offered_as_a_near_name(
    url: str, portal: FakeBackstage
) -> None:
    portal.put(OPEN_VAULT)
    assert VAULT in json.dumps(ask(url, portal, "u003", "Who owns vault-thing?"))
    portal.put(HIDDEN_VAULT)
    told = ask(url, portal, "u003", "Who owns vault-thing?")
    assert VAULT not in json.dumps(told)
    assert "Vault" not in json.dumps(told)


def item(result: object, id_: object = "1") -> dict[str, object]:
    return {"id": id_, "result": result}


def items(*each: object) -> bytes:
    return json.dumps({"items": each}).encode()


GARBAGE: Mapping[str, Mapping[str, Any]] = {
    "500": {"status": 500},
    "502 with HTML": {"status": 502, "body": b"<html>bad gateway</html>"},
    "503 for a minute": {"status": 503, "headers": {"retry-after": "60"}},
    "429": {"status": 429, "headers": {"retry-after": "60"}},
    "413": {"status": 413},
    "404": {"status": 404},
    "403": {"status": 403},
    "400": {"status": 400},
    "204": {"status": 204},
    "201": {"status": 201, "body": items(item("ALLOW"))},
    "no body": {"body": b""},
    "HTML": {"body": b"<html>ALLOW</html>"},
    "text": {"body": b"ALLOW"},
    "null": {"body": b"null"},
    "true": {"body": b"true"},
    "a list": {"body": b'["ALLOW"]'},
    "no items": {"body": b"{}"},
    "empty items": {"body": items()},
    "items of text": {"body": b'{"items": "ALLOW"}'},
    "an item of text": {"body": items("ALLOW")},
    "too many items": {"body": items(item("ALLOW"), item("ALLOW", "2"))},
    "the same item twice": {"body": items(item("ALLOW"), item("ALLOW"))},
    "another id": {"body": items(item("ALLOW", "2"))},
    "an id that is a number": {"body": items(item("ALLOW", 1))},
    "no id": {"body": items({"result": "ALLOW"})},
    "no result": {"body": items({"id": "1"})},
    "MAYBE": {"body": items(item("MAYBE"))},
    "allow": {"body": items(item("allow"))},
    "a true result": {"body": items(item(True))},
    "CONDITIONAL": {"body": items({**item("CONDITIONAL"), "conditions": {"anyOf": []}})},
    "too few verdicts": {"body": items(item(["ALLOW"]))},
    "no verdicts": {"body": items(item([]))},
    "too many verdicts": {"body": items(item(["ALLOW"] * 1000))},
    "verdicts in a list of lists": {"body": items(item([["ALLOW"] * 1000]))},
    "NaN": {"body": b'{"items": [{"id": "1", "result": NaN}]}'},
    "a body cut off": {"body": items(item("ALLOW"))[:-3]},
    "nested without end": {"body": b"[" * 100_000},
    "not UTF-8": {"body": b'{"items": [{"id": "1", "result": "\xff\xfe"}]}'},
    "compressed, it says": {
        "body": items(item("ALLOW")),
        "headers": {"content-encoding": "gzip"},
    },
}


def is_closed(answer: Answer, url: str) -> bool:
    """Say whether it tells nothing of documents, and says that they could not be asked for."""
    warned = [one["message"] for one in answer["warnings"]]
    return (
        states(answer)["index"] in FAILED
        and answer["sources"] == []
        and answer["status"] == "insufficient_evidence"
        and "brokerctl" not in json.dumps(answer)
        and any("could not be asked" in message for message in warned)
    )


def test_a_gate_that_answers_garbage_opens_nothing_and_is_named(
    url: str, portal: FakeBackstage, identity: str
) -> None:
    assert "brokerctl" in json.dumps(ask(url, portal, "carol", HOW_TO))
    opened = []
    for name, garbage in GARBAGE.items():
        portal.answer(AUTHORIZE, **garbage)
        for user in ("carol", "u004"):
            response = post(url, portal, user, HOW_TO)
            if response.status_code != 200 or not is_closed(response.json(), url):
                opened.append(f"{name}: {response.status_code} {response.text}")
        portal.mend()
    print(f"{identity}: {2 * len(GARBAGE)} broken gates, {len(opened)} opened")
    assert opened == []


@pytest.mark.parametrize("question", [HOW_TO, "Who owns shop?", "Who owns vaullt?"])
def test_a_catalog_that_fails_in_any_way_is_named_and_nothing_is_told(
    url: str, portal: FakeBackstage, question: str
) -> None:
    for status in (301, 400, 403, 404, 413, 429, 500):
        portal.answer("/api/catalog", status=status, headers={"retry-after": "60"})
        answer = ask(url, portal, "u004", question)
        assert set(states(answer).values()) <= FAILED
        assert (answer["status"], answer["sources"]) == ("insufficient_evidence", [])
        assert "could not be asked" in answer["answer"]
        portal.mend()


def test_a_portal_that_refuses_the_sign_in_itself_ends_the_question(
    url: str, portal: FakeBackstage
) -> None:
    portal.answer(AUTHORIZE, status=401)
    response = post(url, portal, "carol", HOW_TO)
    assert response.status_code == 401
    assert "brokerctl" not in response.text


def test_a_gate_that_is_cut_off_or_never_ends_opens_nothing(
    url: str, portal: FakeBackstage
) -> None:
    portal.drop(AUTHORIZE)
    assert is_closed(ask(url, portal, "carol", HOW_TO), url)
    portal.mend()
    endless = portal.answer_at_length(AUTHORIZE, size=200_000_000)
    assert is_closed(ask(url, portal, "carol", HOW_TO), url)
    assert 0 < endless.sent < 200_000_000


def test_a_gate_that_sends_us_to_another_host_is_not_followed(
    url: str, portal: FakeBackstage
) -> None:
    came: list[str] = []

    async def elsewhere(scope: Any, _receive: Any, _send: Any) -> None:
        came.append(scope["path"])

    other = LoopbackServer(elsewhere)
    other.start()
    try:
        for status in (301, 302, 303, 307, 308):
            location = {"location": f"{other.url}{AUTHORIZE}"}
            portal.answer(AUTHORIZE, status=status, headers=location)
            assert is_closed(ask(url, portal, "carol", HOW_TO), url)
            portal.mend()
    finally:
        other.stop()
    assert came == []


@pytest.mark.parametrize("status", [200, 403, 500])
def test_a_gate_that_fails_offers_no_near_names(
    url: str, portal: FakeBackstage, status: int
) -> None:
    portal.put(OPEN_VAULT)
    portal.answer(AUTHORIZE, status=status, body=b"{}")
    told = ask(url, portal, "u005", "Who owns vault-thing?")
    assert VAULT not in json.dumps(told)
    assert set(states(told).values()) <= FAILED
    assert told["consulted"]


def test_a_gate_that_is_too_slow_opens_nothing(
    index: Path, portal: FakeBackstage, identity: str
) -> None:
    deadline = {"PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "1"}
    with running(index, portal, identity, **deadline) as url:
        hold = portal.hold(AUTHORIZE)
        answer = ask(url, portal, "carol", HOW_TO)
        hold.release()
    assert is_closed(answer, url)
    assert states(answer)["index"] == "timeout"


def test_a_portal_that_is_gone_is_said_and_nothing_is_told(index: Path, identity: str) -> None:
    with ExitStack() as stack:
        gone = FakeBackstage(entities=ENTITIES[:2])
        with gone:
            url = stack.enter_context(running(index, gone, identity))
            headers = bearing(gone, "carol")
            with httpx.Client(base_url=url, verify=TLS, timeout=60, trust_env=False) as client:
                before = client.post(QUESTIONS, json={"question": HOW_TO}, headers=headers)
        assert "brokerctl" in before.text
        with httpx.Client(base_url=url, verify=TLS, timeout=60, trust_env=False) as client:
            after = client.post(QUESTIONS, json={"question": HOW_TO}, headers=headers)
    assert after.status_code == 200
    assert "brokerctl" not in after.text
    assert states(after.json())["index"] in FAILED
    assert "could not be asked" in after.text


class Nothing(OwnerOrPublic):
    """A policy that still runs where permissions are off, and would refuse everything."""

    def __call__(self, *_: object) -> bool:
        return False

    def conditions(self, _ownership: Sequence[str]) -> dict[str, Any]:
        return {"anyOf": []}


@pytest.mark.parametrize("says", ["false", "true"])
def test_where_permissions_are_off_the_setting_decides_whether_the_policy_is_asked(
    index: Path, identity: str, says: str
) -> None:
    with FakeBackstage(entities=ENTITIES[:2], policy=Nothing()) as off:
        off.permissions.enabled = False
        environ = {"PORTAL_RAG_PERMISSION_ENABLED": says}
        with running(index, off, identity, **environ) as url:
            answer = ask(url, off, "u006", HOW_TO)
        assert ("brokerctl" in json.dumps(answer)) is (says == "false")
        assert bool(off.asked("/api/permission")) is (says == "true")


KEPT = b"connection: keep-alive"
JSON_BODY = json.dumps({"question": NIGHTLY}).encode()


def raw(portal: FakeBackstage, *lines: bytes, user: str | None = None, body: bytes = b"") -> bytes:
    """Write a request by hand."""
    head = [
        b"POST " + QUESTIONS.encode() + b" HTTP/1.1",
        b"host: x",
        b"content-type: application/json",
    ]
    if not any(line.lower().startswith(b"connection:") for line in lines):
        head.append(b"connection: close")
    if user:
        head.append(b"authorization: " + bearing(portal, user)["authorization"].encode())
    return b"\r\n".join([*head, *lines, b"", body])


def length(body: bytes) -> bytes:
    return b"content-length: " + str(len(body)).encode()


def exchange(url: str, sent: bytes) -> str:
    """Send bytes as they are, and read until the service closes or falls silent."""
    parts = urlsplit(url)
    received = bytearray()
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), 5) as connection:
        try:
            connection.sendall(sent)
            while part := connection.recv(65_536):
                received += part
        except (ConnectionError, TimeoutError):
            pass
    return received.decode("utf-8", "replace")


def statuses(answer: str) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1\.1 (\d{3})", answer, re.MULTILINE)]


def of_token(portal: FakeBackstage, user: str) -> bytes:
    return bearing(portal, user)["authorization"].removeprefix("Bearer ").encode()


Forged = Callable[[FakeBackstage], bytes]
ANONYMOUS: Mapping[str, Forged] = {
    "a line break in the token": lambda p: raw(
        p, b"authorization: Bearer x\r\n y" + of_token(p, "u001"), length(JSON_BODY), body=JSON_BODY
    ),
    "a bare carriage return": lambda p: raw(
        p, b"x: y\rauthorization: Bearer " + of_token(p, "u001"), length(JSON_BODY), body=JSON_BODY
    ),
    "a space before the colon": lambda p: raw(
        p, b"authorization : Bearer " + of_token(p, "u001"), length(JSON_BODY), body=JSON_BODY
    ),
    "two headers of one user": lambda p: raw(
        p,
        b"authorization: Bearer " + of_token(p, "u001"),
        length(JSON_BODY),
        user="u001",
        body=JSON_BODY,
    ),
    "two headers of two users": lambda p: raw(
        p,
        b"authorization: Bearer " + of_token(p, "u002"),
        length(JSON_BODY),
        user="u001",
        body=JSON_BODY,
    ),
    "two headers, the first empty": lambda p: raw(
        p,
        b"authorization:",
        b"authorization: Bearer " + of_token(p, "u002"),
        length(JSON_BODY),
        body=JSON_BODY,
    ),
    "a cookie only": lambda p: raw(
        p, b"cookie: backstage-auth=" + of_token(p, "u001"), length(JSON_BODY), body=JSON_BODY
    ),
    "a token of 40 kB": lambda p: raw(
        p, b"authorization: Bearer " + b"x" * 40_000, length(JSON_BODY), body=JSON_BODY
    ),
    "a header of a megabyte": lambda p: raw(
        p, b"x-long: " + b"x" * 1_000_000, length(JSON_BODY), body=JSON_BODY
    ),
    "ten thousand headers": lambda p: raw(
        p, *[b"x-%d: y" % number for number in range(10_000)], length(JSON_BODY), body=JSON_BODY
    ),
    "a zero byte": lambda p: raw(
        p,
        b"authorization: Bearer " + of_token(p, "u001") + b"\0",
        length(JSON_BODY),
        body=JSON_BODY,
    ),
    "a trailer": lambda p: raw(
        p,
        b"transfer-encoding: chunked",
        body=b"%x\r\n%s\r\n0\r\nauthorization: Bearer %s\r\n\r\n"
        % (len(JSON_BODY), JSON_BODY, of_token(p, "u001")),
    ),
}


def test_no_trick_with_headers_makes_anybody_a_user(
    url: str, portal: FakeBackstage, identity: str
) -> None:
    accepted = {}
    for name, forged in ANONYMOUS.items():
        answer = exchange(url, forged(portal))
        if CANARY.search(answer) or not set(statuses(answer)) <= {400, 401, 403, 413, 431}:
            accepted[name] = answer
    print(f"{identity}: {len(ANONYMOUS)} requests by hand, {len(accepted)} accepted")
    assert accepted == {}
    assert not [each for each in portal.requests if each.token]


def test_a_line_break_in_what_is_asked_reaches_no_header_and_no_path(
    url: str, portal: FakeBackstage
) -> None:
    injected = "vault\r\nx-user: carol\r\nauthorization: Bearer x"
    with httpx.Client(verify=TLS, timeout=60, trust_env=False) as client:
        answer = client.post(
            url + QUESTIONS,
            json={"question": f"Who owns {injected}?", "entityRef": "component:default/shop"},
            headers={**bearing(portal, "u001"), "x-request-id": "a%0d%0ab"},
        )
    assert answer.status_code == 200
    assert canaries(answer.json()) == set()
    assert "x-user" not in answer.headers
    for each in portal.requests:
        assert "x-user" not in each.headers
        assert "\r" not in each.path


SMUGGLED: Mapping[str, tuple[bytes, ...]] = {
    "both lengths": (b"transfer-encoding: chunked", b"content-length: 5"),
    "both, the other way round": (b"content-length: 5", b"transfer-encoding: chunked"),
    "two lengths": (b"content-length: 5", b"content-length: 0"),
    "an encoding that is none": (b"transfer-encoding: xchunked", b"content-length: 5"),
    "an encoding with a space": (b"transfer-encoding : chunked", b"content-length: 5"),
    "a length with a sign": (b"content-length: +5",),
    "a length in hex": (b"content-length: 0x5",),
}


def test_a_request_inside_another_is_nobodys(
    url: str, portal: FakeBackstage, identity: str
) -> None:
    """Hide one without a token in the body of a user's: it must not get that user's rights."""
    hidden = raw(portal, length(JSON_BODY), body=JSON_BODY)
    told = {}
    for name, lines in SMUGGLED.items():
        answer = exchange(url, raw(portal, KEPT, *lines, user="u001", body=b"0\r\n\r\n" + hidden))
        if CANARY.search(answer) or 200 in statuses(answer) or 500 in statuses(answer):
            told[name] = answer
    print(f"{identity}: {len(SMUGGLED)} hidden requests, {len(told)} answered")
    assert told == {}


def test_users_on_one_connection_are_told_their_own_in_turn(
    url: str, portal: FakeBackstage
) -> None:
    order = ("u010", "u011", None, "u010", "carol", None, "u012")
    sent = b"".join(
        raw(portal, KEPT, length(JSON_BODY), user=user, body=JSON_BODY) for user in order
    )
    last = raw(portal, length(JSON_BODY), body=JSON_BODY)
    answers = re.split(r"(?=HTTP/1\.1 \d{3})", exchange(url, sent + last))[1:]
    assert [statuses(each)[0] for each in answers] == [200, 200, 401, 200, 200, 401, 200, 401]
    seen = [set(CANARY.findall(each)) for each in answers]
    assert (seen[0], seen[1], seen[3], seen[6]) == ({"010"}, {"011"}, {"010"}, {"012"})
    assert (seen[2], seen[5], seen[7]) == (set(), set(), set())
