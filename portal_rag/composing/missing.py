"""What was asked and not found, what was looked at, and whom to ask instead."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.composing.citing import Sources
from portal_rag.composing.refusing import not_found, offered
from portal_rag.composing.stating import fact_statement, wanted
from portal_rag.composing.wording import MISSING, called, shortly_called
from portal_rag.domain import (
    Consulted,
    Evidence,
    Fact,
    Intent,
    Passage,
    Query,
    State,
    Statement,
    Topic,
    wanted_link,
)

_TEAM_KINDS = frozenset({"group", "user"})
_CONTEXT: frozenset[Topic] = frozenset({"description", "type", "system", "contact", "matches"})
"""Told where they are known, but not missed unless they were asked for first."""
_LIVE: Mapping[Intent, str] = {
    "on_call": "who is on call",
    "deployment": "what is deployed",
    "change": "what changed",
    "incident": "which incidents there are",
}
_PLACES: Mapping[str, str] = {
    "catalog": "the catalog",
    "index": "the documentation",
    "search": "the portal's search",
}
_STATES: Mapping[State, str] = {
    "unavailable": "which did not answer",
    "timeout": "which did not answer in time",
    "forbidden": "which refused to answer",
    "rate_limited": "which would not be asked again so soon",
}


def live_missing(query: Query) -> Iterator[str]:
    """Say that only a live source could tell, and none is connected."""
    if query.purpose == "live":
        yield (
            "No live source is connected for this, so I cannot say"
            f" {_LIVE.get(query.intent, 'what is true right now')};"
            " on-call, deployments and incidents are never taken from an index."
        )


def missing(query: Query, evidence: Evidence, passages: Sequence[Passage]) -> Iterator[str]:
    """Say what was asked and not found; hidden and absent are told with the same words."""
    if query.purpose == "facts":
        yield from _missing_facts(query, evidence.facts)
    elif query.purpose == "documents":
        yield from _undocumented(query, passages)
    if query.unknown_name:
        yield not_found(query.unknown_name)
    if query.choices:
        yield offered(query)


def _missing_facts(query: Query, facts: Sequence[Fact]) -> Iterator[str]:
    told = {(fact.subject.ref, fact.topic) for fact in facts}
    for entity in query.subjects:
        for topic in query.topics:
            is_asked = topic == query.topics[0] or topic not in _CONTEXT
            if is_asked and topic != "matches" and (entity.ref, topic) not in told:
                yield from _lacking(query, entity, topic)
    if query.selection and not any(fact.topic == "matches" for fact in facts):
        yield f"I found no {wanted(query.selection, ())} that fit."


def _lacking(query: Query, entity: Entity, topic: Topic) -> Iterator[str]:
    """Say what an entity lacks; a team has no owner, which is no news beside a thing that has."""
    is_team = entity.ref.kind in _TEAM_KINDS
    if topic == "owner" and is_team and len(query.subjects) > 1:
        return
    kind = wanted_link(query.question.text) if topic == "links" else None
    if kind:
        yield f"I could not find {kind.name} among the links of {called(entity)}."
    else:
        yield MISSING[topic].format(called(entity))


def _undocumented(query: Query, passages: Sequence[Passage]) -> Iterable[str]:
    """Say when what is quoted is not about the thing asked for, or nothing can be quoted."""
    if query.ticket_ids and not passages:
        yield not_found(", ".join(sorted(query.ticket_ids)))
    elif query.subjects and query.topics != ("docs",) and not _are_about_subject(passages):
        names = ", ".join(map(shortly_called, query.subjects))
        what = "a runbook" if "runbook" in query.document_kinds else "anything about this"
        if passages or not query.topics:
            yield f"I could not find {what} in the documentation of {names}."


def _are_about_subject(passages: Sequence[Passage]) -> bool:
    return any(passage.is_about_subject for passage in passages)


def consulted(evidence: Evidence) -> Iterator[str]:
    """List where was looked."""
    places = [_place(one) for one in evidence.consulted if one.state in ("ok", "empty", *_STATES)]
    if places:
        yield f"I looked in: {', '.join(places)}."


def _place(one: Consulted) -> str:
    place = _PLACES.get(one.source, one.source)
    return f"{place} ({_STATES[one.state]})" if one.state in _STATES else place


def whom_to_ask(evidence: Evidence, told: Sequence[Fact], sources: Sources) -> Iterator[Statement]:
    """Name the owners and their channels, if these were not the answer already."""
    known = {(fact.topic, fact.subject.ref) for fact in told if fact.mentions}
    for fact in evidence.contacts:
        if (fact.topic, fact.subject.ref) not in known:
            yield fact_statement(fact, sources)
