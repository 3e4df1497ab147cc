"""Runs are repeated at intervals and for hints, until they are told to stop."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from indexer.hinting import Hints
from indexer.repeating import Rhythm, repeat, stop_on_signals, together
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError
from tests.indexer.pacing import Pacing, settle

SHOP, CART = (EntityRef("component", "default", name) for name in ("shop", "cart"))
INTERVAL, PAUSE = 600.0, 5.0
Ran = list[tuple[float, EntityRef | None]]


class Watch:
    """Runs that take `run_seconds` each; `ran` tells when each began, from zero."""

    def __init__(self) -> None:
        self.pacing = Pacing()
        self.hints = Hints()
        self.ran: Ran = []
        self.run_seconds = 0.0
        self._started = self.pacing.now

    async def run(self, entity: EntityRef | None) -> None:
        self.ran.append((self.pacing.now - self._started, entity))
        await self.pacing.sleep(self.run_seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        rhythm = Rhythm(
            interval_seconds=lambda: INTERVAL,
            hint_pause_seconds=PAUSE,
            seconds=self.pacing.seconds,
            sleep=self.pacing.sleep,
        )
        task = asyncio.ensure_future(repeat(self.run, hints=self.hints, rhythm=rhythm))
        await self.pacing.pass_by(0)
        yield
        task.cancel()
        await settle()


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    watch = Watch()
    async with watch.running():
        yield watch


async def test_without_hints_runs_come_at_intervals(watch: Watch) -> None:
    await watch.pacing.pass_by(2 * INTERVAL)
    assert watch.ran == [(0, None), (INTERVAL, None), (2 * INTERVAL, None)]


async def test_a_hint_is_run_after_a_pause_and_the_interval_goes_on(watch: Watch) -> None:
    await watch.pacing.pass_by(100)
    watch.hints.post(SHOP)
    await watch.pacing.pass_by(INTERVAL)
    assert watch.ran == [(0, None), (100 + PAUSE, SHOP), (INTERVAL, None)]


async def test_a_burst_of_hints_is_one_round_of_runs(watch: Watch) -> None:
    for entity in (SHOP, CART, SHOP):
        watch.hints.post(entity)
        await watch.pacing.pass_by(1)
    await watch.pacing.pass_by(100)
    assert watch.ran == [(0, None), (PAUSE, SHOP), (PAUSE, CART)]


async def test_a_general_hint_is_an_ordinary_run(watch: Watch) -> None:
    watch.hints.post(SHOP)
    watch.hints.post(None)
    await watch.pacing.pass_by(100)
    assert watch.ran == [(0, None), (PAUSE, None)]


async def test_a_hint_that_comes_during_a_run_is_run_after_it() -> None:
    watch = Watch()
    watch.run_seconds = 50
    async with watch.running():
        watch.hints.post(SHOP)
        await watch.pacing.pass_by(54)
        assert watch.ran == [(0, None)]
        await watch.pacing.pass_by(1)
        watch.hints.post(SHOP)
        await watch.pacing.pass_by(200)
    assert watch.ran == [(0, None), (55, SHOP), (55 + 2 * 50, SHOP)]


async def test_a_run_that_is_due_takes_the_place_of_hints_that_still_wait(watch: Watch) -> None:
    await watch.pacing.pass_by(INTERVAL - 1)
    watch.hints.post(SHOP)
    await watch.pacing.pass_by(100)
    assert watch.ran == [(0, None), (INTERVAL, None)]


async def test_a_run_that_comes_due_takes_the_place_of_the_rest_of_a_round(watch: Watch) -> None:
    await watch.pacing.pass_by(INTERVAL - PAUSE - 10)
    watch.run_seconds = 30
    for entity in (SHOP, CART):
        watch.hints.post(entity)
    await watch.pacing.pass_by(100)
    assert watch.ran == [(0, None), (INTERVAL - 10, SHOP), (INTERVAL + 20, None)]


@pytest.mark.parametrize("hinted", [SHOP, None])
async def test_a_flood_of_hints_leaves_half_of_the_time_and_the_intervals(
    watch: Watch, hinted: EntityRef | None
) -> None:
    watch.run_seconds = 30
    for _ in range(int(2 * INTERVAL)):
        watch.hints.post(hinted)
        await watch.pacing.pass_by(1)
    assert len(watch.ran) * 30 <= 2 * INTERVAL * 0.6
    begun = [second for second, entity in watch.ran if entity is None]
    assert max(b - a for a, b in itertools.pairwise(begun)) <= INTERVAL + 60


async def test_a_flood_of_hints_for_quick_runs_is_not_a_tight_loop(watch: Watch) -> None:
    for _ in range(100):
        watch.hints.post(None)
        await watch.pacing.pass_by(1)
    assert len(watch.ran) <= 1 + 100 / PAUSE


async def test_what_is_under_way_is_cancelled_by_stop_and_may_clean_up() -> None:
    stop, told = asyncio.Event(), []

    async def work() -> None:
        asyncio.get_running_loop().call_soon(stop.set)
        try:
            await asyncio.Event().wait()
        finally:
            told.append("closed")

    async with asyncio.timeout(5):
        await together([work(), work()], stop=stop)
    assert told == ["closed", "closed"]


async def test_an_error_of_one_part_ends_the_others() -> None:
    told = []

    async def fail() -> None:
        raise ConfigurationError("wrong")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("closed")

    async with asyncio.timeout(5):
        with pytest.raises(ConfigurationError):
            await together([work(), fail()], stop=asyncio.Event())
    assert told == ["closed"]


async def test_an_error_while_cleaning_up_is_not_lost() -> None:
    stop = asyncio.Event()

    async def work() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("disk full")

    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="disk full"):
            await together([work()], stop=stop)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_ask_to_stop(number: signal.Signals) -> None:
    stop = stop_on_signals()
    signal.raise_signal(number)
    async with asyncio.timeout(5):
        await stop.wait()
    remove: Callable[[int], bool] = asyncio.get_running_loop().remove_signal_handler
    assert all([remove(signal.SIGTERM), remove(signal.SIGINT)])
