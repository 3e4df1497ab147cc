"""A real Backstage backend over a portal of files, by the scripts in `deploy/`."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

BACKEND = Path(__file__).parents[1] / "deploy" / "backstage" / "backend"

# The defaults are those of the backend's env.sh.
SERVICE_TOKEN = os.environ.get("BACKSTAGE_SERVICE_TOKEN", "example-indexer-token")
_USERS_SECRET = os.environ.get("BACKSTAGE_TEST_USERS_SECRET", "example-test-users-secret")
_PLUGIN_PORT = int(os.environ.get("PORTAL_RAG_PORT", "8007"))


class BackstageError(Exception):
    """It could not be started; the message is what its script said."""


@dataclass(frozen=True)
class Portal:
    """A running portal; it looks for the plugin portal-rag on `plugin_port` of 127.0.0.1."""

    url: str
    service_token: str = SERVICE_TOKEN
    plugin_port: int = _PLUGIN_PORT

    def user_token(self, name: str) -> str:
        """Sign in a user of the catalog's default namespace."""
        provider = "guest" if name == "guest" else "testusers"
        headers = {"X-Test-User": f"user:default/{name}", "X-Test-Secret": _USERS_SECRET}
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            answer = client.get(f"/api/auth/{provider}/refresh", headers=headers)
        token: str = answer.raise_for_status().json()["backstageIdentity"]["token"]
        return token


@contextmanager
def run_portal(content: Path, run_dir: Path, docs: Path | None = None) -> Iterator[Portal]:
    """Serve a content folder on free ports while the block runs; `docs` are finished sites.

    Raises:
        BackstageError: it is not installed (`make portal` does), or did not start.
    """
    backstage_port, upstream_port, plugin_port = _free_ports(3)
    settings = {
        **os.environ,
        "BACKSTAGE_PORT": str(backstage_port),
        "UPSTREAM_PORT": str(upstream_port),
        "PORTAL_RAG_PORT": str(plugin_port),
        "BACKSTAGE_SERVICE_TOKEN": SERVICE_TOKEN,
        "BACKSTAGE_TEST_USERS_SECRET": _USERS_SECRET,
        "PORTAL_CATALOG_DIR": str(content),
        "RUN_DIR": str(run_dir),
        **({"TECHDOCS_PUBLISH_DIR": str(docs)} if docs else {}),
    }
    started = run_script("start.sh", settings)
    if started.returncode:
        raise BackstageError(f"start.sh: {started.stdout}{started.stderr}")
    try:
        yield Portal(f"http://127.0.0.1:{backstage_port}", SERVICE_TOKEN, plugin_port)
    finally:
        run_script("stop.sh", settings).check_returncode()


def run_script(name: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one of the backend's scripts, and wait for its end."""
    script = str(BACKEND / name)
    return subprocess.run([script], env=env, capture_output=True, text=True, check=False)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
