"""A real Backstage backend over the example portal, for the tests of this folder.

It is installed where it is missing and started on free ports. PORTAL_URL names a running one to
use instead. Without Node the tests are skipped, or fail where REQUIRE_PORTAL=1 asks for them.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Protocol

import pytest

from evals.backstage import BackstageError, Portal, run_portal, run_script

HERE = Path(__file__).parent
EXAMPLE_PORTAL = HERE.parents[1] / "deploy" / "example-portal"
NODE_IS_MISSING = 3  # what setup.sh exits with


class StartPortal(Protocol):
    """Starts a portal over a content folder; `docs` are finished sites to serve, else built."""

    def __call__(self, content: Path, docs: Path | None = None) -> Portal: ...


@pytest.fixture(scope="session")
def portal(request: pytest.FixtureRequest) -> Portal:
    if url := os.environ.get("PORTAL_URL"):
        return Portal(url.rstrip("/"))
    start: StartPortal = request.getfixturevalue("start_portal")
    return start(EXAMPLE_PORTAL)


@pytest.fixture(scope="session")
def start_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPortal]:
    """Starts one more portal over a content folder; each is stopped when the session ends."""
    ensure_installed()
    with ExitStack() as running:

        def start(content: Path, docs: Path | None = None) -> Portal:
            run_dir = tmp_path_factory.mktemp("portal")
            try:
                return running.enter_context(run_portal(content, run_dir, docs))
            except BackstageError as error:
                pytest.fail(str(error), pytrace=False)

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.portal)
