"""A kind of document that needs a permission of its own, in the whole service."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from tests.factories import make_chunk
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import publish_index
from tests.portal_rag.identities import IDENTITIES, as_identity
from tests.portal_rag.world import ENTITIES, ask, make_settings, serving

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
        chairs = "Who sells garden chairs to everybody?"
        assert "garden chairs" in ask(client, portal, "guest", chairs)["answer"]
        bicycle = "What is delivered by bicycle on Mondays?"
        assert "by bicycle" in ask(client, portal, "guest", bicycle)["answer"]


def test_the_catalogs_permission_is_needed_whatever_else_is_set(
    portal: FakeBackstage, index: Path, identity: str
) -> None:
    portal.permissions.policies[DOCS] = lambda *_: True
    with served(index, portal, identity, **SET) as client:
        for user, may_read in (("guest", False), ("alice", True)):
            answer = ask(client, portal, user, "Is the broker of the basket drained?")
            assert ("basket" in json.dumps(answer["sources"])) is may_read


def test_docs_that_are_not_permitted_are_as_if_they_were_not_there(
    portal: FakeBackstage, index: Path, tmp_path: Path, identity: str
) -> None:
    anyio.run(publish_index, tmp_path, (DESCRIBED, HANDBOOK))
    questions = (HOW_TO, "Where is the runbook for shop?", "What is drained?", "bicycle broker")
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
        if each.path == AUTHORIZE and "resourceRef" in (items := json.loads(each.body)["items"])[0]
    ]
    asked = {item["permission"]["name"]: item["resourceRef"] for item in gate}
    sites = ["component:default/basket", "component:default/shop"]
    assert asked == {"catalog.entity.read": sites, DOCS: sites}
    assert {item["permission"]["resourceType"] for item in gate} == {"catalog-entity"}


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
