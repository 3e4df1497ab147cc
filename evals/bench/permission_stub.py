"""A Backstage that decides for users whose names are their tokens, and counts what it is asked."""

import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx

from evals.bench.permission_world import ref_of

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What one user may read, and the conditions that a plugin is told for that user."""

    refs: Sequence[str]
    conditions: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How often a portal was asked, by kind of question."""

    decisions: int
    gate_calls: int
    catalog_calls: int


class Stub:
    """The portal as the benchmark sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def asked(self) -> Asked:
        """Count since this was last asked for."""
        counts = httpx.get(f"{self.url}/asked").json()
        return Asked(
            decisions=counts.get("decision", 0),
            gate_calls=counts.get("gate", 0),
            catalog_calls=counts.get("catalog", 0),
        )


_FILLER = "Some more words of a sentence that says nothing. " * 20


@contextmanager
def serve(entities: Sequence[Json], readers: Mapping[str, Reader]) -> Iterator[Stub]:
    """Serve the entities on loopback, from a process of its own."""
    ready, told = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(told, entities, readers), daemon=True
    )
    process.start()
    try:
        yield Stub(f"http://127.0.0.1:{ready.recv()}")
    finally:
        process.terminate()
        process.join()


def _serve(ready: Connection, entities: Sequence[Json], readers: Mapping[str, Reader]) -> None:
    _Routes.entities = {str(ref_of(entity)): entity for entity in entities}
    _Routes.readers = readers
    _Routes.readable = {name: frozenset(reader.refs) for name, reader in readers.items()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Routes)
    ready.send(server.server_port)
    server.serve_forever()


class _Routes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: two would wait for each other's acknowledgement
    entities: Mapping[str, Json] = {}
    readers: Mapping[str, Reader] = {}
    readable: Mapping[str, frozenset[str]] = {}
    counts: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/asked":
            counts, _Routes.counts = _Routes.counts, Counter()
            self._answer(counts)
        elif url.path == "/api/search/query":
            self._answer(self._searched(parse_qs(url.query)))
        else:
            _Routes.counts["catalog"] += 1
            self._answer(self._listing(parse_qs(url.query)))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "items" in asked:
            self._answer({"items": [self._decided(item) for item in asked["items"]]})
        else:
            _Routes.counts["catalog"] += 1
            self._answer({"items": [self._shown(ref) for ref in asked["entityRefs"]]})

    def log_message(self, *_: object) -> None: ...

    @property
    def _who(self) -> str:
        return str(self.headers["Authorization"]).removeprefix("Bearer ")

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _decided(self, item: Json) -> Json:
        if "resourceRef" not in item:
            _Routes.counts["decision"] += 1
            conditions = self.readers[self._who].conditions
            about = {"pluginId": "catalog", "resourceType": "catalog-entity"}
            return {"id": item["id"], "result": "CONDITIONAL", **about, "conditions": conditions}
        _Routes.counts["gate"] += 1
        readable = self.readable[self._who]
        verdicts = ["ALLOW" if ref in readable else "DENY" for ref in item["resourceRef"]]
        return {"id": item["id"], "result": verdicts}

    def _shown(self, ref: str) -> Json | None:
        return _slim(self.entities[ref]) if ref in self.readable[self._who] else None

    def _listing(self, params: Mapping[str, Sequence[str]]) -> Json:
        """Page through all, or find by name: filters are alternatives of one field each."""
        start, limit = int(params.get("cursor", ["0"])[0]), int(params["limit"][0])
        wanted = {each.partition("=")[2].lower() for each in params.get("filter", ())}
        found = [
            self.entities[ref]
            for ref in self.readers[self._who].refs
            if not wanted or self.entities[ref]["metadata"]["name"] in wanted
        ]
        info = {"nextCursor": str(start + limit)} if start + limit < len(found) else {}
        return {"items": list(map(_slim, found[start : start + limit])), "pageInfo": info}

    def _searched(self, params: Mapping[str, Sequence[str]]) -> Json:
        """Find a page of each of the first entities, which holds all that was asked for."""
        shown = self.readers[self._who].refs[: int(params["pageLimit"][0])]
        return {"results": [_page(ref, params["term"][0]) for ref in shown]}


def _page(ref: str, term: str) -> Json:
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    location = f"/docs/{namespace}/{kind}/{name}/found/"
    named = {"kind": kind, "namespace": namespace, "name": name, "location": location}
    text = f"{_FILLER} {term}. {_FILLER}"
    return {"type": "techdocs", "document": {**named, "title": name, "text": text}}


def _slim(entity: Json) -> Json:
    """Leave what the service asks for where it reads many; of one there are the relations too."""
    named = {key: entity["metadata"][key] for key in ("name", "namespace", "title")}
    return {"kind": entity["kind"], "metadata": named, "relations": entity["relations"]}
