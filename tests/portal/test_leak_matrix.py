"""A seeded sample of the leak matrix over a real Backstage; `make leak-matrix` is all of it."""

import re
import subprocess
import sys

import pytest

from evals.backstage import Portal
from tests.portal.conftest import EXAMPLE_PORTAL

HIDDEN_FROM = ("guest", "alice")


@pytest.mark.model
def test_what_is_hidden_changes_no_answer_in_either_identity(portal: Portal) -> None:
    users = (word for user in HIDDEN_FROM for word in ("--user", user))
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "evals.leakage", str(EXAMPLE_PORTAL)),
            *("--portal-url", portal.url, "--plugin-port", str(portal.plugin_port)),
            *("--tries", "75", *users),
        ],
        cwd=EXAMPLE_PORTAL.parents[1],
        capture_output=True,
        check=False,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [(tries, unsure)] = re.findall(r"in all: (\d+) tries, (\d+) not compared", finished.stdout)
    assert (int(tries), int(unsure) < 30) == (300, True)
