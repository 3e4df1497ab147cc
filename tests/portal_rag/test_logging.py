"""What libraries log comes in the same form as our own events."""

import json
import logging

import pytest
import structlog

from portal_rag.logging import configure_logging


def test_libraries_log_lines_like_ours(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json_lines=True)
    structlog.get_logger().info("ours", number=1)
    logging.getLogger("uvicorn.error").info("Started %s", "it")
    logging.getLogger("another.library").info("chatter")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("another.library").exception("failed")
    ours, uvicorn, other = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["level"]) == ("ours", "info")
    assert (uvicorn["event"], uvicorn["logger"]) == ("Started it", "uvicorn.error")
    assert (other["event"], other["level"]) == ("failed", "error")
    assert "ValueError: broken" in other["exception"]


def test_a_second_configuration_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json_lines=True)
    configure_logging("error", json_lines=False)
    logging.getLogger("uvicorn.error").info("not told")
    logging.getLogger("uvicorn.error").error("told")
    (line,) = capsys.readouterr().err.splitlines()
    assert "told" in line
    assert not line.startswith("{")
