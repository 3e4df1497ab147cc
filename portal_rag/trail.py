"""What operators may know of a question beside its answer; askers are never shown it."""

from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Answer, Draft, Evidence, Intent, Query, Question, Topic
from portal_rag.principals import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Names only what the asker could see; of what the gate held back there is a number alone.

    `retrieved` and `cited` are ids of sources (`Source.id`). `intent` is None where nothing could
    be worked out, because the portal did not answer.
    """

    intent: Intent | None = None
    topics: tuple[Topic, ...] = ()
    subjects: tuple[EntityRef, ...] = ()
    retrieved: tuple[str, ...] = ()
    dropped: int = 0
    cited: tuple[str, ...] = ()
    cited_kinds: frozenset[DocumentKind] = frozenset()


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


def trail_of(query: Query, evidence: Evidence, draft: Draft) -> Trail:
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
    )
