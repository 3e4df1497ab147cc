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
    cuts = statistics.quantiles(seconds, n=_PERCENTILES)
    return f"p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, n={len(seconds)}"


def ratio(seconds: Sequence[float], unit: float) -> str:
    """Show the middle of some times as a multiple of another time."""
    return f"{statistics.median(seconds) / unit:.2f} times"
