"""Faults are made in copies, where they belong, and are judged by the tests that they name."""

from pathlib import Path

import pytest

from evals.mutations.__main__ import MUTATIONS
from evals.mutations.copies import ROOT, copied, judged, passes
from evals.mutations.mutation import Mutation

SOURCE = "def answer():\n    return 42\n"
TEST = "from portal_rag.code import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_each_fault_has_its_one_place(mutation: Mutation) -> None:
    assert mutation.places(ROOT) == 1
    assert mutation.mutated(ROOT) != (ROOT / mutation.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_the_tests_that_must_notice_exist(mutation: Mutation) -> None:
    for test in mutation.tests:
        file, name = test.partition("[")[0].split("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_names_tell_the_faults_apart() -> None:
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS) >= 20


def fault(new: str) -> Mutation:
    return Mutation(
        name="another number",
        file="portal_rag/code.py",
        old="42",
        new=new,
        tests=("tests/test_code.py",),
    )


def test_a_fault_is_caught_or_not_and_the_copy_is_sound_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("portal_rag", "indexer", "evals", "tests", "deploy"):
        (root / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-ra'\n")
    (root / "portal_rag" / "__init__.py").touch()
    (root / "portal_rag" / "code.py").write_text(SOURCE)
    (root / "tests" / "test_code.py").write_text(TEST)
    copy = copied(root, tmp_path / "copy")
    assert passes(copy, ["tests/test_code.py"])
    caught = judged(fault("43"), copy)
    assert (caught.verdict, caught.by[:11]) == ("caught", "test_answer")
    assert judged(fault("40 + 2"), copy).verdict == "SURVIVED"
    assert judged(fault("("), copy).verdict == "BROKEN"
    for tree in (root, copy):
        assert (tree / "portal_rag" / "code.py").read_text() == SOURCE
    assert not passes(copy, ["tests/test_missing.py"])
