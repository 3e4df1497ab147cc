"""A kind of document that needs a permission of its own, in the whole service."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from tests.factories import make_chunk, make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import publish_index
from tests.portal_rag.identities import IDENTITIES, as_identity
from tests.portal_rag.recorded import post
from tests.portal_rag.world import ENTITIES, PUBLIC, ask, make_settings, serving

AUTHORIZE = "/api/permission/authorize"
DOCS = "techdocs.entity.read"
SET = {"PORTAL_RAG_DOCUMENT_PERMISSIONS": f"techdocs={DOCS}"}
HOW_TO = "How do I drain the broker, then restart it with brokerctl?"
DESCRIBED = make_chunk(
    "The shop sells garden chairs to everybody.", source="files/catalog", page="", kind="entity"
)
SITE = make_chunk("Drain the broker, then restart it with brokerctl.", kind="runbook")
OTHER_SITE = make_chunk("The broker of the basket is drained.", entity="component:default/basket")
HANDBOOK = make_chunk(
    "Chairs are delivered by bicycle on Mondays.",
    source="markdown/component:default/shop/handbook",
    page="handbook/delivery/",
)
CHUNKS = (DESCRIBED, SITE, OTHER_SITE, HANDBOOK)


@pytest.fixture
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        backstage.permissions.policies[DOCS] = only_members_read_docs
        yield backstage


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_index, directory, CHUNKS)
    return directory


@pytest.fixture(params=IDENTITIES)
def identity(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def only_members_read_docs(_user: str, ownership: Sequence[str], _entity: object) -> bool:
    return "group:default/team-web" in ownership


def served(
    index: Path, portal: FakeBackstage, identity: str, **environ: str
) -> AbstractContextManager[TestClient]:
    return serving(make_settings(index, **as_identity(identity, portal, **environ)))


def told(answer: Mapping[str, Any]) -> object:
    """Leave out what differs between any two answers."""
    sources = [{**source, "fetchedAt": None} for source in answer["sources"]]
    states = [one["state"] for one in answer["consulted"]]
    kept = {name: answer[name] for name in ("status", "answer", "confidence", "followUps")}
    return [kept, sources, states]


def test_docs_need_both_permissions_and_the_rest_only_the_catalogs(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    with served(index, portal, identity, **SET) as client:
        assert "brokerctl" in ask(client, portal, "alice", HOW_TO)["answer"]
        for user in ("guest", "dave"):
            assert "> Drain" not in ask(client, portal, user, HOW_TO)["answer"]
            assert ask(client, portal, user, "Who owns shop?")["status"] == "answered"
        chairs = "What is it that sells garden chairs to everybody?"
        assert "garden chairs" in ask(client, portal, "guest", chairs)["answer"]
        bicycle = "What is delivered by bicycle on Mondays?"
        assert "by bicycle" in ask(client, portal, "guest", bicycle)["answer"]


def test_the_catalogs_permission_is_needed_whatever_else_is_set(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    portal.permissions.policies[DOCS] = lambda *_: True
    with served(index, portal, identity, **SET) as client:
        for user, may_read in (("guest", False), ("alice", True)):
            answer = ask(client, portal, user, "How do I drain the broker of the basket?")
            assert ("basket" in json.dumps(answer["sources"])) is may_read


def test_docs_that_are_not_permitted_are_as_if_they_were_not_there(
    portal: FakeBackstage, index: Path, tmp_path: Path, identity: str
) -> None:
    anyio.run(publish_index, tmp_path, (DESCRIBED, HANDBOOK))
    bicycle = "How do I use the bicycle broker?"
    questions = (HOW_TO, "Where is the runbook for shop?", "What is drained?", bicycle)
    with (
        served(index, portal, identity, **SET) as full,
        served(tmp_path, portal, identity, **SET) as bare,
    ):
        for question in questions:
            hidden = ask(full, portal, "guest", question)
            assert told(hidden) == told(ask(bare, portal, "guest", question))


def test_the_gate_asks_for_both_permissions_at_once(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    with served(index, portal, identity, **SET) as client:
        assert ask(client, portal, "alice", HOW_TO)["status"] == "answered"
    (gate,) = [
        items
        for each in portal.requests
        if each.path == AUTHORIZE and len(items := json.loads(each.body)["items"]) > 1
    ]
    asked = {item["permission"]["name"]: item["resourceRef"] for item in gate}
    sites = ["component:default/basket", "component:default/shop"]
    assert asked == {"catalog.entity.read": sites, DOCS: sites}
    assert {item["permission"]["resourceType"] for item in gate} == {"catalog-entity"}


def test_docs_that_were_permitted_a_moment_ago_do_not_pass_the_gate(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    token, question = portal.user_token("user:default/alice"), {"question": HOW_TO}
    with served(index, portal, identity, **SET) as client:
        assert "> Drain" in post(client, token, question).json()["answer"]
        portal.permissions.policies[DOCS] = lambda *_: False
        assert "> Drain" not in post(client, token, question).json()["answer"]


def test_one_refusal_for_all_docs_is_for_all_of_them(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    portal.permissions.denied.add(DOCS)
    with served(index, portal, identity, **SET) as client:
        assert "> Drain" not in ask(client, portal, "alice", HOW_TO)["answer"]


def test_without_the_setting_nothing_else_is_asked_for(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    with served(index, portal, identity) as client:
        assert "brokerctl" in ask(client, portal, "guest", HOW_TO)["answer"]
    assert not [each for each in portal.requests if DOCS.encode() in each.body]


def test_where_permissions_are_off_no_permission_is_asked_for(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    off = {"PORTAL_RAG_PERMISSION_ENABLED": "false", **SET}
    with served(index, portal, identity, **off) as client:
        assert "brokerctl" in ask(client, portal, "guest", HOW_TO)["answer"]
    assert portal.asked("/api/permission") == 0


def test_not_even_how_rare_a_word_is_tells_of_docs_that_are_not_permitted(
    portal: FakeBackstage, tmp_path: Path, identity: str
) -> None:
    """The hidden pages hold one of the words, but too deep for the gate to ever see them."""
    visible = [
        make_chunk(
            " ".join([word, *(f"{word[0]}{n}x{m}" for m in range(n * 3))]), page=f"{word}{n}/"
        )
        for word, pages in (("falcon", 32), ("harvest", 30))
        for n in range(pages)
    ]
    secret = [f"component:default/secret-{n}" for n in range(40)]
    padding = " ".join(f"lorem{n}" for n in range(400))
    hidden = [make_chunk(f"{padding} harvest", entity=ref) for ref in secret]
    for ref in secret:
        portal.put(make_json(ref, labels=PUBLIC))
    portal.permissions.policies[DOCS] = only_the_shop
    anyio.run(publish_index, tmp_path / "full", (*visible, *hidden))
    anyio.run(publish_index, tmp_path / "bare", visible)
    with (
        served(tmp_path / "full", portal, identity, **SET) as full,
        served(tmp_path / "bare", portal, identity, **SET) as bare,
    ):
        question = "How do I falcon harvest?"
        answers = [ask(client, portal, "guest", question) for client in (full, bare)]
    assert told(answers[0]) == told(answers[1])
    assert "harvest" in answers[0]["sources"][0]["title"]


def only_the_shop(_user: str, _ownership: object, entity: Mapping[str, Any]) -> bool:
    return bool(entity["metadata"]["name"] == "shop")


def test_which_docs_may_be_found_is_asked_once_in_a_while_for_each_user(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    with served(index, portal, identity, **SET) as client:
        alice, guest = [portal.user_token(f"user:default/{user}") for user in ("alice", "guest")]
        for times, token in ((1, alice), (1, alice), (2, guest), (2, alice)):
            assert post(client, token, {"question": HOW_TO}).status_code == 200
            assert len([each for each in portal.requests if asks_only_for_docs(each.body)]) == times


def asks_only_for_docs(body: bytes) -> bool:
    items = json.loads(body).get("items", []) if b"resourceRef" in body else []
    return [item["permission"]["name"] for item in items] == [DOCS]
