"""`portal-index watch` as a process: hints come in, pages go out, and SIGTERM ends it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from portal_rag.corpus.edge_store import open_edge_writer
from tests.backstage.conftest import TLS
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_events import BUS, EventBus

SHOP, GONE = "component:default/shop", "component:default/gone"
DOCUMENTED = {"backstage.io/techdocs-ref": "dir:."}
TOKEN = "a-token-that-only-hints"
TOPIC = "portal-rag-docs"
ANYWHERE = "127.0.0.1:0"


def site(text: str, etag: str) -> dict[str, str]:
    docs = {"docs": [{"location": "", "title": "Page", "text": ""}]}
    return {
        "techdocs_metadata.json": json.dumps({"site_name": "Shop", "etag": etag}),
        "search/search_index.json": json.dumps(docs),
        "index.html": f"<article><h1>Page</h1><p>{text}</p></article>",
    }


class Watching:
    """A running `watch`, read report by report."""

    def __init__(self, process: "subprocess.Popen[str]", reports: IO[str], errors: IO[str]) -> None:
        self.process = process
        self._reports = reports
        self._errors = errors

    def next_report(self) -> dict[str, Any]:
        """Wait for the end of a run."""
        lines = ""
        for line in self._reports:
            lines += line
            if line == "}\n":
                return dict(json.loads(lines))
        raise AssertionError(f"it ended: {self.process.communicate()[1]}")

    def said(self, start: str) -> str:
        """Wait for a line of standard error; gives what follows its start."""
        for line in self._errors:
            said = line.partition(" ")[2]  # each begins with the time
            if said.startswith(start):
                return said.removeprefix(start).strip()
        raise AssertionError(f"it ended without {start!r}")

    def hints_address(self) -> str:
        return self.said("hints are taken at http://")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; gives the exit code, and what it said on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def watching(environ: Mapping[str, str], *args: str) -> Iterator[Watching]:
    command = ("-m", "tests.indexer.program", "never", "watch", "--source", "backstage", "--json")
    process = subprocess.Popen(
        [sys.executable, *command, "--interval", "3600", *args],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        yield Watching(process, process.stdout, process.stderr)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def portal(bus: EventBus) -> Iterator[FakeBackstage]:
    entities = [make_json(SHOP, annotations=DOCUMENTED), make_json(GONE)]
    with FakeBackstage(
        entities=entities, sites={SHOP: site("It sells.", "1")}, events=bus
    ) as portal:
        yield portal


@pytest.fixture
def environ(portal: FakeBackstage, tmp_path: Path) -> dict[str, str]:
    return {
        "PORTAL_RAG_INDEX_DIR": str(tmp_path / "index"),
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
        "PORTAL_INDEX_BACKSTAGE_TOKEN": portal.service_token,
        "PORTAL_INDEX_HINTS_TOKEN": TOKEN,
        "PORTAL_INDEX_HINTS_PAUSE_SECONDS": "0.05",
    }


def post_hint(address: str, body: object) -> int:
    headers = {"authorization": f"Bearer {TOKEN}"}
    url = f"http://{address}/api/portal-index/v1/hints"
    return httpx.post(
        url, json=body, headers=headers, verify=TLS, trust_env=False, timeout=30
    ).status_code


def publish_event(portal: FakeBackstage, payload: object) -> int:
    headers = {"authorization": f"Bearer {portal.service_token}"}
    body = {"event": {"topic": TOPIC, "payload": payload}}
    url = portal.url + BUS + "/events"
    return httpx.post(
        url, json=body, headers=headers, verify=TLS, trust_env=False, timeout=30
    ).status_code


def counts(report: Mapping[str, Any]) -> tuple[int, int, int]:
    [source] = report["sources"]
    return source["documents"], source["embedded"], source["deleted"]


def test_a_hint_publishes_a_changed_page_at_once(
    portal: FakeBackstage, environ: dict[str, str], tmp_path: Path
) -> None:
    metrics = tmp_path / "metrics.prom"
    with watching(environ, "--hints", ANYWHERE, "--metrics", str(metrics)) as watch:
        address = watch.hints_address()
        assert watch.next_report()["published"]
        measured = metrics.read_text()
        portal.sites[SHOP] = site("It rents.", "2")
        assert post_hint(address, {"entityRef": SHOP}) == 202
        report = watch.next_report()
        assert (report["published"], counts(report)) == (True, (2, 1, 0))
        assert metrics.read_text() == measured
        code, said = watch.stop()
    assert (code, f" hint: {SHOP}\n" in said) == (0, True)
    assert TOKEN not in said


def test_a_general_hint_is_an_ordinary_run(portal: FakeBackstage, environ: dict[str, str]) -> None:
    environ["PORTAL_INDEX_HINTS_ADDRESS"] = ANYWHERE
    with watching(environ) as watch:
        address = watch.hints_address()
        watch.next_report()
        portal.sites[SHOP] = site("It rents.", "2")
        assert post_hint(address, {}) == 202
        assert counts(watch.next_report()) == (1, 1, 0)
        assert watch.stop(signal.SIGINT)[0] == 0


def test_hints_of_what_is_not_there_do_no_harm_and_what_is_gone_leaves(
    portal: FakeBackstage, environ: dict[str, str]
) -> None:
    with watching(environ, "--hints", ANYWHERE) as watch:
        address = watch.hints_address()
        before = watch.next_report()
        assert post_hint(address, {"entityRef": "component:default/never-was"}) == 202
        unknown = watch.next_report()
        assert (unknown["published"], unknown["chunk_count"]) == (False, before["chunk_count"])
        portal.remove(GONE)
        assert post_hint(address, {"entityRef": GONE}) == 202
        gone = watch.next_report()
        assert (gone["published"], counts(gone)) == (True, (0, 0, 1))
        portal.answer("/api/catalog", status=500)
        assert post_hint(address, {"entityRef": SHOP}) == 202
        failed = watch.next_report()
        assert (failed["published"], failed["chunk_count"]) == (False, gone["chunk_count"])
        assert watch.stop()[0] == 0


def test_an_event_publishes_a_changed_page_at_once(
    portal: FakeBackstage, bus: EventBus, environ: dict[str, str]
) -> None:
    environ["PORTAL_INDEX_EVENT_TOPICS"] = TOPIC
    with watching(environ) as watch:
        watch.next_report()
        assert bus.hanging.wait(60)
        portal.sites[SHOP] = site("It rents.", "2")
        assert publish_event(portal, {"entityRef": SHOP}) == 201
        assert counts(watch.next_report()) == (2, 1, 0)
        assert watch.stop()[0] == 0


def test_a_run_that_fails_is_said_and_the_watch_goes_on(environ: dict[str, str]) -> None:
    holder = open_edge_writer(Path(environ["PORTAL_RAG_INDEX_DIR"]), fingerprint="x", dimensions=2)
    with watching(environ, "--hints", ANYWHERE) as watch:
        address = watch.hints_address()
        assert "is writing the index" in watch.said("error: ")
        asyncio.run(holder.close())
        assert post_hint(address, {}) == 202
        assert watch.next_report()["published"]
        assert watch.stop()[0] == 0


def test_a_portal_without_a_bus_is_watched_all_the_same(environ: dict[str, str]) -> None:
    environ["PORTAL_INDEX_EVENT_TOPICS"] = TOPIC
    with FakeBackstage(entities=[make_json(SHOP)]) as old:
        environ["PORTAL_RAG_BACKSTAGE_URL"] = old.url
        environ["PORTAL_INDEX_BACKSTAGE_TOKEN"] = old.service_token
        with watching(environ) as watch:
            assert watch.next_report()["published"]
            code, said = watch.stop()
    assert code == 0
    assert said.count("no event bus") == 1
