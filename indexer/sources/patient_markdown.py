"""Markdown, read in a process of its own where it may take long, so that it can be given up."""

import signal
from contextlib import suppress
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
_START_SECONDS = 60.0
_Answer = tuple[tuple[Section, ...], str]
"""The sections, or why there are none."""
_READY: _Answer = ((), "")


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
        self._end(patience=1)

    def read(self, text: str) -> tuple[Section, ...]:
        """Read the sections of a page without front matter.

        Raises:
            InputError: it takes too long, too much memory, or is nested too deeply.
        """
        if is_easy(text):
            return read_markdown(text)
        sections, refusal = self._ask(text)
        if refusal:
            raise InputError(refusal)
        return sections

    def _ask(self, text: str) -> _Answer:
        try:
            connection = self._connected()
            connection.send(text)
            if connection.poll(self._seconds):
                answer: _Answer = connection.recv()
                return answer
            refusal = f"takes more than {self._seconds:g} s to read"
        except (OSError, EOFError):
            refusal = "takes more to read than this machine has"
        self._end(patience=0)
        return (), refusal

    def _connected(self) -> Connection:
        if self._connection is None:
            context = get_context("spawn")
            self._connection, other = context.Pipe()
            self._reader = context.Process(target=serve, args=(other,), daemon=True)
            self._reader.start()
            other.close()
            if self._connection.poll(_START_SECONDS):
                self._connection.recv()
        return self._connection

    def _end(self, *, patience: float) -> None:
        if self._connection is not None and self._reader is not None:
            self._connection.close()
            self._reader.join(patience)
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
    with suppress(EOFError, OSError):
        connection.send(_READY)
        while True:
            connection.send(_answer(connection.recv()))


def _answer(text: str) -> _Answer:
    try:
        return read_markdown(text), ""
    except InputError as error:
        return (), error.message
