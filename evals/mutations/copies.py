"""Copies of the source tree in which faults are made, so that the tree itself stays as it is."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.mutations.mutation import Mutation

ROOT = Path(__file__).parents[2]
Verdict = Literal["caught", "SURVIVED", "BROKEN"]
"""A broken fault is one with which no test ran."""
_COPIED = ("portal_rag", "indexer", "evals", "tests", "pyproject.toml")
_LINKED = ("deploy",)
_FAILED = 1
_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S*::(.{1,120})", re.MULTILINE)
_OPTIONS = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "--hypothesis-seed=0")


def copied(root: Path, folder: Path) -> Path:
    """Copy what tests need, and give the folder."""
    folder.mkdir()
    for name in _COPIED:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    for name in _LINKED:
        (folder / name).symlink_to(root / name)
    return folder


def passes(copy: Path, tests: Sequence[str]) -> bool:
    """Run tests there; what they print is shown if they fail."""
    finished = _run(copy, tests)
    if finished.returncode:
        sys.stderr.write(finished.stdout)
    return not finished.returncode


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of one fault; `by` is the test that failed, and why."""

    mutation: Mutation
    verdict: Verdict
    by: str
    seconds: float


def judged(mutation: Mutation, copy: Path) -> Judgement:
    """Put the fault in, run its tests, and take it out again."""
    started = time.monotonic()
    file = copy / mutation.file
    sound = file.read_text(encoding="utf-8")
    file.write_text(mutation.mutated(copy), encoding="utf-8")
    try:
        finished = _run(copy, mutation.tests)
    finally:
        file.write_text(sound, encoding="utf-8")
    return Judgement(
        mutation=mutation,
        verdict=_verdict(finished.returncode),
        by=" ".join(_FAILURE.findall(finished.stdout)),
        seconds=time.monotonic() - started,
    )


def _verdict(code: int) -> Verdict:
    if not code:
        return "SURVIVED"
    return "caught" if code == _FAILED else "BROKEN"


def _run(copy: Path, tests: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Without byte code, which would not be made anew for a fault of the same second and size."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *_OPTIONS, *tests],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
