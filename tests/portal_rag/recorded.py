"""The whole service with an audit log and metrics, and what of both came since a test began."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tests.fakes.backstage import FakeBackstage
from tests.portal_rag.world import QUESTIONS, make_settings, serving

HOW_TO = "How do I drain the broker, then restart it with brokerctl?"
MACHINES = Path(__file__).with_name("machines.yaml")
SCRAPER_TOKEN = "made-up-scraper-token"
RUNBOOK = "files/techdocs:component:default/shop/runbook/:0"


class Recorded:
    """A service, and the audit lines that it wrote since they were last read."""

    def __init__(self, client: TestClient, path: Path) -> None:
        self.client = client
        self._path = path
        self._read = path.stat().st_size

    def new_text(self) -> str:
        text = self._path.read_bytes()[self._read :]
        self._read += len(text)
        return text.decode()

    def events(self) -> list[Mapping[str, Any]]:
        return [json.loads(line) for line in self.new_text().splitlines()]

    def event(self) -> Mapping[str, Any]:
        (event,) = self.events()
        return event

    def metrics(self) -> str:
        return scraped(self.client).text


@contextmanager
def recording(portal: FakeBackstage, index: Path, path: Path, **environ: str) -> Iterator[Recorded]:
    settings = make_settings(
        index,
        PORTAL_RAG_BACKSTAGE_URL=portal.url,
        PORTAL_RAG_AUDIT_LOG=str(path),
        PORTAL_RAG_MACHINE_CLIENTS_FILE=str(MACHINES),
        **environ,
    )
    with serving(settings) as client:
        yield Recorded(client, path)


def scraped(client: Any) -> Any:
    return client.get("/metrics", headers={"authorization": f"Bearer {SCRAPER_TOKEN}"})


def post(client: Any, token: str | None, body: Any, **headers: str) -> Any:
    credentials = {"authorization": f"Bearer {token}"} if token else {}
    return client.post(QUESTIONS, json=body, headers={**credentials, **headers})
