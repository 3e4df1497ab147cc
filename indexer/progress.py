"""How a run shows that it goes on: a bar on a terminal, plain lines elsewhere."""

from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY = 640


class RunProgress(Protocol):
    """What the pipeline tells while it works; entered around the run."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def reading(self, source: str) -> None: ...

    def read(self, source: str, documents: int) -> None:
        """A source was read to its end, or as far as it went."""
        ...

    def embedding(self, chunks: int) -> None:
        """So many chunks are about to be embedded and written."""
        ...

    def embedded(self, chunks: int) -> None:
        """So many more are done."""
        ...


class Bar:
    """A moving bar."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reading(self, source: str) -> None:
        self._progress.update(self._task, description=f"reading {source}")

    def read(self, source: str, documents: int) -> None:
        self._progress.update(self._task, description=f"read {documents} documents of {source}")

    def embedding(self, chunks: int) -> None:
        self._progress.update(self._task, description="embedding", total=chunks, completed=0)

    def embedded(self, chunks: int) -> None:
        self._progress.advance(self._task, chunks)


class Lines:
    """A line now and then, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def reading(self, source: str) -> None:
        self._show(f"reading {source}")

    def read(self, source: str, documents: int) -> None:
        self._show(f"read {documents} documents of {source}")

    def embedding(self, chunks: int) -> None:
        self._total, self._done, self._shown = chunks, 0, 0
        self._show(f"embedding {chunks} chunks")

    def embedded(self, chunks: int) -> None:
        self._done += chunks
        if self._done - self._shown >= LINE_EVERY or self._done == self._total:
            self._shown = self._done
            self._show(f"embedded {self._done} of {self._total} chunks")

    def _show(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
