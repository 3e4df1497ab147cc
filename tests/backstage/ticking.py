"""A clock that a test moves."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Ticking:
    """Counts seconds as a timer does; `now` says the same as a date."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)
