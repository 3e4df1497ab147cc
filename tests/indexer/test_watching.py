"""What is wrong with the settings of a watch is said at once."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexer.cli import main
from indexer.running import Surroundings
from indexer.settings import load_indexer_settings
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import component, write_files

TOKEN = "a-token-that-only-hints"


def watch(tmp_path: Path, *args: str, **environ: str) -> tuple[int, str]:
    settings = {"PORTAL_RAG_INDEX_DIR": str(tmp_path / "index"), **environ}
    surroundings = Surroundings(
        load_settings=lambda: load_indexer_settings(settings),
        load_embedder=lambda _settings: HashingEmbedder(),
    )
    result = CliRunner().invoke(main, ("watch", *args), obj=surroundings)
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("args", "environ", "named"),
    [
        (("--hints", "8009"), {}, "--hints"),
        (("--hints", "127.0.0.1:8009"), {}, "PORTAL_INDEX_HINTS_TOKEN"),
        ((), {"PORTAL_INDEX_HINTS_ADDRESS": "127.0.0.1:8009"}, "PORTAL_INDEX_HINTS_TOKEN"),
        ((), {"PORTAL_INDEX_HINTS_TOKEN": "short"}, "PORTAL_INDEX_HINTS_TOKEN"),
        ((), {"PORTAL_INDEX_EVENT_TOPICS": "docs"}, "PORTAL_RAG_BACKSTAGE_URL"),
    ],
)
def test_a_missing_or_wrong_setting_is_exit_code_2(
    tmp_path: Path, args: Sequence[str], environ: Mapping[str, str], named: str
) -> None:
    code, said = watch(tmp_path, "--source", "backstage", *args, **environ)
    assert (code, named in said, "Traceback" in said) == (2, True, False)


def test_events_without_a_backstage_are_exit_code_2(tmp_path: Path) -> None:
    code, said = watch(tmp_path, "--source", "files", PORTAL_INDEX_EVENT_TOPICS="docs")
    assert code == 2
    assert said.startswith("error: PORTAL_INDEX_EVENT_TOPICS")


def test_an_address_that_is_taken_is_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        args = ("--source", "backstage", "--hints", address)
        code, said = watch(tmp_path, *args, PORTAL_INDEX_HINTS_TOKEN=TOKEN)
    assert (code, len(said.splitlines())) == (2, 1)
    assert address in said
    assert TOKEN not in said


def test_an_index_of_another_model_is_exit_code_2(tmp_path: Path) -> None:
    portal = write_files(tmp_path / "portal", {"shop.yaml": component("shop")})
    args = ("--source", "files", "--path", str(portal))
    settings = {"PORTAL_RAG_INDEX_DIR": str(tmp_path / "index")}
    other = Surroundings(
        load_settings=lambda: load_indexer_settings(settings),
        load_embedder=lambda _settings: HashingEmbedder(32),
    )
    assert CliRunner().invoke(main, ("run", *args), obj=other).exit_code == 0
    code, said = watch(tmp_path, *args)
    assert (code, "--rebuild" in said) == (2, True)
