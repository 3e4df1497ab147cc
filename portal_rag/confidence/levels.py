"""How far an answer can be trusted: the lowest level that any reason allows."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from portal_rag.confidence.calibration import REFUSED, Calibration
from portal_rag.confidence.features import (
    cited_facts,
    cited_passages,
    features_of,
    kind_of,
)
from portal_rag.confidence.staleness import concerns
from portal_rag.domain import (
    AnswerWarning,
    Confidence,
    Draft,
    Evidence,
    Level,
    Passage,
    Query,
)

_STRONG = 0.55
_FAILED = frozenset({"unavailable", "timeout", "forbidden", "rate_limited"})
_ORDER: tuple[Level, ...] = ("low", "medium", "high")
_Judged = tuple[Level, str]


def assess(
    query: Query, draft: Draft, evidence: Evidence, calibration: Calibration | None, now: datetime
) -> Confidence | None:
    """Take the lowest level that any reason allows; nothing for answers that claim nothing.

    `calibration` is None for an index that none fits.
    """
    if draft.status in ("clarify", "declined"):
        return None
    probability = _probability(query, draft, evidence, calibration)
    judged = [
        *_of_evidence(draft, evidence, now),
        *_of_documents(draft, evidence, calibration, probability),
        *_of_concerns(query, draft, evidence, now),
        *_of_trouble(draft, evidence),
    ]
    return Confidence(
        level=min((level for level, _ in judged), key=_ORDER.index),
        reasons=tuple(dict.fromkeys(reason for _, reason in judged)),
        probability=probability,
    )


def is_too_uncertain(
    query: Query, draft: Draft, evidence: Evidence, calibration: Calibration | None
) -> bool:
    """Whether an answer from documents is more likely wrong than right, so that none is better."""
    if calibration is None or kind_of(query, draft, evidence) != "document":
        return False
    chance = calibration.documents.probability(features_of(query, draft, evidence))
    return chance is not None and chance < calibration.refuse_below


def warn(
    query: Query, draft: Draft, evidence: Evidence, now: datetime
) -> tuple[AnswerWarning, ...]:
    """List what the reader should know of the sources, and sources that were not asked."""
    warned = (
        AnswerWarning(code=one.code, message=one.message, source_ids=one.source_ids)
        for one in concerns(query, draft, evidence, now)
    )
    return (*warned, *_unavailable(evidence))


def _probability(
    query: Query, draft: Draft, evidence: Evidence, calibration: Calibration | None
) -> float | None:
    kind = kind_of(query, draft, evidence)
    if calibration is None or kind is None:
        return None
    if kind == "document":
        return calibration.documents.probability(features_of(query, draft, evidence))
    if kind == "nothing" and evidence.set_aside:
        return calibration.constants.get(REFUSED)
    return calibration.constants.get(kind)


def _of_evidence(draft: Draft, evidence: Evidence, now: datetime) -> Iterator[_Judged]:
    if not draft.sources:
        yield "low", "nothing that answers the question was found"
    elif facts := cited_facts(draft, evidence):
        oldest = min(fact.source.fetched_at for fact in facts)
        yield "high", f"exact catalog fact, fetched {_seconds(now, oldest)} s ago"


def _of_documents(
    draft: Draft, evidence: Evidence, calibration: Calibration | None, probability: float | None
) -> Iterator[_Judged]:
    """Judge an answer from documents: by calibration, or without one by hand and never highly."""
    cited = cited_passages(draft, evidence)
    if not cited:
        return
    if calibration is None or probability is None:
        yield _uncalibrated(max(cited, key=lambda passage: passage.similarity or 0.0))
        return
    share = f"of 100 answers from documents like this one, about {round(probability * 100)} are"
    yield _level_of(probability, calibration), f"{share} right"
    if not any(passage.in_lexical and passage.similarity for passage in cited):
        yield "medium", "no document was found both by its words and by its meaning"


def _level_of(probability: float, calibration: Calibration) -> Level:
    if calibration.high is not None and probability >= calibration.high:
        return "high"
    is_medium = calibration.medium is not None and probability >= calibration.medium
    return "medium" if is_medium else "low"


def _uncalibrated(best: Passage) -> _Judged:
    note = (
        "how often answers from this index are right was never measured"
        " (the index is not calibrated)"
    )
    if best.in_lexical and (best.is_about_subject or (best.similarity or 0.0) >= _STRONG):
        return "medium", f"meaning and words of a document fit; {note}"
    return "low", f"the best document fits only loosely; {note}"


def _of_concerns(
    query: Query, draft: Draft, evidence: Evidence, now: datetime
) -> Iterator[_Judged]:
    for concern in concerns(query, draft, evidence, now):
        yield "medium", concern.reason


def _of_trouble(draft: Draft, evidence: Evidence) -> Iterator[_Judged]:
    failed = [one.source for one in evidence.consulted if one.state in _FAILED]
    if failed:
        yield "medium", f"not available: {', '.join(failed)}"
    if draft.unread:
        yield "medium", f"not taken into account: {', '.join(draft.unread)}"
    if draft.dropped:
        yield "medium", "a statement was left out, for its source did not carry it"
    if draft.status == "partial":
        yield "medium", "a part of the question has no answer"
    if draft.status == "insufficient_evidence" and draft.sources:
        yield "low", "the question itself has no answer"


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
