"""`portal-rag keys`, and that nobody but the service gets at them."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.settings import IndexerSettings
from portal_rag.backstage.plugin_keys import create_key, format_keys, load_keys
from portal_rag.cli import main
from portal_rag.corpus.settings import variable_names
from portal_rag.errors import ConfigurationError


def run(*words: str, **environ: str) -> Result:
    cleared = {name: None for name in os.environ if name.startswith("PORTAL_")}
    return CliRunner(env={**cleared, **environ}).invoke(main, words)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "plugin.pem"
    shown = run("keys", "create", "--output", str(path))
    assert shown.exit_code == 0
    (key,) = load_keys(path, setting="FILE")
    assert key.kid in shown.output
    assert "PRIVATE" not in shown.output
    assert mode(path) == 0o600


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "plugin.pem"
    path.write_text("precious")
    shown = run("keys", "create", "--output", str(path))
    assert (shown.exit_code, path.read_text()) == (1, "precious")
    assert "keys rotate" in shown.output


@pytest.mark.parametrize("command", ["public", "rotate"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    path = tmp_path / "nope"
    shown = run("keys", command, str(path))
    assert shown.exit_code == 2
    assert f"{path}: there is no file" in shown.output
    assert "FILE" not in shown.output


def test_a_folder_in_place_of_keys_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load_keys(tmp_path, setting="PORTAL_RAG_PLUGIN_KEY_FILE")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "plugin.pem"
    shown = run("keys", "create", "--output", str(path))
    assert shown.exit_code == 1
    assert str(path) in shown.output


def test_a_rotation_puts_a_new_key_in_front_and_drops_what_is_long_past(tmp_path: Path) -> None:
    path = tmp_path / "plugin.pem"
    now = datetime.now(UTC)
    signing, past, long_past = (create_key(now - timedelta(hours=n)) for n in (2, 5, 9))
    path.write_text(format_keys([signing, past, long_past]))
    path.chmod(0o644)
    shown = run("keys", "rotate", str(path))
    assert shown.exit_code == 0, shown.output
    new, *kept = load_keys(path, setting="FILE")
    assert [key.kid for key in kept] == [signing.kid, past.kid]
    assert new.kid in shown.output
    assert "1 left out" in shown.output
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["plugin.pem"]
    assert "left out" not in run("keys", "rotate", str(path), "--overlap-hours", "24").output


@pytest.mark.parametrize("words", [["rotate", "missing.pem"], ["public", "missing.pem"]])
def test_a_missing_file_is_named(words: list[str]) -> None:
    shown = run("keys", *words)
    assert shown.exit_code == 2
    assert "missing.pem" in shown.output


def test_an_overlap_shorter_than_the_life_of_a_token_is_refused(tmp_path: Path) -> None:
    assert run("keys", "rotate", str(tmp_path / "x"), "--overlap-hours", "0.5").exit_code == 2


def test_the_public_halves_are_printed_as_they_are_published(tmp_path: Path) -> None:
    path = tmp_path / "plugin.pem"
    run("keys", "create", "--output", str(path))
    (key,) = load_keys(path, setting="FILE")
    assert json.loads(run("keys", "public", str(path)).output) == {"keys": [dict(key.jwk)]}


def test_a_service_with_a_wrong_key_ends_before_it_loads_anything() -> None:
    shown = run(
        "serve",
        PORTAL_RAG_BACKSTAGE_URL="http://127.0.0.1:1",
        PORTAL_RAG_IDENTITY="plugin",
        PORTAL_RAG_PLUGIN_KEY="garbage",
    )
    assert shown.exit_code == 2
    assert "PORTAL_RAG_PLUGIN_KEY" in shown.output


def test_the_indexer_has_no_setting_for_a_key_and_nothing_that_signs() -> None:
    assert not [name for name in variable_names(IndexerSettings) if "PLUGIN" in name]
    loaded = (
        "import sys, indexer.cli, indexer.opening, indexer.hints_api;"
        "print([name for name in sys.modules if 'plugin_' in name and 'portal_rag' in name])"
    )
    done = subprocess.run([sys.executable, "-c", loaded], check=True, stdout=subprocess.PIPE)
    assert done.stdout.strip() == b"[]"
