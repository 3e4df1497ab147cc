"""The main job on a real Backstage: index it, ask as its users, and leak nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evals.backstage import Portal
from portal_rag.app import create_app
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-portal"
QUESTIONS = "/api/portal-rag/v1/questions"
CANARY = "canary-phrase-magenta-otter"
USERS = ("guest", "alice", "bob", "carol", "dave")
ABOUT_THE_CANARY = (
    "Above which score is an order refused?",
    "What is the canary phrase?",
    f"What does {CANARY} mean?",
    "Which fraud score threshold is confidential?",
    "How does FraudScorer work?",
    "Where is the runbook for FraudScorer?",
)
EVERYDAY = (
    "Who owns notification-service?",
    "Where is the Terraform for the staging RDS?",
    "How do I restart a Kafka broker?",
    "Which components use the payments-api?",
    "What does team-payments own?",
    "What depends on redis-old?",
    "Which services are related to cart-service?",
    "Who owns checkout-service?",
    "What is FraudScorer?",
    "Who owns ghost-service?",
)


def run_index(directory: Path, *words: str, **environ: str) -> dict[str, Any]:
    inherited = {name: value for name, value in os.environ.items() if name[:7] != "PORTAL_"}
    finished = subprocess.run(
        [sys.executable, "-m", "indexer", "run", "--json", *words],
        env=inherited | {"PORTAL_RAG_INDEX_DIR": str(directory)} | environ,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def client_for(environ: Mapping[str, str]) -> Iterator[TestClient]:
    settings = load_service_settings(environ)
    with TestClient(
        create_app(lambda: open_services(settings)), base_url="http://127.0.0.1"
    ) as client:
        yield client


@pytest.fixture(scope="module")
def from_backstage(
    portal: Portal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    directory = tmp_path_factory.mktemp("backstage-index")
    run_index(
        directory,
        "--source",
        "backstage",
        PORTAL_RAG_BACKSTAGE_URL=portal.url,
        PORTAL_INDEX_BACKSTAGE_TOKEN=portal.service_token,
    )
    yield from client_for(
        {
            "PORTAL_RAG_INDEX_DIR": str(directory),
            "PORTAL_RAG_BACKSTAGE_URL": portal.url,
            "PORTAL_RAG_SEARCH": "false",  # files have none
            "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "10",
            "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "20",
            "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "30",
        }
    )


@pytest.fixture(scope="module")
def from_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    directory = tmp_path_factory.mktemp("files-index")
    run_index(directory, "--source", "files", "--path", str(EXAMPLE))
    yield from client_for({"PORTAL_RAG_INDEX_DIR": str(directory), "PORTAL_RAG_AUTH": "none"})


def ask(client: TestClient, question: str, token: str | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = client.post(QUESTIONS, json={"question": question}, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_each_user_is_told_what_that_user_may_read(
    portal: Portal, from_backstage: TestClient
) -> None:
    told = {
        user: ask(from_backstage, "What depends on redis-old?", portal.user_token(user))["answer"]
        for user in USERS
    }
    dependents = {
        user: {name for name in DEPENDENTS_OF_REDIS_OLD if f"`component:default/{name}`" in text}
        for user, text in told.items()
    }
    public = {"legacy-invoicer", "session-service"}
    assert dependents == {
        "guest": public,
        "dave": public,
        "alice": public | {"checkout-service"},
        "bob": public | {"search-indexer"},
        "carol": set(DEPENDENTS_OF_REDIS_OLD),
    }


DEPENDENTS_OF_REDIS_OLD = (
    "legacy-invoicer",
    "session-service",
    "checkout-service",
    "search-indexer",
)


@pytest.mark.parametrize("question", ABOUT_THE_CANARY)
def test_the_canary_is_told_to_those_alone_who_may_read_it(
    portal: Portal, from_backstage: TestClient, question: str
) -> None:
    for user in ("guest", "alice", "bob"):
        answer = json.dumps(ask(from_backstage, question, portal.user_token(user)))
        assert CANARY not in answer.replace(json.dumps(question)[1:-1], "").replace("\\\\-", "-")
        assert "component:default/fraudscorer" not in answer


def test_those_who_may_read_the_canary_are_told(portal: Portal, from_backstage: TestClient) -> None:
    for user in ("carol", "dave"):
        token = portal.user_token(user)
        answers = [ask(from_backstage, question, token) for question in ABOUT_THE_CANARY]
        sources = [source for answer in answers for source in answer["sources"]]
        assert any(CANARY in source["excerpt"] for source in sources)


@pytest.mark.parametrize("question", EVERYDAY)
def test_files_and_backstage_give_the_same_answers(
    portal: Portal, from_backstage: TestClient, from_files: TestClient, question: str
) -> None:
    through_backstage = ask(from_backstage, question, portal.user_token("carol"))
    through_files = ask(from_files, question)
    assert comparable(through_backstage) == comparable(through_files)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what must differ: ids, times, and build times that only TechDocs knows."""
    sources = [
        {key: source[key] for key in ("kind", "title", "entityRef", "url", "excerpt")}
        for source in answer["sources"]
    ]
    return {
        "status": answer["status"],
        "answer": answer["answer"],
        "sources": sources,
        "followUps": answer["followUps"],
    }
