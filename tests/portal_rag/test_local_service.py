"""The service and the command line without authentication, over an index built from files."""

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient

from portal_rag.errors import IndexUnavailableError
from tests.fakes.indexes import publish_index
from tests.portal_rag.world import CHUNKS, ENTITIES, QUESTIONS, make_settings, serving

LOCAL = {"PORTAL_RAG_AUTH": "none"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    publish(tmp_path)
    with serving(make_settings(tmp_path, **LOCAL)) as client:
        yield client


def publish(directory: Path, *, built_from_files: bool = True) -> None:
    async def run() -> None:
        await publish_index(directory, CHUNKS, entities=ENTITIES, built_from_files=built_from_files)

    anyio.run(run)


def test_everything_in_the_files_may_be_asked_without_a_token(client: TestClient) -> None:
    answer = client.post(QUESTIONS, json={"question": "Who owns Scorer?"}).json()
    assert "`group:default/team-risk`" in answer["answer"]


def test_a_foreign_host_name_is_refused(client: TestClient) -> None:
    body = {"question": "Who owns shop?"}
    for host in ("portal.example", "127.0.0.1.evil.example", "[::1", ""):
        assert client.post(QUESTIONS, json=body, headers={"host": host}).status_code == 403
    for host in ("localhost:8007", "127.0.0.1", "[::1]:8007"):
        assert client.post(QUESTIONS, json=body, headers={"host": host}).status_code == 200


def test_a_foreign_page_may_not_ask(client: TestClient) -> None:
    body = {"question": "Who owns shop?"}
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        assert client.post(QUESTIONS, json=body, headers={"origin": origin}).status_code == 403
    own = client.post(QUESTIONS, json=body, headers={"origin": "http://127.0.0.1:8007"})
    assert own.status_code == 200


def test_an_index_that_did_not_come_from_files_alone_is_refused(tmp_path: Path) -> None:
    publish(tmp_path, built_from_files=False)
    with pytest.raises(IndexUnavailableError), serving(make_settings(tmp_path, **LOCAL)):
        pass


def test_a_missing_index_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(IndexUnavailableError, match="portal-index run"),
        serving(make_settings(tmp_path / "none", **LOCAL)),
    ):
        pass


def test_an_entity_of_the_files_is_found_by_its_title_too(client: TestClient) -> None:
    answer = client.post(QUESTIONS, json={"question": "What is the basket?"}).json()
    assert "component:default/basket" in json.dumps(answer)
