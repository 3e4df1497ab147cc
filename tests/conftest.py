"""Fixtures and order that every part of the suite uses."""

from pathlib import Path

import pytest

PORTAL = Path(__file__).parent / "portal"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a module on one worker, and first of all those that share one real portal."""
    items.sort(key=lambda item: not item.path.is_relative_to(PORTAL))
    for item in items:
        shared = PORTAL if item.path.is_relative_to(PORTAL) else item.path
        item.add_marker(pytest.mark.xdist_group(str(shared)))
