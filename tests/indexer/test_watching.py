"""Watching repeats runs until it is told to stop."""

import asyncio

import pytest

from indexer.watching import repeat
from portal_rag.errors import ConfigurationError


async def test_runs_are_repeated_until_stop() -> None:
    stop, runs = asyncio.Event(), []

    async def run() -> None:
        runs.append(len(runs))
        if len(runs) == 3:
            stop.set()

    async with asyncio.timeout(5):
        await repeat(run, pause_seconds=lambda: 0.001, stop=stop)
    assert runs == [0, 1, 2]


async def test_a_pause_ends_with_stop() -> None:
    stop = asyncio.Event()

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.01, stop.set)

    async with asyncio.timeout(5):
        await repeat(run, pause_seconds=lambda: 1_000, stop=stop)


async def test_a_run_under_way_is_cancelled_and_may_clean_up() -> None:
    stop, told = asyncio.Event(), []

    async def run() -> None:
        asyncio.get_running_loop().call_soon(stop.set)
        try:
            await asyncio.Event().wait()
        finally:
            told.append("closed")

    async with asyncio.timeout(5):
        await repeat(run, pause_seconds=lambda: 1_000, stop=stop)
    assert told == ["closed"]


async def test_an_error_of_a_run_ends_it() -> None:
    async def run() -> None:
        raise ConfigurationError("wrong")

    async with asyncio.timeout(5):
        with pytest.raises(ConfigurationError):
            await repeat(run, pause_seconds=lambda: 1_000, stop=asyncio.Event())
