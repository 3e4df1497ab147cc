"""Draft + Evidence -> how far the answer can be trusted, with reasons and warnings."""

from collections.abc import Iterable
from datetime import datetime

from portal_rag.domain import (
    AnswerWarning,
    Confidence,
    Draft,
    Evidence,
    Level,
    Passage,
)

_STRONG = 0.55
_DAYS_A_MONTH = 30.44
_FAILED = frozenset({"unavailable", "timeout", "forbidden", "rate_limited"})


def assess(draft: Draft, evidence: Evidence, now: datetime) -> Confidence | None:
    """Take the lowest level that any reason allows; nothing for answers that claim nothing."""
    if draft.status in ("clarify", "declined"):
        return None
    judged = [*_of_kind(draft, evidence, now), *_of_trouble(draft, evidence)]
    order: tuple[Level, ...] = ("low", "medium", "high")
    level = min((level for level, _ in judged), key=order.index)
    return Confidence(level=level, reasons=tuple(reason for _, reason in judged))


def _of_kind(draft: Draft, evidence: Evidence, now: datetime) -> Iterable[tuple[Level, str]]:
    if not draft.sources:
        yield "low", "nothing that answers the question was found"
        return
    if any(fact.source in draft.sources for fact in evidence.facts):
        oldest = min(fact.source.fetched_at for fact in evidence.facts)
        yield "high", f"exact catalog fact, fetched {_seconds(now, oldest)} s ago"
    cited = [p for p in evidence.passages if p.source in draft.sources]
    if cited:
        yield _of_passage(max(cited, key=lambda passage: passage.similarity or 0.0))


def _of_passage(best: Passage) -> tuple[Level, str]:
    """Judge the best passage; without calibration it never earns more than medium."""
    if best.in_lexical and (best.is_about_subject or (best.similarity or 0.0) >= _STRONG):
        return "medium", "meaning and words of a document fit (the index is not calibrated)"
    return "low", "the best document fits only loosely"


def _of_trouble(draft: Draft, evidence: Evidence) -> Iterable[tuple[Level, str]]:
    if any(source.stale for source in draft.sources):
        yield "medium", "a source is old"
    failed = [one.source for one in evidence.consulted if one.state in _FAILED]
    if failed:
        yield "medium", f"not available: {', '.join(failed)}"
    if draft.unread:
        yield "medium", f"not taken into account: {', '.join(draft.unread)}"
    if draft.status == "partial":
        yield "medium", "a part of the question has no answer"
    if draft.status == "insufficient_evidence" and draft.sources:
        yield "low", "the question itself has no answer"


def warn(draft: Draft, evidence: Evidence, now: datetime) -> tuple[AnswerWarning, ...]:
    """List what the reader should know: old sources, and sources that were not asked."""
    return (*_stale(draft, now), *_unavailable(evidence))


def _stale(draft: Draft, now: datetime) -> Iterable[AnswerWarning]:
    for number, source in enumerate(draft.sources, start=1):
        if source.stale and source.modified_at:
            months = round((now - source.modified_at).days / _DAYS_A_MONTH)
            yield AnswerWarning(
                code="stale_source",
                message=f"{source.title} was last changed or reviewed {months} months ago.",
                source_ids=(number,),
            )


def _unavailable(evidence: Evidence) -> Iterable[AnswerWarning]:
    for one in evidence.consulted:
        if one.state in _FAILED:
            yield AnswerWarning(
                code="source_unavailable",
                message=f"{one.source} could not be asked ({one.state}); the answer may lack it.",
                source_ids=(),
            )
        elif one.state == "not_configured":
            yield AnswerWarning(
                code="source_not_configured",
                message=f"{one.source} was not consulted: this portal has none.",
                source_ids=(),
            )


def _seconds(now: datetime, then: datetime) -> int:
    return max(0, round((now - then).total_seconds()))
