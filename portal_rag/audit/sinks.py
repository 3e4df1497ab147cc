"""Where audit lines go: standard output, or a file that others may append to and rotate."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from portal_rag.errors import ConfigurationError

_STANDARD_OUTPUT = 1


class Sink(Protocol):
    """Takes whole lines, each with its newline; raises OSError where one cannot be written."""

    def write(self, line: bytes) -> None: ...

    def close(self) -> None: ...


class StandardOutput:
    """The standard output of the process, past all buffers."""

    def write(self, line: bytes) -> None:
        while line:
            line = line[os.write(_STANDARD_OUTPUT, line) :]

    def close(self) -> None:
        """Leave it open, for it belongs to the process."""


class AppendedFile:
    """A file to which several processes append whole lines.

    It is opened anew once its path leads elsewhere, or nowhere: it was rotated.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)

    def write(self, line: bytes) -> None:
        if not self._is_at_its_path():
            reopened = _open(self._path)
            os.close(self._file)
            self._file = reopened
        _append(self._file, line)

    def close(self) -> None:
        os.close(self._file)

    def _is_at_its_path(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        return False


def open_file(path: Path, *, setting: str) -> AppendedFile:
    """Open a file to append to, which is made if need be, for its owner alone.

    Raises:
        ConfigurationError: it cannot be written; the message names the setting.
    """
    try:
        return AppendedFile(path)
    except OSError as error:
        raise ConfigurationError(
            f"{setting}: cannot write to {path}: {error.strerror}; it must be `off`, `stdout` or"
            " a file that this program may append to (README, Audit log)"
        ) from error


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode=0o600)


def _append(file: int, line: bytes) -> None:
    """Write all of the line or nothing; the lock keeps other processes out of half a line."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        size = os.fstat(file).st_size
        if os.write(file, line) < len(line):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
