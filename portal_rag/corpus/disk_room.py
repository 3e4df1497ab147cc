"""Room on the disk of an embedded index.

The engine writes through memory maps of files that have holes. When no room is left for a hole, the
operating system ends the process with SIGBUS, without a word; so we look before it writes.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal_rag.errors import UpstreamError

RESERVE_BYTES = 64 << 20
"""More than the engine fills between two looks."""
FreeBytes = Callable[[Path], int]
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BLOCK = 512  # of what stat counts, whatever the file system


def free_bytes(directory: Path) -> int:
    """Look how much this process may still write."""
    return shutil.disk_usage(directory).free


def used_bytes(folder: Path) -> int:
    """Measure what a folder takes on the disk; holes take nothing."""
    return sum(path.stat().st_blocks * _BLOCK for path in folder.rglob("*"))


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of an index, which is in this folder."""

    directory: Path
    free: FreeBytes = free_bytes

    def check_room(self, *, needed: int = 0) -> None:
        """Make sure that so many bytes fit, and RESERVE_BYTES besides.

        Raises:
            UpstreamError: they do not; what is published is not touched.
        """
        wanted = needed + RESERVE_BYTES
        if (left := self.free(self.directory)) < wanted:
            raise UpstreamError(
                "index",
                f"the disk of {self.directory} is nearly full: {wanted >> 20} MiB are needed,"
                f" {left >> 20} MiB are free; make room there and run again"
                " (what was published is still in force)",
            )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Translate what the disk refuses.

        Raises:
            UpstreamError: the text says what to do.
        """
        try:
            yield
        except OSError as error:
            what_to_do = (
                "make room there" if error.errno in _NO_ROOM else "see that it can be written to"
            )
            raise UpstreamError(
                "index",
                f"cannot write to {self.directory}: {error.strerror}; {what_to_do} and run again"
                " (what was published is still in force)",
            ) from error
