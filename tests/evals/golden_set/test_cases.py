from pathlib import Path

import pytest

from evals.golden_set.cases import GoldenSetError, load_cases

WHOLE = """
- id: own-001
  question: Who owns shop?
  asker: user:default/alice
  entity_ref: component:default/shop
  history: [{role: user, content: "What is shop?"}]
  expect:
    outcome: answer
    refusal_reason: null
    facts: [team-shop, [Team Shop, The Shop Team]]
    forbidden: [team-legacy]
    required_sources:
      - catalog:component:default/shop
      - ["docs:component:default/shop/", "docs:component:default/shop/a/b.md"]
    acceptable_sources: []
    forbidden_sources: ["docs:component:default/till"]
    live_data: forbidden
    max_age_seconds: 60
    min_confidence: medium
    max_confidence: high
  intent: ownership
  entities: ["component:default/shop"]
  critical: true
  tags: [ownership, catalog]
  weight: 2
  provenance: {source: human, reviewed: 2026-11-20}
"""
LEAST = "- {id: a, question: Who, expect: {outcome: refuse}}\n"


def written(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_case_has_all_of_its_fields(tmp_path: Path) -> None:
    (case,) = load_cases([written(tmp_path, WHOLE)])
    assert case.expect.facts == ("team-shop", ("Team Shop", "The Shop Team"))
    assert case.provenance["reviewed"] == "2026-11-20"
    assert case.cluster == "catalog:component:default/shop"
    assert case.critical
    assert "What is shop?" in case.said


def test_a_case_needs_little(tmp_path: Path) -> None:
    (case,) = load_cases([written(tmp_path, LEAST)])
    assert (case.asker, case.expect.live_data, case.cluster) == (None, "allowed", "a")


def test_files_are_read_in_order(tmp_path: Path) -> None:
    paths = [written(tmp_path, LEAST.replace("id: a", f"id: {name}"), name) for name in "ba"]
    assert [case.id for case in load_cases(paths)] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (LEAST + LEAST, "a: another case has this id"),
        (LEAST.replace("refuse", "maybe"), "a: expect.outcome:"),
        (LEAST.replace("question: Who, ", ""), "a: question:"),
        (LEAST.replace("id: a", "id: a, colour: red"), "a: colour:"),
        (LEAST.replace("refuse", "refuse, facts: [17]"), "a: expect.facts.0"),
        (LEAST.replace("id: a", "id: a, asker: alice"), "a: asker:"),
        (LEAST.replace("id: a, ", ""), "a case without id: id:"),
        (LEAST.replace("refuse", "refuse, required_sources: [shop]"), "a: expect.required_sources"),
        ("- 17", "not a mapping: case:"),
        ("cases: []", "must be a list"),
        ("- [", "cannot be read"),
    ],
)
def test_a_wrong_case_is_named_with_file_and_field(tmp_path: Path, text: str, named: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(GoldenSetError) as caught:
        load_cases([path])
    assert str(path) in str(caught.value)
    assert named in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = LEAST.replace("refuse", "maybe")
    with pytest.raises(GoldenSetError) as caught:
        load_cases([written(tmp_path, bad + bad)])
    assert len(str(caught.value).splitlines()) == 2
