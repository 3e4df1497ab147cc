"""Whether the time of an answer tells that something is hidden, or is not there at all."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from evals.leakage.asking import Ask
from evals.leakage.battery import Try

MOST_APART = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of the same tries where things are hidden, and where they are not there."""

    hidden: Sequence[float]
    missing: Sequence[float]

    @property
    def slower(self) -> float:
        """How often the one takes longer (Mann and Whitney's U, scaled); 0.5 tells nothing."""
        wins = sum((a > b) + (a == b) / 2 for a in self.hidden for b in self.missing)
        return wins / (len(self.hidden) * len(self.missing)) if self.hidden else 0.5

    @property
    def tells(self) -> bool:
        return abs(self.slower - 0.5) > MOST_APART

    @property
    def medians_ms(self) -> tuple[float, float]:
        hidden, missing = (statistics.median(each or [0.0]) for each in (self.hidden, self.missing))
        return hidden * 1000, missing * 1000


def timed(tries: Sequence[Try], ask_hiding: Ask, ask_without: Ask) -> Timing:
    """Ask one by one, first the one and then the other by turns."""
    took: tuple[list[float], list[float]] = ([], [])
    for number, attempt in enumerate(tries):
        for which in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            (ask_hiding, ask_without)[which](attempt)
            took[which].append(time.perf_counter() - started)
    return Timing(hidden=took[0], missing=took[1])
