"""The documents must keep up with the code."""

import re
from pathlib import Path

import yaml

from evals.cli import main as evals
from evals.golden_set.cases import load_cases
from evals.golden_set.linting import lint, read_corpus
from indexer.settings import IndexerSettings
from portal_rag.corpus.settings import variable_names
from portal_rag.settings import ServiceSettings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_readme_and_nothing_else_does() -> None:
    names = {*variable_names(ServiceSettings), *variable_names(IndexerSettings)}
    documented = set(re.findall(r"^\|.*?\|", README, re.MULTILINE))
    written = {name for row in documented for name in re.findall(r"PORTAL_[A-Z_]+", row)}
    assert written == names


def test_every_make_target_named_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    texts = [README, (ROOT / "CONTRIBUTING.md").read_text("utf-8")]
    named = {name for text in texts for name in re.findall(r"`?make ([a-z-]+)", text)}
    assert named <= targets | {"the"}


def test_the_golden_case_of_the_readme_is_one(tmp_path: Path) -> None:
    [written] = re.findall(r"```yaml\n(- id: .*?)```", README, re.DOTALL)
    (tmp_path / "cases.yaml").write_text(written, encoding="utf-8")
    cases = load_cases([tmp_path / "cases.yaml"])
    assert list(lint(cases, read_corpus(ROOT / "deploy" / "example-portal"))) == []


def test_the_evaluation_jobs_call_commands_with_options_that_exist() -> None:
    for name in ("evals-github-actions.yml", "evals-gitlab-ci.yml"):
        text = (ROOT / "deploy" / "ci" / name).read_text("utf-8")
        yaml.safe_load(text)
        assert "portal-evals lint golden.yaml" in text
        assert "portal-evals run golden.yaml --gates gates.yaml" in text
        options = {option for each in evals.commands.values() for option in each.params}
        known = {name for option in options for name in option.opts}
        assert set(re.findall(r" (--(?:gates|url|token|out|junit)[a-z-]*)", text)) <= known


def test_the_pipelines_call_the_documented_command() -> None:
    command = "portal-index run --source backstage --summary summary.md --metrics metrics.prom"
    assert f"\n{command}\n" in README
    for name in ("github-actions.yml", "gitlab-ci.yml"):
        text = (ROOT / "deploy" / "ci" / name).read_text("utf-8")
        yaml.safe_load(text)
        assert command in text
        assert "permissions:\n  contents: read\n" in text or name.startswith("gitlab")
