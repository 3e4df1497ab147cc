"""Services to ask: the whole portal in each identity, and portals with only a user's share."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from evals.backstage import Portal
from evals.leakage.battery import Try
from evals.leakage.worlds import reduce_content
from evals.serving import PATIENCE, run_indexer, serve
from portal_rag.backstage.plugin_keys import create_key, format_keys

_ROUTE = "/api/portal-rag/v1/questions"
_SECONDS = 60
_INDEXER_TOKEN = "PORTAL_INDEX_BACKSTAGE_TOKEN"  # noqa: S105 (a name)
_SCRAPER_TOKEN = "leak-matrix-scraper"  # noqa: S105 (of a service that ends with the run)

Ask = Callable[[Try], Mapping[str, Any]]


def asking(client: httpx.Client, token: str | None) -> Ask:
    """Ask a service as the holder of a token, or without any."""
    headers = {"authorization": f"Bearer {token}"} if token else {}

    def ask(attempt: Try) -> Mapping[str, Any]:
        body = {
            "question": attempt.question,
            **({"entityRef": attempt.entity_ref} if attempt.entity_ref else {}),
            "history": [{"role": role, "content": text} for role, text in attempt.history],
        }
        response = client.post(_ROUTE, json=body, headers=headers)
        answer: Mapping[str, Any] = response.raise_for_status().json()
        return answer

    return ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The service over the whole portal, acting for its users in one of the two ways."""

    identity: str
    client: httpx.Client
    log: Path
    audit: Path

    def metrics(self) -> str:
        """Read what the service counts."""
        headers = {"authorization": f"Bearer {_SCRAPER_TOKEN}"}
        return self.client.get("/metrics", headers=headers).raise_for_status().text


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePortal:
    """A Backstage, the settings with which it is indexed, and the services over that index."""

    environ: Mapping[str, str]
    doors: tuple[Door, ...]


@contextmanager
def whole_portal(
    portal: Portal, folder: Path, *, model: Path, identities: Sequence[str]
) -> Iterator[WholePortal]:
    """Index a Backstage, and serve the index once for each identity; `model` is made if need be."""
    environ = {
        **_model(model),
        "PORTAL_RAG_INDEX_DIR": str(folder / "full-index"),
        "PORTAL_RAG_BACKSTAGE_URL": portal.url,
        _INDEXER_TOKEN: portal.service_token,
    }
    run_indexer(environ, "run", "--source", "backstage")
    if not model.exists():
        run_indexer(environ, "export-model")
    served = {name: value for name, value in environ.items() if name != _INDEXER_TOKEN}
    with ExitStack() as stack:
        doors = [
            stack.enter_context(_door(identity, served, portal, folder)) for identity in identities
        ]
        yield WholePortal(environ=environ, doors=tuple(doors))


@contextmanager
def _door(
    identity: str, environ: Mapping[str, str], portal: Portal, folder: Path
) -> Iterator[Door]:
    log, audit = folder / f"{identity}.log", folder / f"{identity}-audit.jsonl"
    machines, key = folder / "machines.yaml", folder / "plugin.pem"
    machines.write_text(f"[{{name: scraper, token: {_SCRAPER_TOKEN}, access: [metrics]}}]")
    settings = {
        **PATIENCE,
        **environ,
        "PORTAL_RAG_IDENTITY": identity,
        "PORTAL_RAG_SEARCH": "false",  # portals of files, to compare with, have none
        "PORTAL_RAG_AUDIT_LOG": str(audit),
        "PORTAL_RAG_MACHINE_CLIENTS_FILE": str(machines),
    }
    port = None
    if identity == "plugin":
        _create_key(key)
        settings["PORTAL_RAG_PLUGIN_KEY_FILE"] = str(key)
        port = portal.plugin_port
    with serve(settings, port=port, log=log) as url, opened(url) as client:
        yield Door(identity=identity, client=client, log=log, audit=audit)


@contextmanager
def reduced_portal(
    content: Path, folder: Path, name: str, visible: Collection[str]
) -> Iterator[tuple[Ask, Path]]:
    """Serve a portal of files from which all that is not visible was removed; and the files."""
    portal = folder / name
    reduce_content(content, portal, visible)
    environ = {
        **_model(folder / "model"),
        **PATIENCE,
        "PORTAL_RAG_AUTH": "none",
        "PORTAL_RAG_INDEX_DIR": f"{portal}-index",
    }
    run_indexer(environ, "run", "--source", "files", "--path", str(portal))
    with serve(environ) as url, opened(url) as client:
        yield asking(client, None), portal


@contextmanager
def opened(url: str) -> Iterator[httpx.Client]:
    """Open connections to a service."""
    with httpx.Client(base_url=url, timeout=_SECONDS, trust_env=False) as client:
        yield client


def _create_key(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(format_keys([create_key(datetime.now(UTC))]), encoding="utf-8")


def _model(folder: Path) -> Mapping[str, str]:
    return {"PORTAL_RAG_QUERY_MODEL_DIR": str(folder)}
