"""A portal of any size, served by a process of its own, that pages as Backstage's catalog does."""

import json
import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

_MOST_PER_PAGE = 500
_WORDS = tuple(
    "the service queue broker deploy owner team runbook cache order invoice retry timeout shard"
    " replica gateway ledger parcel alert budget of and to a in is restart drain before".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """So many components, the first `sites` of which have docs; a section is a chunk of its own.

    Chunks in the docs: `sites` times `pages` times `sections`.
    """

    entities: int
    sites: int
    pages: int = 1
    sections: int = 1
    words: int = 10


class StubPortal:
    """The portal as its readers and its editors see it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def requests(self) -> int:
        """Count the requests so far, this one included."""
        return int(httpx.get(f"{self.url}/asked").text)

    def change_first_page(self) -> None:
        """Publish another text on the first page of the first site."""
        httpx.get(f"{self.url}/change").raise_for_status()


@contextmanager
def serve(shape: Shape) -> Iterator[StubPortal]:
    """Serve a portal of this shape on loopback."""
    ready, told = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(told, shape), daemon=True
    )
    process.start()
    try:
        yield StubPortal(f"http://127.0.0.1:{ready.recv()}")
    finally:
        process.terminate()
        process.join()


def _serve(ready: Connection, shape: Shape) -> None:
    _Stub.shape = shape
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    ready.send(server.server_port)
    server.serve_forever()


class _Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: two would wait for each other's acknowledgement
    shape = Shape(entities=0, sites=0)
    version = 0
    asked = 0

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        match name := url.path.rpartition("/")[2]:
            case "by-query":
                self._answer(self._listing(parse_qs(url.query)))
            case "search_index.json":
                self._answer({"docs": [_indexed(page) for page in range(self.shape.pages)]})
            case "asked":
                self._answer(_Stub.asked + 1)
            case "change":
                _Stub.version += 1
                self._answer({})
            case "index.html":
                self._answer(self._page(url.path.split("/")))
            case _:
                self._answer({"site_name": name, "etag": f"{name}-{self._version(name)}"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = [ref.rpartition("/")[2] for ref in asked["entityRefs"]]
        self._answer({"items": [self._entity(int(name[1:])) for name in names]})

    def log_message(self, *_: object) -> None: ...

    def _answer(self, content: object) -> None:
        _Stub.asked += 1
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _listing(self, params: dict[str, list[str]]) -> dict[str, Any]:
        start = int(params.get("cursor", ["0"])[0])
        end = min(start + min(int(params["limit"][0]), _MOST_PER_PAGE), self.shape.entities)
        info = {"nextCursor": str(end)} if end < self.shape.entities else {}
        return {"items": [self._entity(number) for number in range(start, end)], "pageInfo": info}

    def _entity(self, number: int) -> dict[str, Any]:
        has_docs = number < self.shape.sites
        annotations = {"backstage.io/techdocs-ref": "dir:."} if has_docs else {}
        name = f"c{number}"
        metadata = {"name": name, "namespace": "default", "etag": name, "annotations": annotations}
        return {"kind": "Component", "metadata": metadata, "spec": {"type": "service"}}

    def _page(self, path: list[str]) -> str:
        *_, site, page, _ = path
        version = self._version(site) if page == "p0" else 0
        texts = (_prose(self.shape.words, site, page, each) for each in range(self.shape.sections))
        sections = (f"<h2 id='s{n}'>Section {n}</h2><p>{text}</p>" for n, text in enumerate(texts))
        return f"<article><h1>Page {page}, {version}</h1>{''.join(sections)}</article>"

    @staticmethod
    def _version(site: str) -> int:
        return _Stub.version if site == "c0" else 0


def _indexed(page: int) -> dict[str, str]:
    return {"location": f"p{page}/", "title": f"Page {page}", "text": ""}


def _prose(words: int, *seeds: object) -> str:
    draw = random.Random(repr(seeds))  # noqa: S311 (text, not secrets)
    return " ".join(draw.choices(_WORDS, k=words))
