"""The one retry policy: reads that failed for a passing reason are asked again, twice."""

from math import inf

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
)
from tenacity.wait import wait_random_exponential

from portal_rag.errors import UpstreamError

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 10.0
_backoff = wait_random_exponential(multiplier=0.1, max=2.0)


def reads(*, within_seconds: float = inf) -> AsyncRetrying:
    """Make the policy for an idempotent read.

    Use it as `async for attempt in reads(): with attempt:`. A wait that the upstream asked for
    (`Retry-After`) is respected up to LONGEST_WAIT_SECONDS; a wait that would end later than
    `within_seconds` after the start is not begun. The last error is raised unchanged.
    """
    return AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(within_seconds),
        wait=_wait,
        retry=retry_if_exception(_is_transient),
        reraise=True,
    )


def _is_transient(error: BaseException) -> bool:
    if not isinstance(error, UpstreamError) or not error.is_transient:
        return False
    return (error.retry_after_seconds or 0) <= LONGEST_WAIT_SECONDS


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, UpstreamError) else None
    return asked if asked is not None else _backoff(state)
