"""What breaks outside of the indexer: each fault, and exactly what the index is afterwards."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from indexer.cli import main
from indexer.running import Surroundings
from indexer.settings import load_indexer_settings
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.visibility import GateDecides
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.embedding import HashingEmbedder

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
SHOP = "component:default/shop"
DOCUMENTED = {"backstage.io/techdocs-ref": "dir:."}
STATIC = "/api/techdocs/static/docs/default/component/shop/"
CATALOG = "/api/catalog/"
EMBEDDER = HashingEmbedder()

Index = set[tuple[str, str]]


def page(text: str) -> str:
    return f"<article><h1>Page</h1><p>{text}</p></article>"


def site(pages: dict[str, str], etag: str) -> dict[str, str]:
    docs = [{"location": location, "title": "Page", "text": ""} for location in pages]
    return {
        "techdocs_metadata.json": json.dumps({"site_name": "Shop", "etag": etag}),
        "search/search_index.json": json.dumps({"docs": docs}),
        **{f"{location}index.html": page(text) for location, text in pages.items()},
    }


class World:
    """A portal, an index of it, and runs over it."""

    def __init__(self, portal: FakeBackstage, directory: Path) -> None:
        self.portal = portal
        self.directory = directory
        self.now = NOW

    def environ(self, **given: str) -> dict[str, str]:
        return {
            "PORTAL_RAG_INDEX_DIR": str(self.directory),
            "PORTAL_RAG_BACKSTAGE_URL": self.portal.url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": self.portal.service_token,
            **given,
        }

    def run(self, *args: str, **environ: str) -> tuple[int, dict[str, Any]]:
        """Run in this process; gives the exit code, and the report of the source."""
        surroundings = Surroundings(
            load_settings=lambda: load_indexer_settings(self.environ(**environ)),
            load_embedder=lambda _model: EMBEDDER,
            clock=lambda: self.now,
        )
        command = ("run", "--source", "backstage", "--json", *args)
        result = CliRunner().invoke(main, command, obj=surroundings)
        if not result.stdout:
            return result.exit_code, {"error": result.stderr}
        return result.exit_code, json.loads(result.stdout)["sources"][0]

    def start(self, moment: str = "never", command: str = "run") -> "subprocess.Popen[str]":
        args = (sys.executable, "-m", "tests.indexer.program", moment)
        return subprocess.Popen(
            [*args, command, "--source", "backstage"],
            env={**os.environ, **self.environ()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def index(self) -> Index:
        """Read all that is published: document paths and texts."""
        return asyncio.run(self._read())

    async def _read(self) -> Index:
        reader = EdgeReader(self.directory, EMBEDDER.fingerprint)
        try:
            vector = EMBEDDER.embed_query("anything")
            hits = await reader.search(vector, visible_to=GateDecides(), limit=1_000)
            chunks = [hit.stored.chunk for hit in hits]
            assert (await reader.manifest()).chunk_count == len(chunks)
            return {(chunk.document_path, chunk.text) for chunk in chunks}
        finally:
            await reader.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Index one documented component and a group."""
    entities = [
        make_json(SHOP, annotations=DOCUMENTED),
        make_json("group:default/team", spec={"type": "team"}),
    ]
    sites = {SHOP: site({"": "It sells.", "ops/": "Drain the broker."}, "1")}
    with FakeBackstage(entities=entities, sites=sites) as portal:
        world = World(portal, tmp_path / "index")
        assert world.run()[0] == 0
        yield world


def change_texts(world: World) -> None:
    """Publish other docs: a changed page and a new one; nobody loses a permission."""
    pages = {"": "It sells.", "ops/": "Drain the queue.", "new/": "A new page."}
    world.portal.sites[SHOP] = site(pages, "2")


def paths(index: Index) -> set[str]:
    return {path for path, _ in index}


# Processes that are killed.


@pytest.mark.parametrize(
    ("moment", "is_published"),
    [
        ("embed:1", False),
        ("rename:1", False),  # the finished generation is not in its place
        ("rename:2", False),  # it is, but the pointer is not replaced
        ("rename:3", True),  # the record of the run is not written
    ],
)
def test_a_killed_run_leaves_the_index_before_or_after_it(
    world: World, moment: str, is_published: bool
) -> None:
    before = world.index()
    change_texts(world)
    process = world.start(moment)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    killed = world.index()
    assert world.run()[0] == 0
    after = world.index()
    assert paths(after) == paths(before) | {f"{SHOP}/new/"}
    assert killed == (after if is_published else before)
    assert not (world.directory / "generations" / ".unpublished").exists()


def test_a_run_that_is_killed_after_narrowing_has_narrowed(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.remove("group:default/team")
    process = world.start("embed:1")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert world.index() == {each for each in before if not each[0].startswith("group:")}
    assert world.run()[0] == 0
    assert paths(world.index()) == {f"{SHOP}{end}" for end in ("#entity", "/", "/ops/", "/new/")}


@pytest.mark.parametrize("prefix", ["/api/catalog/entities/by-query", STATIC])
def test_a_run_that_is_killed_while_it_reads_changes_nothing(world: World, prefix: str) -> None:
    before = world.index()
    change_texts(world)
    hold = world.portal.hold(prefix)
    process = world.start()
    assert hold.reached.wait(60)
    process.kill()
    process.communicate(timeout=60)
    world.portal.mend()
    assert world.index() == before
    assert world.run()[0] == 0
    assert paths(world.index()) == paths(before) | {f"{SHOP}/new/"}


def test_a_second_run_at_once_ends_with_a_message(world: World) -> None:
    before = world.index()
    hold = world.portal.hold(CATALOG)
    first = world.start()
    assert hold.reached.wait(60)
    code, second = world.run()
    assert (code, str(first.pid) in second["error"]) == (1, True)
    world.portal.mend()
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert world.index() == before


def test_watching_ends_cleanly_in_the_middle_of_a_run(world: World) -> None:
    before = world.index()
    change_texts(world)
    hold = world.portal.hold(STATIC)
    process = world.start(command="watch")
    assert hold.reached.wait(60)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    world.portal.mend()
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert world.index() == before
    assert not (world.directory / "generations" / ".unpublished").exists()


# Sources that fail.


def test_a_source_that_is_down_from_the_start_keeps_everything(world: World) -> None:
    before = world.index()
    code, source = world.run(PORTAL_RAG_BACKSTAGE_URL="http://127.0.0.1:9")
    assert (code, source["state"], source["deleted"]) == (3, "failed", 0)
    assert world.index() == before


@pytest.mark.parametrize(
    ("status", "headers"),
    [(500, {}), (429, {"retry-after": "60"}), (302, {"location": CATALOG + "entities/by-query"})],
)
def test_a_catalog_that_refuses_fails_the_source(
    world: World, status: int, headers: dict[str, str]
) -> None:
    before = world.index()
    world.portal.answer(CATALOG, status=status, headers=headers)
    code, source = world.run()
    assert (code, source["state"]) == (3, "failed")
    assert f"Backstage answered {status}" in source["failures"][0]["reason"]
    assert world.index() == before


def test_a_catalog_that_asks_to_wait_is_waited_for(world: World) -> None:
    world.portal.answer(CATALOG, status=429, headers={"retry-after": "0"}, times=1)
    assert world.run()[0] == 0


def test_a_catalog_that_answers_no_json_fails_the_source(world: World) -> None:
    before = world.index()
    world.portal.answer(CATALOG, body=b'{"items": [')
    code, source = world.run()
    assert (code, source["state"], source["failures"][0]["reason"]) == (
        3,
        "failed",
        "catalog: the answer is not JSON",
    )
    assert world.index() == before


def test_a_slow_catalog_fails_the_source_at_its_deadline(world: World) -> None:
    before = world.index()
    world.portal.hold(CATALOG)
    code, source = world.run(PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS="0.3")
    world.portal.mend()
    assert (code, source["state"]) == (3, "failed")
    assert "in time" in source["failures"][0]["reason"]
    assert world.index() == before


def test_docs_that_fail_in_the_middle_stay_and_the_rest_is_updated(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.put(make_json("group:default/team", spec={"type": "tribe"}))
    world.portal.answer(f"{STATIC}ops/", status=500)
    code, source = world.run()
    after = world.index()
    assert (code, source["state"]) == (3, "partial")
    assert paths(after) == paths(before) | {f"{SHOP}/new/"}
    assert any(path == f"{SHOP}/ops/" and "broker" in text for path, text in after)
    assert any(path.startswith("group:") and "tribe" in text for path, text in after)
    world.portal.mend()
    assert world.run()[0] == 0
    assert any("queue" in text for _, text in world.index())


def test_half_of_the_entities_are_kept_until_somebody_says_that_they_are_gone(
    world: World,
) -> None:
    refs = [f"component:default/part-{number}" for number in range(40)]
    for ref in refs:
        world.portal.put(make_json(ref))
    world.run()
    before = world.index()
    for ref in refs[:20]:
        world.portal.remove(ref)
    code, source = world.run()
    assert (code, source["state"], source["deleted"]) == (3, "refused", 0)
    assert world.index() == before
    assert world.run("--allow-mass-delete")[0] == 0
    assert len(world.index()) == len(before) - 20


def test_a_site_that_shrinks_from_50_pages_to_2_is_refused_each_time_until_allowed(
    world: World,
) -> None:
    pages = {f"p{number}/": f"Page {number}." for number in range(50)}
    world.portal.sites[SHOP] = site(pages, "2")
    world.run()
    before = world.index()
    world.portal.sites[SHOP] = site(dict(list(pages.items())[:2]), "3")
    for _ in range(2):
        code, source = world.run()
        assert (code, source["state"], source["deleted"]) == (3, "refused", 0)
        assert world.index() == before
    assert world.run("--allow-mass-delete")[0] == 0
    assert len(world.index()) == len(before) - 48
    assert world.run()[1]["unchanged"] == len(before) - 48


# Content that is broken.


def test_a_page_that_is_too_large_is_reported_and_left_as_it_was(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.answer(f"{STATIC}ops/", body=b"x" * 5_000_001)
    code, source = world.run()
    assert (code, source["state"]) == (0, "ok")
    assert "larger than" in source["failures"][0]["reason"]
    assert before < world.index()


def test_a_page_of_invalid_utf_8_is_indexed_without_its_broken_letters(world: World) -> None:
    change_texts(world)
    body = page("Drain BROKEN slowly.").encode().replace(b"BROKEN", b"\xff")
    world.portal.answer(f"{STATIC}ops/", body=body)
    assert world.run()[0] == 0
    assert any("Drain \ufffd slowly." in text for _, text in world.index())


def test_metadata_of_a_site_that_is_no_json_leaves_the_site(world: World) -> None:
    before = world.index()
    world.portal.answer("/api/techdocs/metadata/", body=b"<html>")
    code, source = world.run()
    assert (code, source["state"], len(source["failures"])) == (0, "ok", 1)
    assert world.index() == before


# Things that change on the way.


def test_a_new_case_of_a_name_is_the_same_entity(world: World) -> None:
    before = world.index()
    world.portal.put(make_json("component:default/Shop", annotations=DOCUMENTED))
    code, source = world.run()
    assert (code, source["embedded"], source["deleted"]) == (0, 1, 0)
    assert paths(world.index()) == paths(before)


def test_an_entity_that_is_restricted_during_a_run_loses_its_docs_now_and_itself_next(
    world: World,
) -> None:
    hold = world.portal.hold("/api/techdocs/metadata/")
    process = world.start()
    assert hold.reached.wait(60)
    world.portal.remove(SHOP)
    world.portal.mend()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert paths(world.index()) == {f"{SHOP}#entity", "group:default/team#entity"}
    assert world.run()[0] == 0
    assert paths(world.index()) == {"group:default/team#entity"}


def test_a_clock_that_goes_backwards_harms_nothing(world: World) -> None:
    change_texts(world)
    world.now = NOW - timedelta(days=400)
    assert world.run()[0] == 0
    assert f"{SHOP}/new/" in paths(world.index())
    code, source = world.run()
    assert (code, source["embedded"], source["deleted"]) == (0, 0, 0)
