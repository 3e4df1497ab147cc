import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from portal_rag.api.wire import to_wire
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.confidence.calibration import Calibration
from portal_rag.domain import Consulted, Evidence, Portal, Query
from portal_rag.evidence.gathering import Gathering
from portal_rag.pipeline import Pipeline
from portal_rag.trail import Answered
from portal_rag.understanding import Understanding, read_intent
from tests.factories import NOW, make_passage, make_question
from tests.portal_rag.calibrating import SIGNALS, make_calibration

EVIDENCE = Evidence(
    passages=(make_passage(similarity=0.8),),
    signals=SIGNALS,
    consulted=(Consulted(source="index", state="ok", took_ms=1),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAlready(Gathering):
    """Brings the same evidence for every question."""

    async def gather(self, query: Query, portal: Portal) -> Evidence:
        return EVIDENCE


async def answered(calibration: Calibration | None) -> Answered:
    async def current() -> Calibration | None:
        return calibration

    ids = itertools.count()
    pipeline = Pipeline(
        understanding=Understanding(read=read_intent, clock=lambda: NOW, zone=UTC),
        gathering=FoundAlready(sources=(), deadline_seconds=1.0, timer=lambda: 0.0),
        clock=lambda: NOW,
        timer=lambda: 0.0,
        make_id=lambda: str(next(ids)),
        calibration=current,
    )
    question = make_question("How do I drain the broker?")
    return await pipeline.answer_with_trail(question, LocalPortal(list))


def confidence(given: Answered) -> Mapping[str, Any]:
    written: Mapping[str, Any] = to_wire(given.answer)["confidence"]
    return written


async def test_a_calibrated_answer_says_its_chance_with_two_decimals() -> None:
    given = await answered(make_calibration(intercept=3.0))
    assert given.answer.status == "answered"
    assert confidence(given)["probability"] == 0.95
    assert given.trail.judged_as == "document"
    assert given.trail.judged_by["similarity"] == SIGNALS.similarity


async def test_an_answer_more_likely_wrong_than_right_is_not_given() -> None:
    given = await answered(make_calibration(intercept=-1.0))
    assert (given.answer.status, given.answer.sources) == ("insufficient_evidence", ())
    assert confidence(given)["probability"] == 0.7
    assert given.trail.judged_as == "document"
    assert given.trail.judged_by["similarity"] == SIGNALS.similarity
    assert given.trail.retrieved == ()


async def test_without_a_calibration_there_is_no_probability_on_the_wire() -> None:
    given = await answered(None)
    assert given.answer.status == "answered"
    assert list(confidence(given)) == ["level", "reasons"]
