"""A file that several processes append to, that is rotated, and that cannot be written."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portal_rag.audit.sinks import StandardOutput, open_file
from portal_rag.errors import ConfigurationError

LINE = b'{"event": "question"}\n'
APPEND = """
import sys
from pathlib import Path
from portal_rag.audit.sinks import open_file
file = open_file(Path(sys.argv[1]), setting="S")
for number in range(200):
    file.write(b'{"who": "%s", "text": "%s"}\\n' % (sys.argv[2].encode(), b"x" * (number * 97)))
"""
FILL = """
import resource, sys
from pathlib import Path
from portal_rag.audit.sinks import open_file
file = open_file(Path(sys.argv[1]), setting="S")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for number in range(100):
    try:
        file.write(b'{"event": "question"}\\n')
    except OSError as error:
        print(error.strerror)
"""


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    file = open_file(path, setting="S")
    file.write(LINE)
    file.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == LINE


def test_what_stands_in_a_file_stays_there(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for _ in range(2):
        file = open_file(path, setting="S")
        file.write(LINE)
        file.close()
    assert path.read_bytes() == LINE * 2


@pytest.mark.parametrize("removed", [True, False])
def test_a_file_that_was_rotated_is_opened_anew(tmp_path: Path, removed: bool) -> None:
    path, rotated = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    file = open_file(path, setting="S")
    file.write(b"first\n")
    path.rename(rotated)
    if not removed:
        path.write_bytes(b"made by logrotate\n")
    file.write(b"second\n")
    file.close()
    assert rotated.read_bytes() == b"first\n"
    assert path.read_bytes() == (b"" if removed else b"made by logrotate\n") + b"second\n"


def test_a_file_that_was_truncated_in_place_goes_on_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    file = open_file(path, setting="S")
    file.write(b"first\n")
    os.truncate(path, 0)
    file.write(b"second\n")
    file.close()
    assert path.read_bytes() == b"second\n"


def test_a_file_that_cannot_be_opened_anew_is_an_error_until_it_can(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.jsonl"
    path.parent.mkdir()
    file = open_file(path, setting="S")
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        file.write(LINE)
    path.parent.mkdir()
    file.write(LINE)
    file.close()
    assert path.read_bytes() == LINE


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    names = ("one", "two", "three")
    processes = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(path), name]) for name in names
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    written = [json.loads(line) for line in path.read_bytes().splitlines()]
    for name in names:
        lengths = [len(line["text"]) for line in written if line["who"] == name]
        assert lengths == [number * 97 for number in range(200)]


def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    filled = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True
    )
    whole = 1000 // len(LINE)
    assert len(filled.stdout.splitlines()) == 100 - whole
    assert path.read_bytes() == LINE * whole


def test_standard_output_gets_each_line_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    sink = StandardOutput()
    sink.write(LINE)
    assert capfd.readouterr().out == LINE.decode()
    sink.close()
    sink.write(LINE)
    assert capfd.readouterr().out == LINE.decode()


@pytest.mark.parametrize("name", ["", "none/audit.jsonl", "file/audit.jsonl"])
def test_a_path_that_cannot_be_written_is_named_with_its_setting(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError) as caught:
        open_file(tmp_path / name, setting="PORTAL_RAG_AUDIT_LOG")
    assert "PORTAL_RAG_AUDIT_LOG" in caught.value.message
    assert str(tmp_path / name) in caught.value.message
