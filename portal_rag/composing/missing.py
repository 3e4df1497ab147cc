"""What was asked and not found, what was looked at, and whom to ask instead."""

import re
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
from portal_rag.domain.likeness import is_name, speaks_of
from portal_rag.domain.topics import applies

_CONTEXT: frozenset[Topic] = frozenset({"description", "type", "system", "contact", "matches"})
"""Told where they are known, but not missed unless they were asked for first."""
_LIVE: Mapping[Intent, str] = {
    "on_call": "who is on call",
    "deployment": "what is deployed",
    "change": "what changed",
    "incident": "which incidents there are",
}
_UNRECORDED: Mapping[str, re.Pattern[str]] = {
    "a phone number": re.compile(r"\b(?:tele)?phones?\b|\bmobile number\b", re.IGNORECASE),
    "who leads a team": re.compile(
        r"\b(?:managers?|boss|team ?leads?|leads|head of|runs the team)\b", re.IGNORECASE
    ),
}
_ON_CALL = re.compile(r"\bon[- ]?call\b", re.IGNORECASE)
_WHO_IS = re.compile(r"\bwho(?:'s| is)\s+(\w+)\s+(?:in|on|from|of)\b", re.IGNORECASE)
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


_NOT_LIVE = (
    "No live source is connected for this, so I cannot say {};"
    " on-call, deployments and incidents are never taken from an index."
)


def live_missing(query: Query) -> Iterator[str]:
    """Say that only a live source could tell, and none is connected."""
    if query.purpose == "live":
        yield _NOT_LIVE.format(_LIVE.get(query.intent, "what is true right now"))


def missing(query: Query, evidence: Evidence, passages: Sequence[Passage]) -> Iterator[str]:
    """Say what was asked and not found; hidden and absent are told with the same words."""
    if query.purpose == "facts":
        yield from _missing_facts(query, evidence.facts)
    elif query.purpose == "documents":
        yield from _undocumented(query, evidence.facts, passages)


def unclear(query: Query) -> Iterator[str]:
    """Say which names of the question are those of nothing, or of several things."""
    if query.unknown_name:
        yield not_found(query.unknown_name)
    if query.choices:
        yield offered(query)


def _missing_facts(query: Query, facts: Sequence[Fact]) -> Iterator[str]:
    told = {(fact.subject.ref, fact.topic) for fact in facts}
    for entity in query.subjects:
        for topic in _expected(query, entity):
            if (entity.ref, topic) not in told:
                yield _lacking(query, entity, topic)
    if query.selection and not any(fact.topic == "matches" for fact in facts):
        yield f"I found no {wanted(query.selection, ())} that fit."
    yield from _unrecorded(query)


def _expected(query: Query, entity: Entity) -> Iterator[Topic]:
    """Name what is missed if it is not told; that a team has no owner is no news beside a thing."""
    fitting = [topic for topic in query.topics if applies(topic, entity)]
    is_beside = any(applies(topic, each) for each in query.subjects for topic in query.topics)
    context = _CONTEXT | {"links"} if "contact" in fitting else _CONTEXT
    for place, topic in enumerate(fitting if fitting or is_beside else query.topics):
        if topic != "matches" and (place == 0 or topic not in context):
            yield topic


def _lacking(query: Query, entity: Entity, topic: Topic) -> str:
    """Say what an entity lacks; beside another one, whose sources do not hold it, by name alone."""
    name = called(entity) if len(query.subjects) == 1 else shortly_called(entity)
    kind = wanted_link(query.question.text) if topic == "links" else None
    if kind:
        return f"I could not find {kind.name} among the links of {name}."
    return MISSING[topic].format(name)


def _unrecorded(query: Query) -> Iterator[str]:
    """Say what was asked about people that a catalog does not hold."""
    text = query.question.text
    if {"members", "contact", "owner"} & set(query.topics):
        for what, words in _UNRECORDED.items():
            if words.search(text):
                yield f"I could not find {what} in the catalog."
    if "contact" in query.topics and _ON_CALL.search(text):
        yield _NOT_LIVE.format(_LIVE["on_call"])
    person = _WHO_IS.search(text)
    if {"members", "teams"} & set(query.topics) and person and person[1] in query.unread:
        yield not_found(person[1])


def _undocumented(
    query: Query, facts: Sequence[Fact], passages: Sequence[Passage]
) -> Iterable[str]:
    """Say when what is quoted is not about the thing asked for, or nothing can be quoted."""
    if query.ticket_ids and not passages:
        yield not_found(", ".join(sorted(query.ticket_ids)))
    elif query.subjects and query.topics != ("docs",) and not _are_about_subject(passages):
        names = ", ".join(map(shortly_called, query.subjects))
        what = "a runbook" if "runbook" in query.document_kinds else "anything about this"
        is_told = query.topics or any(fits(fact, query) for fact in facts)
        if passages or not is_told:
            yield f"I could not find {what} in the documentation of {names}."
    if query.subjects:
        yield from map(not_found, _names_lacked(query, passages))


def _names_lacked(query: Query, passages: Sequence[Passage]) -> Iterator[str]:
    """Name what was asked about beside the subjects, and stands in nothing that was found."""
    for word in query.telling:
        if is_name(word) and all(word in passage.lacks for passage in passages):
            yield word


def fits(fact: Fact, query: Query) -> bool:
    """Say whether a fact is more than a general description of what something else is asked of."""
    is_general = fact.topic == "description" and query.intent == "description"
    return not is_general or any(speaks_of(each.label, query.telling) for each in fact.mentions)


def _are_about_subject(passages: Sequence[Passage]) -> bool:
    return any(passage.is_about_subject or passage.names_subject for passage in passages)


def consulted(evidence: Evidence) -> Iterator[str]:
    """List where was looked."""
    places = [_place(one) for one in evidence.consulted if one.state in ("ok", "empty", *_STATES)]
    if places:
        yield f"I looked in: {', '.join(places)}."
    if evidence.contacts:
        yield "These people may know more:"


def _place(one: Consulted) -> str:
    place = _PLACES.get(one.source, one.source)
    return f"{place} ({_STATES[one.state]})" if one.state in _STATES else place


def whom_to_ask(evidence: Evidence, told: Sequence[Fact], sources: Sources) -> Iterator[Statement]:
    """Name the owners and their channels, if these were not the answer already."""
    known = {(fact.topic, fact.subject.ref) for fact in told if fact.mentions}
    for fact in evidence.contacts:
        if (fact.topic, fact.subject.ref) not in known:
            yield fact_statement(fact, sources)
