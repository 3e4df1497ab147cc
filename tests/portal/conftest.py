"""A real Backstage backend over the example portal, for the tests of this folder.

It is installed where it is missing and started on free ports. PORTAL_URL names a running one to
use instead. Without Node the tests are skipped, or fail where REQUIRE_PORTAL=1 asks for them.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import httpx
import pytest

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
BACKEND = DEPLOY / "backstage" / "backend"
EXAMPLE_PORTAL = DEPLOY / "example-portal"
NODE_IS_MISSING = 3  # what setup.sh exits with

# The defaults are those of the backend's env.sh.
SERVICE_TOKEN = os.environ.get("BACKSTAGE_SERVICE_TOKEN", "example-indexer-token")
TEST_USERS_SECRET = os.environ.get("BACKSTAGE_TEST_USERS_SECRET", "example-test-users-secret")
PLUGIN_PORT = int(os.environ.get("PORTAL_RAG_PORT", "8007"))


@dataclass(frozen=True)
class Portal:
    """A running portal; it looks for the plugin portal-rag on `plugin_port` of 127.0.0.1."""

    url: str
    service_token: str
    plugin_port: int = PLUGIN_PORT

    def user_token(self, name: str) -> str:
        """Sign in a user of the catalog's default namespace."""
        provider = "guest" if name == "guest" else "testusers"
        headers = {"X-Test-User": f"user:default/{name}", "X-Test-Secret": TEST_USERS_SECRET}
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            answer = client.get(f"/api/auth/{provider}/refresh", headers=headers)
        token: str = answer.raise_for_status().json()["backstageIdentity"]["token"]
        return token


class StartPortal(Protocol):
    """Starts a portal over a content folder; `docs` are finished sites to serve, else built."""

    def __call__(self, content: Path, docs: Path | None = None) -> Portal: ...


@pytest.fixture(scope="session")
def portal(request: pytest.FixtureRequest) -> Portal:
    if url := os.environ.get("PORTAL_URL"):
        return Portal(url.rstrip("/"), SERVICE_TOKEN)
    start: StartPortal = request.getfixturevalue("start_portal")
    return start(EXAMPLE_PORTAL)


@pytest.fixture(scope="session")
def start_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPortal]:
    """Starts one more portal over a content folder; each is stopped when the session ends."""
    ensure_installed()
    with ExitStack() as running:

        def start(content: Path, docs: Path | None = None) -> Portal:
            run_dir = tmp_path_factory.mktemp("portal")
            return running.enter_context(run_portal(content, run_dir, docs))

        yield start


def ensure_installed() -> None:
    if shutil.which("node") is None:
        unavailable("Node.js is not on PATH")
    setup = run_script("setup.sh", os.environ)
    if setup.returncode == NODE_IS_MISSING:
        unavailable(setup.stderr.strip())
    if setup.returncode:
        pytest.fail(f"setup.sh: {setup.stdout}{setup.stderr}", pytrace=False)


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_PORTAL") == "1":
        pytest.fail(f"REQUIRE_PORTAL=1, but there is no portal: {reason}", pytrace=False)
    pytest.skip(f"no portal: {reason}")


@contextmanager
def run_portal(content: Path, run_dir: Path, docs: Path | None) -> Iterator[Portal]:
    backstage_port, upstream_port, plugin_port = free_ports(3)
    settings = {
        **os.environ,
        "BACKSTAGE_PORT": str(backstage_port),
        "UPSTREAM_PORT": str(upstream_port),
        "PORTAL_RAG_PORT": str(plugin_port),
        "BACKSTAGE_SERVICE_TOKEN": SERVICE_TOKEN,
        "BACKSTAGE_TEST_USERS_SECRET": TEST_USERS_SECRET,
        "PORTAL_CATALOG_DIR": str(content),
        "RUN_DIR": str(run_dir),
        **({"TECHDOCS_PUBLISH_DIR": str(docs)} if docs else {}),
    }
    start = run_script("start.sh", settings)
    if start.returncode:
        pytest.fail(f"start.sh: {start.stdout}{start.stderr}", pytrace=False)
    try:
        yield Portal(f"http://127.0.0.1:{backstage_port}", SERVICE_TOKEN, plugin_port)
    finally:
        run_script("stop.sh", settings).check_returncode()


def run_script(name: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    script = str(BACKEND / name)
    return subprocess.run([script], env=env, capture_output=True, text=True, check=False)


def free_ports(count: int) -> list[int]:
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.portal)
