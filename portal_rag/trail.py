"""What operators may know of a question beside its answer; askers are never shown it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Answer, Draft, Evidence, Intent, Query, Question, Timer, Topic
from portal_rag.principals import Principal

Stage = Literal["understand", "gather", "compose", "check", "assess"]
StageTimes = tuple[tuple[Stage, float], ...]
"""How long each stage took, in seconds."""


class Laps:
    """Takes the time of stages that follow each other."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._started = timer()
        self._taken: list[tuple[Stage, float]] = []

    def end(self, stage: Stage) -> None:
        """Note that a stage has ended, which began where the one before it ended."""
        now = self._timer()
        self._taken.append((stage, now - self._started))
        self._started = now

    @property
    def taken(self) -> StageTimes:
        return tuple(self._taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Names only what the asker could see; of what the gate held back there is a number alone.

    `retrieved` and `cited` are ids of sources (`Source.id`). `intent` is None where nothing could
    be worked out, because the portal did not answer. `judged_as` is the kind of answer
    as which the chance was judged that it is right, `judged_by` the figures of one from documents;
    both also of an answer that was not given for being too uncertain.
    """

    intent: Intent | None = None
    topics: tuple[Topic, ...] = ()
    subjects: tuple[EntityRef, ...] = ()
    retrieved: tuple[str, ...] = ()
    dropped: int = 0
    cited: tuple[str, ...] = ()
    cited_kinds: frozenset[DocumentKind] = frozenset()
    stages: StageTimes = ()
    judged_as: str | None = None
    judged_by: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer for the asker, and its trail for the operators."""

    answer: Answer
    trail: Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A question that came to its end: either answered, or failed with the name of an error.

    `took_ms` is what the asker waited, the check whether they may ask included.
    """

    principal: Principal
    question: Question
    request_id: str
    took_ms: int
    answered: Answered | None = None
    error: str | None = None


def trail_of(query: Query, evidence: Evidence, draft: Draft, stages: StageTimes = ()) -> Trail:
    """Note what a question was about, what was found for it and what was used."""
    facts = (*evidence.facts, *evidence.contacts)
    found = [*(fact.source for fact in facts), *(one.source for one in evidence.passages)]
    return Trail(
        intent=query.intent,
        topics=query.topics,
        subjects=tuple(entity.ref for entity in query.subjects),
        retrieved=tuple(dict.fromkeys(source.id for source in found)),
        dropped=evidence.dropped,
        cited=tuple(dict.fromkeys(source.id for source in draft.sources)),
        cited_kinds=frozenset(one.kind for one in evidence.passages if one.source in draft.sources),
        stages=stages,
    )
