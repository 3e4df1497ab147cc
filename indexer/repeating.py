"""Runs again and again, at intervals and for hints, until it is told to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from indexer.hinting import Hints
from portal_rag.corpus.entity_ref import EntityRef

Run = Callable[[EntityRef | None], Awaitable[None]]
"""Reads one entity, or, for None, everything that changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When runs begin; `seconds` is a monotonic clock, and `sleep` waits by it.

    `interval_seconds` is drawn anew after each ordinary run. `hint_pause_seconds` pass before
    runs that hints ask for, so that a burst of hints becomes one round of runs.
    """

    interval_seconds: Callable[[], float]
    hint_pause_seconds: float
    seconds: Callable[[], float]
    sleep: Callable[[float], Coroutine[Any, Any, None]]


async def repeat(run: Run, *, hints: Hints, rhythm: Rhythm) -> NoReturn:
    """Run in full, heed hints until the interval is over, and again; what a run raises ends it."""
    while True:
        hints.take()  # an ordinary run sees whatever they could tell
        await run(None)
        await _heed(run, hints, rhythm)


async def _heed(run: Run, hints: Hints, rhythm: Rhythm) -> None:
    """Run for hints until an ordinary run is due, and rest at least as long as they took."""
    due = asyncio.ensure_future(rhythm.sleep(rhythm.interval_seconds()))
    rested_at = rhythm.seconds()
    try:
        while await _comes_before(due, hints.wait()):
            pause = max(rhythm.hint_pause_seconds, rested_at - rhythm.seconds())
            if not await _comes_before(due, rhythm.sleep(pause)):
                return
            began = rhythm.seconds()
            for entity in hints.take():
                if due.done():
                    return
                await run(entity)
            ended = rhythm.seconds()
            rested_at = ended + (ended - began)
    finally:
        due.cancel()


async def _comes_before(due: asyncio.Future[None], coming: Coroutine[Any, Any, None]) -> bool:
    waiting = asyncio.ensure_future(coming)
    try:
        await asyncio.wait({due, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return not due.done()
    finally:
        waiting.cancel()


async def together(work: Sequence[Coroutine[Any, Any, Any]], *, stop: asyncio.Event) -> None:
    """Do all of it at once until `stop` is set or one part fails.

    The others are cancelled then, and clean up; what a part raised is raised.
    """
    tasks = [asyncio.ensure_future(each) for each in (stop.wait(), *work)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set from now on, instead of ending the program."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop
