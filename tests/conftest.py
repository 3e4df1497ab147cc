"""Fixtures and order that every part of the suite uses."""

import logging
from pathlib import Path

import pytest
import structlog

PORTAL = Path(__file__).parent / "portal"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def unconfigured_logging() -> None:
    """Begin each test with the logging of a new process, whatever an earlier one configured."""
    structlog.reset_defaults()
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in [
        each for each in root.handlers if type(each).__module__ == "portal_rag.logging"
    ]:
        root.removeHandler(handler)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a module on one worker, and first of all those that share one real portal."""
    items.sort(key=lambda item: not item.path.is_relative_to(PORTAL))
    for item in items:
        shared = PORTAL if item.path.is_relative_to(PORTAL) else item.path
        item.add_marker(pytest.mark.xdist_group(str(shared)))
