"""What was learned from answers that were known to be right or wrong: read from a file.

`portal-evals calibrate` writes it. It holds for one way of indexing only: another embedding model,
schema or way of chunking finds other passages with other figures.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from portal_rag.confidence.features import AnswerKind
from portal_rag.corpus.store import IndexIdentity
from portal_rag.errors import ConfigurationError

REFUSED: Literal["refused"] = "refused"
"""The kind of answer that a document would have given, had it not been too uncertain."""
_FARTHEST = 4.0
_PACKAGED = "packaged_calibration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A logistic regression over standardised features.

    A figure farther than four standard deviations from the mean counts as that far: beyond what
    was seen nothing was learned.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def __post_init__(self) -> None:
        lengths = {len(self.features), len(self.means), len(self.scales), len(self.weights)}
        if len(lengths) > 1 or min(self.scales, default=1.0) <= 0:
            raise ValueError("features, means, scales above 0 and weights must be equally many")

    def probability(self, values: Mapping[str, float]) -> float | None:
        """Give the chance that an answer with these features is right; None if one is missing."""
        if not all(name in values for name in self.features):
            return None
        rows = zip(self.features, self.means, self.scales, self.weights, strict=True)
        odds = self.intercept + math.fsum(
            weight * _within((values[name] - mean) / scale) for name, mean, scale, weight in rows
        )
        return 1 / (1 + math.exp(-_within(odds, 30.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Chances that answers are right, and from which chance on they deserve a level.

    `documents` judges answers from documents, `constants` gives the share that was right of every
    other kind. `high` and `medium` are None where no threshold kept what these levels promise;
    below `refuse_below` an answer from documents is more likely wrong than right.
    """

    format: Literal[1] = 1
    index: IndexIdentity
    set_hash: str
    labels: int
    documents: Logistic
    constants: Mapping[AnswerKind | Literal["refused"], float]
    high: float | None
    medium: float | None
    refuse_below: float


_CALIBRATION = TypeAdapter(Calibration)


def load_calibration(path: Path) -> Calibration:
    """Read a file that `portal-evals calibrate` wrote.

    Raises:
        ConfigurationError: it cannot be read, or is something else.
    """
    try:
        return _CALIBRATION.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"PORTAL_RAG_CALIBRATION_FILE: {path} is no calibration that `portal-evals calibrate`"
            f" wrote ({type(error).__name__}); write it again, or set it to `off`"
            " (README, Confidence)."
        ) from error


def packaged_calibration() -> Calibration | None:
    """Give the calibration that comes with this program, for the packaged model."""
    file = resources.files("portal_rag.confidence") / _PACKAGED
    return _CALIBRATION.validate_json(file.read_bytes()) if file.is_file() else None


def calibration_to_json(calibration: Calibration) -> bytes:
    """Encode a calibration: the same one gives the same bytes."""
    return _CALIBRATION.dump_json(calibration, indent=1) + b"\n"


def _within(value: float, farthest: float = _FARTHEST) -> float:
    return max(-farthest, min(farthest, value))
