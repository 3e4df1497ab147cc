"""What is said: drafted from evidence, checked, and sent back."""

from dataclasses import dataclass
from typing import Literal

from portal_rag.domain.evidence import Consulted, Source

Status = Literal["answered", "partial", "clarify", "insufficient_evidence", "declined"]
Level = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A piece of the answer and the sources (by position) that carry it.

    A statement without citations must not state a fact. `quote` stands verbatim in its source.
    """

    text: str
    citations: tuple[int, ...] = ()
    quote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """An offer: open a link, or ask the next question. Exactly one of the two is set."""

    label: str
    url: str | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer before it was checked; citations count from 1 into `sources`.

    `unread` are the words of the question that the answer takes no account of, `dropped` counts
    the statements that were taken out because their sources did not carry them.
    """

    status: Status
    statements: tuple[Statement, ...]
    sources: tuple[Source, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    unread: tuple[str, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How far the answer can be trusted, with the reasons in words.

    `probability` is the calibrated chance that the answer is right; None without a calibration.
    """

    level: Level
    reasons: tuple[str, ...]
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWarning:
    """Something that the reader should know about the sources."""

    code: str
    message: str
    source_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back. `sources` are numbered from 1 in the order given."""

    id: str
    conversation_id: str
    status: Status
    text: str
    confidence: Confidence | None
    sources: tuple[Source, ...]
    warnings: tuple[AnswerWarning, ...]
    consulted: tuple[Consulted, ...]
    follow_ups: tuple[FollowUp, ...]
