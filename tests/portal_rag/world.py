"""A small portal for tests of the whole service: two teams, public and restricted things."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from portal_rag.api.protocol import WithoutTrailers
from portal_rag.app import create_app
from portal_rag.services import open_services
from portal_rag.settings import ServiceSettings, load_service_settings
from tests.factories import APP_URL, make_chunk, make_json
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import EMBEDDER

CANARY = "canary-phrase-for-tests"
QUESTIONS = "/api/portal-rag/v1/questions"
PUBLIC = {"visibility": "public"}
ENTITIES = (
    make_json("group:default/team-web", labels=PUBLIC, spec={"type": "team"}),
    make_json("group:default/team-risk", spec={"type": "team"}),
    make_json("group:default/platform-admins", spec={"type": "team"}),
    make_json("user:default/guest", spec={"memberOf": []}),
    make_json(
        "user:default/alice",
        labels=PUBLIC,
        relations={"memberOf": ["group:default/team-web"]},
    ),
    make_json("user:default/dave", relations={"memberOf": ["group:default/team-risk"]}),
    make_json("user:default/carol", relations={"memberOf": ["group:default/platform-admins"]}),
    make_json(
        "component:default/shop",
        labels=PUBLIC,
        description="Sells things",
        annotations={"backstage.io/techdocs-ref": "dir:."},
        relations={
            "ownedBy": ["group:default/team-web"],
            "dependsOn": ["component:default/Scorer", "component:default/basket"],
        },
    ),
    make_json(
        "component:default/basket",
        relations={
            "ownedBy": ["group:default/team-web"],
            "dependencyOf": ["component:default/shop"],
        },
    ),
    make_json(
        "component:default/Scorer",
        relations={
            "ownedBy": ["group:default/team-risk"],
            "dependencyOf": ["component:default/shop"],
        },
    ),
)
CHUNKS = (
    make_chunk("Drain the broker, then restart it with brokerctl.", kind="runbook"),
    make_chunk(
        f"Orders above the secret score are refused: {CANARY}",
        entity="component:default/scorer",
        page="",
    ),
    make_chunk("A basket is kept for three days.", entity="component:default/basket", page=""),
)


def make_settings(index: Path, **environ: str) -> ServiceSettings:
    """Set generous deadlines, so that a busy machine changes no answer."""
    return load_service_settings(
        {
            "PORTAL_RAG_INDEX_DIR": str(index),
            "PORTAL_RAG_APP_URL": APP_URL,
            "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "30",
            "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "60",
            "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "60",
            **environ,
        }
    )


@contextmanager
def serving(settings: ServiceSettings) -> Iterator[TestClient]:
    app = create_app(lambda: open_services(settings, load=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


class _Announcing(uvicorn.Server):
    """Says when it listens, or has given up."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(app, http=WithoutTrailers, log_config=None, ws="none", lifespan="on")
        )
        self.announced = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announced.set()


@contextmanager
def listening(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serve an application on a port of 127.0.0.1, for others than the test itself."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = _Announcing(app)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert server.announced.wait(60)
    assert server.started
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def ask(client: TestClient, portal: FakeBackstage, user: str, question: str, **body: Any) -> Any:
    token = portal.user_token(f"user:default/{user}")
    response = client.post(
        QUESTIONS,
        json={"question": question, **body},
        headers={"authorization": f"Bearer {token}"},
    )
    assert response.status_code == 200, response.text
    return response.json()
