"""Runs again and again until it is told to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress


async def repeat(
    run: Callable[[], Awaitable[None]], *, pause_seconds: Callable[[], float], stop: asyncio.Event
) -> None:
    """Run, pause, run; a run that is under way when `stop` is set is cancelled.

    What a run raises ends it all.
    """
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            running = asyncio.ensure_future(run())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await asyncio.wait({stopping}, timeout=pause_seconds())
    finally:
        stopping.cancel()


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set from now on, instead of ending the program."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop
