"""How work is timed, and how times are shown."""

import statistics
import time
from collections.abc import Callable, Sequence

ROUNDS = 10
WARM_UP = 2
_PERCENTILES = 100


def timed(work: Callable[[], object]) -> list[float]:
    """Time some work again and again, in seconds each, after a warm-up."""
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken[WARM_UP:]


def spread(seconds: Sequence[float]) -> str:
    """Show the middle and the slow end of some times."""
    middle, slow = percentiles(seconds)
    return f"p50 {middle * 1000:.1f} ms, p95 {slow * 1000:.1f} ms, n={len(seconds)}"


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Give the middle and the slow end, of which one in twenty is slower."""
    cuts = statistics.quantiles(seconds, n=_PERCENTILES)
    return cuts[49], cuts[94]


def ratio(seconds: Sequence[float], unit: float) -> str:
    """Show the middle of some times as a multiple of another time."""
    return f"{statistics.median(seconds) / unit:.2f} times"
