"""Markdown, read in a process of its own where it may take long, so that it can be given up."""

import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from indexer.sources.markdown import read_markdown
from portal_rag.corpus.documents import Section
from portal_rag.errors import InputError

LONGEST_SECONDS = 10.0
_EASY_CHARACTERS = 30_000
_EASY_LINE = 2_000
_EASY_MARKS = 1_500
_EASY_INDENT = 60
_MARKS = "[]*_:`<>!{}~^=#|&\\+"


class PatientMarkdown:
    """Reads Markdown; a page that takes longer than `seconds` is given up.

    Most pages are read at once. Only one that is long or full of marks goes to the other process,
    which is started for the first of them and ends with the `with` block.
    """

    def __init__(self, *, seconds: float = LONGEST_SECONDS) -> None:
        self._seconds = seconds
        self._reader: BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def read(self, text: str) -> tuple[Section, ...]:
        """Read the sections of a page without front matter.

        Raises:
            InputError: it takes too long, too much memory, or is nested too deeply.
        """
        if is_easy(text):
            return read_markdown(text)
        connection = self._connected()
        try:
            connection.send(text)
            if not connection.poll(self._seconds):
                raise InputError(f"takes more than {self._seconds:g} s to read")
            sections, refusal = connection.recv()
        except (InputError, OSError, EOFError) as error:
            self._end()
            raise InputError(getattr(error, "message", "too much to read")) from error
        if refusal:
            raise InputError(refusal)
        read: tuple[Section, ...] = sections
        return read

    def _connected(self) -> Connection:
        if self._connection is None:
            context = get_context("spawn")
            self._connection, other = context.Pipe()
            self._reader = context.Process(target=serve, args=(other,), daemon=True)
            self._reader.start()
            other.close()
        return self._connection

    def _end(self) -> None:
        if self._connection is not None and self._reader is not None:
            self._connection.close()
            self._reader.kill()
            self._reader.join()
            self._reader.close()
        self._connection = self._reader = None


def is_easy(text: str) -> bool:
    """Whether a page is short and plain enough to be read in no time, whatever it says."""
    return (
        len(text) <= _EASY_CHARACTERS
        and sum(map(text.count, _MARKS)) <= _EASY_MARKS
        and all(
            len(line) <= _EASY_LINE and len(line) - len(line.lstrip()) <= _EASY_INDENT
            for line in text.splitlines()
        )
    )


def serve(connection: Connection) -> None:
    """Answer each text with its sections, or with why there are none, until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the program that started it
    while True:
        try:
            text = connection.recv()
        except EOFError:
            return
        try:
            connection.send((read_markdown(text), ""))
        except InputError as error:
            connection.send(((), error.message))
        except MemoryError:
            connection.send(((), "too much to read"))
