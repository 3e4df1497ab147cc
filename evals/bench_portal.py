"""Measures a run without changes over a large portal, which a local stub serves.

The stub is a process of its own; it pages as the catalog does. Vectors are hashed words: a run
without changes embeds nothing, and loading the model is not part of the figure.
"""

import asyncio
import hashlib
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import httpx

from indexer.report import RunReport
from indexer.running import Order, Runner, Surroundings
from indexer.settings import load_indexer_settings
from portal_rag.corpus.store import DenseVector

_DIMENSIONS = 64
_MOST_PER_PAGE = 500


class HashedWords:
    """Stands in for the model."""

    dimensions = _DIMENSIONS
    fingerprint = f"hashed-words@{_DIMENSIONS}"

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        place = hashlib.sha256(text.encode()).digest()[0] % _DIMENSIONS
        return DenseVector(tuple(float(place == each) for each in range(_DIMENSIONS)))


class _Stub(BaseHTTPRequestHandler):
    """A catalog of `entities` components, the first `sites` of which have docs of one page."""

    protocol_version = "HTTP/1.1"
    entities = 0
    sites = 0
    changed_page = ""
    asked = 0

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if parts[-1] == "by-query":
            self._answer(_page(parse_qs(url.query)))
        elif "metadata" in parts:
            self._answer({"site_name": parts[-1], "etag": _Stub._etag(parts[-1])})
        elif parts[-1] == "search_index.json":
            self._answer({"docs": [{"location": "", "title": "Home", "text": ""}]})
        elif parts[-1] == "asked":
            self._answer(_Stub.asked)
        elif parts[-2] == "change":
            _Stub.changed_page = parts[-1]
            self._answer({})
        else:
            self._answer(f"<article><h1>Home</h1><p>Of {_Stub._etag(parts[6])}.</p></article>")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = [ref.rpartition("/")[2] for ref in asked["entityRefs"]]
        self._answer({"items": [_entity(int(name[1:])) for name in names]})

    @staticmethod
    def _etag(name: str) -> str:
        return f"{name}-{'b' if name == _Stub.changed_page else 'a'}"

    def _answer(self, content: object) -> None:
        _Stub.asked += 1
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def _entity(number: int) -> dict[str, Any]:
    has_docs = number < _Stub.sites
    annotations = {"backstage.io/techdocs-ref": "dir:."} if has_docs else {}
    name = f"c{number}"
    metadata = {"name": name, "namespace": "default", "etag": name, "annotations": annotations}
    return {"kind": "Component", "metadata": metadata, "spec": {"type": "service"}}


def _page(params: dict[str, list[str]]) -> dict[str, Any]:
    start = int(params.get("cursor", ["0"])[0])
    end = min(start + min(int(params["limit"][0]), _MOST_PER_PAGE), _Stub.entities)
    info = {"nextCursor": str(end)} if end < _Stub.entities else {}
    return {"items": [_entity(number) for number in range(start, end)], "pageInfo": info}


def _serve(ready: Connection, entities: int, sites: int) -> None:
    _Stub.entities, _Stub.sites = entities, sites
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    ready.send(server.server_port)
    server.serve_forever()


class _Portal:
    """The stub, and an index of it in a folder."""

    def __init__(self, port: int, folder: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        environ = {
            "PORTAL_RAG_INDEX_DIR": str(folder),
            "PORTAL_RAG_BACKSTAGE_URL": self._url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": "stub",
        }
        self._runner = Runner(
            Surroundings(
                load_settings=lambda: load_indexer_settings(environ),
                load_embedder=lambda _model: HashedWords(),
            )
        )

    def ask(self, path: str) -> Any:
        return httpx.get(f"{self._url}/{path}").json()

    def measure(self, what: str) -> None:
        before, started = self.ask("asked"), time.perf_counter()
        report = asyncio.run(self._runner.run(Order(sources=("backstage",))))
        seconds = time.perf_counter() - started
        requests = self.ask("asked") - before - 1
        click.echo(f"{what}: {seconds:.1f} s, {requests} requests; {_told(report)}")


def _told(report: RunReport) -> str:
    [source] = report.sources
    return (
        f"{source.state}, {source.embedded} embedded, {source.unchanged} unchanged,"
        f" {'published' if report.published else 'nothing published'}"
    )


@click.command()
@click.option("--entities", default=10_000, show_default=True)
@click.option("--sites", default=1_000, show_default=True)
def main(entities: int, sites: int) -> None:
    """Index a stub portal, then again without changes, then after one page changed."""
    ready, told = multiprocessing.Pipe(duplex=False)
    stub = multiprocessing.Process(target=_serve, args=(told, entities, sites), daemon=True)
    stub.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            portal = _Portal(ready.recv(), Path(folder))
            click.echo(f"{entities} entities, {sites} sites; the model is not loaded")
            portal.measure("first run")
            portal.measure("without changes")
            portal.ask("change/c0")
            portal.measure("one page changed")
            most = entities // 500 + 2 * sites + 10
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            click.echo(f"most requests allowed without changes: {most}; peak memory {peak:.0f} MB")
    finally:
        stub.terminate()


if __name__ == "__main__":
    main()
