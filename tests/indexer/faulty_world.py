"""A portal, an index of it, and runs over it that may go wrong."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from indexer.cli import main
from indexer.running import Surroundings
from indexer.settings import load_indexer_settings
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.server_store import open_server_reader
from portal_rag.corpus.store import IndexReader
from portal_rag.corpus.visibility import GateDecides
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.qdrant import FakeQdrant

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
SHOP = "component:default/shop"
DOCUMENTED = {"backstage.io/techdocs-ref": "dir:."}
STATIC = "/api/techdocs/static/docs/default/component/shop/"
CATALOG = "/api/catalog/"
LISTING = "/api/catalog/entities/by-query"
EMBEDDER = HashingEmbedder()

Index = set[tuple[str, str]]


def page(text: str) -> str:
    return f"<article><h1>Page</h1><p>{text}</p></article>"


def long_page(word: str, sections: int) -> str:
    """Write a page of so many chunks, and a little one of its own heading."""
    parts = (
        f"<h2>Part {n}</h2><p>{f'{word} of part {n}. ' * (1_100 // (len(word) + 12))}</p>"
        for n in range(sections)
    )
    return f"<article><h1>Page</h1>{''.join(parts)}</article>"


def site_of(pages: Mapping[str, str], etag: str) -> dict[str, str]:
    """Build a site; pages are HTML by location."""
    docs = [{"location": location, "title": "Page", "text": ""} for location in pages]
    return {
        "techdocs_metadata.json": json.dumps({"site_name": "Shop", "etag": etag}),
        "search/search_index.json": json.dumps({"docs": docs}),
        **{f"{location}index.html": html for location, html in pages.items()},
    }


def site(texts: Mapping[str, str], etag: str) -> dict[str, str]:
    """Build a site of pages of a paragraph each."""
    return site_of({location: page(text) for location, text in texts.items()}, etag)


class World:
    """A portal, an index of it, embedded or on a server, and runs over it."""

    def __init__(
        self, portal: FakeBackstage, directory: Path, qdrant: FakeQdrant | None = None
    ) -> None:
        self.portal = portal
        self.directory = directory
        self.qdrant = qdrant
        self.now = NOW

    def environ(self, **given: str) -> dict[str, str]:
        server = {"PORTAL_RAG_QDRANT_URL": self.qdrant.url} if self.qdrant else {}
        return {
            "PORTAL_RAG_INDEX_DIR": str(self.directory),
            "PORTAL_RAG_BACKSTAGE_URL": self.portal.url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": self.portal.service_token,
            **server,
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

    def start(
        self, moment: str = "never", command: str = "run", **environ: str
    ) -> "subprocess.Popen[str]":
        args = (sys.executable, "-m", "tests.indexer.program", moment)
        return subprocess.Popen(
            [*args, command, "--source", "backstage"],
            env={**os.environ, **self.environ(**environ)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def index(self) -> Index:
        """Read all that is published: document paths and texts."""
        return asyncio.run(self._read())

    async def _read(self) -> Index:
        reader = await self._reader()
        try:
            vector = EMBEDDER.embed_query("anything")
            hits = await reader.search(vector, visible_to=GateDecides(), limit=1_000)
            chunks = [hit.stored.chunk for hit in hits]
            if not self.qdrant:
                assert (await reader.manifest()).chunk_count == len(chunks)
            return {(chunk.document_path, chunk.text) for chunk in chunks}
        finally:
            await reader.close()

    async def _reader(self) -> IndexReader:
        if self.qdrant is None:
            return EdgeReader(self.directory, EMBEDDER.fingerprint)
        return await open_server_reader(
            self.qdrant.url, api_key=None, alias="portal-rag", fingerprint=EMBEDDER.fingerprint
        )


@contextmanager
def make_world(directory: Path, qdrant: FakeQdrant | None = None) -> Iterator[World]:
    """Index one documented component and a group."""
    entities = [
        make_json(SHOP, annotations=DOCUMENTED),
        make_json("group:default/team", spec={"type": "team"}),
    ]
    sites = {SHOP: site({"": "It sells.", "ops/": "Drain the broker."}, "1")}
    with FakeBackstage(entities=entities, sites=sites) as portal:
        world = World(portal, directory, qdrant)
        assert world.run()[0] == 0
        yield world


def change_texts(world: World) -> None:
    """Publish other docs: a changed page and a new one; nobody loses a permission."""
    pages = {"": "It sells.", "ops/": "Drain the queue.", "new/": "A new page."}
    world.portal.sites[SHOP] = site(pages, "2")


def paths(index: Index) -> set[str]:
    return {path for path, _ in index}


class ForkedRuns:
    """A process that forks for each run, so that only the first one waits for imports."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._counted = folder / "counted.json"

    def start(self, world: World, moment: str = "never") -> int:
        """Begin a run that dies at a moment; gives its process id."""
        order = {
            "moment": moment,
            "args": ["run", "--source", "backstage"],
            "environ": world.environ(),
            "counted": str(self._counted),
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._answer())

    def ended(self) -> int:
        """Wait for the end of the run; gives its exit code."""
        return int(self._answer())

    def counted(self) -> dict[str, int]:
        """Say how often each event came in the last run that was let live."""
        counted: dict[str, int] = json.loads(self._counted.read_text(encoding="utf-8"))
        return counted

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def open_forked_runs(folder: Path) -> Iterator[ForkedRuns]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.indexer.program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield ForkedRuns(process, folder)
