"""A seeded sample of the leak matrix over a real Backstage; `make leak-matrix` is all of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.portal.conftest import BACKEND, EXAMPLE_PORTAL, Portal

HIDDEN_FROM = ("guest", "alice", "bob", "dave")


@pytest.mark.model
def test_what_is_hidden_changes_no_answer(portal: Portal, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    for user in HIDDEN_FROM:
        (tokens / user).write_text(portal.user_token(user), encoding="utf-8")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "evals.leakage", str(EXAMPLE_PORTAL)),
            *("--portal-url", portal.url, "--service-token", portal.service_token),
            *("--token-command", f"cat {tokens}/{{user}}", "--tries", "75"),
        ],
        cwd=BACKEND.parents[2],
        capture_output=True,
        check=False,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [(tries, unsure)] = re.findall(r"in all: (\d+) tries, (\d+) not compared", finished.stdout)
    assert (int(tries), int(unsure) < 30) == (300, True)
