"""Time that passes when a test says so."""

import asyncio

_TURNS = 30
"""Of the event loop, in which everything that can go on has gone on."""


class Pacing:
    """A clock whose sleepers wake in the order of their time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def seconds(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.now + seconds, woken))
        await woken.wait()

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, and everything happen that does meanwhile."""
        end = self.now + seconds
        await settle()
        while due := [each for each in self._sleepers if each[0] <= end]:
            next_one = min(due, key=lambda each: each[0])
            self._sleepers.remove(next_one)
            self.now = next_one[0]
            next_one[1].set()
            await settle()
        self.now = end


async def settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
