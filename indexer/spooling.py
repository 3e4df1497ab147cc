"""A queue on disk, for what would be too much to hold in memory."""

import pickle
import tempfile
from contextlib import suppress
from typing import Generic, Self, TypeVar

from portal_rag.errors import UpstreamError

T = TypeVar("T")
IN_MEMORY_BYTES = 8_000_000
_LENGTH_BYTES = 8


class Spool(Generic[T]):
    """What is put in comes out in the same order, once; small ones never reach the disk.

    The file has no name and goes with the process. `put` raises `UpstreamError` if it cannot grow.
    """

    def __init__(self, *, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=in_memory_bytes)  # noqa: SIM115
        self._read_to = self._written_to = 0
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be flushed to a full disk is not needed any more
            self._file.close()

    def __len__(self) -> int:
        """Count what was put in and not yet taken."""
        return self._waiting

    def put(self, item: T) -> None:
        encoded = pickle.dumps(item)
        try:
            self._file.seek(self._written_to)
            self._file.write(len(encoded).to_bytes(_LENGTH_BYTES) + encoded)
            self._file.flush()
        except OSError as error:
            raise UpstreamError(
                "temporary folder",
                f"{tempfile.gettempdir()} cannot be written ({error.strerror});"
                " make room there or name another folder in TMPDIR",
            ) from error
        self._written_to += _LENGTH_BYTES + len(encoded)
        self._waiting += 1

    def take(self) -> T:
        """Take the next; there has to be one."""
        if not self._waiting:
            raise IndexError("the spool is empty")
        self._file.seek(self._read_to)
        length = int.from_bytes(self._file.read(_LENGTH_BYTES))
        item: T = pickle.loads(self._file.read(length))  # noqa: S301 (written by this process)
        self._read_to += _LENGTH_BYTES + length
        self._waiting -= 1
        return item
