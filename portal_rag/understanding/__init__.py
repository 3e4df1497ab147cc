"""Question -> Query: what is asked, and about which entities, as far as the asker may see them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Choice, Portal, Query, Question, Topic
from portal_rag.understanding.intents import Reading, read_intent
from portal_rag.understanding.naming import (
    Named,
    is_identifier,
    named_entities,
    nearest,
    subject_words,
    ticket_ids,
    unread_words,
)

_HERE = re.compile(
    r"\b(?:this|it|its|here|that (?:service|component|one)|they|them)\b", re.IGNORECASE
)
_SLOT = re.compile(
    r"\b(?:run ?books?|docs?|documentation|dashboards?|repo(?:sitory)?|terraform|helm|adrs?)\b"
    r"\s+(?:for|of|about)\s+(?:the\s+)?(?P<name>[^\s?!,;]+)|(?P<owner>[^\s?!,;]+)['\u2019]s\s",
    re.IGNORECASE,
)
_MOST_SUBJECTS = 3
_MOST_READ = 1_000
"""Characters of a message that are read for reading and names; all of it is searched for."""
_MOST_EARLIER = 10
_TEAM_TOPICS: frozenset[Topic] = frozenset({"members", "owns"})
_TEAM_KINDS = frozenset({"group", "user"})
_OWNED_KINDS = frozenset({"component", "api", "resource", "system", "domain"})


async def understand(question: Question, portal: Portal) -> Query:
    """Work out reading and entities; nothing is assumed of an entity that was not read just now."""
    reading = read_intent(question.text[:_MOST_READ])
    if reading.purpose == "write":
        return _query(question, reading)
    named = [_preferred(one, reading) for one in await _named(question, portal)]
    ambiguous = next((one for one in named if len(one.entities) > 1), None)
    if ambiguous and _must_be_clear(ambiguous, reading):
        return await _clarifying(question, reading, ambiguous, portal)
    subjects = await _subjects(question, named, portal)
    text = question.text[:_MOST_READ]
    unread = unread_words(text, [one.words for one in named])
    unknown = _unknown_name(question, reading) if not subjects else _unknown_beside(reading, unread)
    query = _query(
        question,
        _narrowed(reading, unread),
        subjects=subjects,
        unread=unread if subjects else (),
        ticket_ids=ticket_ids(text) - {one.words.lower() for one in named},
    )
    return await _unknown(query, unknown, portal) if unknown else query


def understand_without_portal(question: Question) -> Query:
    """Work out the reading alone; no name is looked up."""
    return _query(question, read_intent(question.text[:_MOST_READ]))


def _narrowed(reading: Reading, unread: Sequence[str]) -> Reading:
    """Leave out the general facts where a question asks for something particular."""
    is_general = reading.purpose == "documents" and "description" in reading.topics
    return replace(reading, topics=()) if is_general and unread else reading


def _unknown_beside(reading: Reading, unread: Sequence[str]) -> str | None:
    """Find a second name, of something that is not there, beside one that is."""
    names = (word for word in unread if is_identifier(word))
    return next(names, None) if reading.purpose == "facts" else None


def _query(
    question: Question,
    reading: Reading,
    *,
    subjects: tuple[Entity, ...] = (),
    choices: tuple[Choice, ...] = (),
    unread: tuple[str, ...] = (),
    ticket_ids: frozenset[str] = frozenset(),
) -> Query:
    return Query(
        question=question,
        intent=reading.intent,
        purpose=reading.purpose,
        topics=reading.topics,
        document_kinds=reading.document_kinds,
        subjects=subjects,
        choices=choices,
        unread=unread,
        ticket_ids=ticket_ids,
        search_text=question.text,
    )


async def _named(question: Question, portal: Portal) -> tuple[Named, ...]:
    """Look in the question; if it only points ("it"), and at no page, in what was asked before."""
    text = question.text[:_MOST_READ]
    named = await named_entities(text, portal)
    if named or question.entity_ref or not _HERE.search(text):
        return named
    asked = [turn.content[:_MOST_READ] for turn in question.history if turn.role == "user"]
    for content in reversed(asked[-_MOST_EARLIER:]):
        earlier = await named_entities(content, portal)
        if earlier:
            return earlier
    return ()


def _preferred(named: Named, reading: Reading) -> Named:
    """Keep the kinds that the question can be about, if any entity is of such a kind."""
    kinds = _TEAM_KINDS if _TEAM_TOPICS & set(reading.topics) else _OWNED_KINDS
    fitting = tuple(entity for entity in named.entities if entity.ref.kind in kinds)
    return Named(named.words, fitting or named.entities)


def _must_be_clear(named: Named, reading: Reading) -> bool:
    return reading.purpose != "documents" or is_identifier(named.words)


async def _clarifying(question: Question, reading: Reading, named: Named, portal: Portal) -> Query:
    """Settle an ambiguous name by the page it is asked on, or offer the choice."""
    found = await portal.entities([entity.ref for entity in named.entities])
    here = found.get(question.entity_ref) if question.entity_ref else None
    if here or len(found) == 1:
        return _query(question, reading, subjects=(here,) if here else tuple(found.values()))
    ordered = sorted(found.values(), key=lambda entity: entity.ref)
    choices = _choices(question, named.words, ordered)
    return _query(question, reading, choices=choices)


def _choices(question: Question, words: str, entities: Iterable[Entity]) -> tuple[Choice, ...]:
    return tuple(
        Choice(entity=entity, question=question.text.replace(words, str(entity.ref), 1))
        for entity in entities
    )


async def _subjects(
    question: Question, named: Sequence[Named], portal: Portal
) -> tuple[Entity, ...]:
    refs: list[EntityRef] = [one.entities[0].ref for one in named if len(one.entities) == 1]
    if not named and question.entity_ref:
        refs.append(question.entity_ref)
    wanted = list(dict.fromkeys(refs))[:_MOST_SUBJECTS]
    found = await portal.entities(wanted) if wanted else {}
    return tuple(found[ref] for ref in wanted if ref in found)


def _unknown_name(question: Question, reading: Reading) -> str | None:
    """Say which words should have been an entity, if the question cannot do without one."""
    text = question.text[:_MOST_READ]
    words = subject_words(text)
    if reading.purpose == "live":
        return words if is_identifier(words) else None
    if reading.purpose == "facts":
        return words or (str(question.entity_ref) if question.entity_ref else None)
    slot = _SLOT.search(text)
    name = (slot["name"] or slot["owner"]) if slot else words
    return name if is_identifier(name) else None


async def _unknown(query: Query, words: str, portal: Portal) -> Query:
    """Offer near names; each was read just now, since the listing may be a minute old."""
    listing = await portal.listing()
    near = nearest(words, listing.entities)
    readable = await portal.readable([entity.ref for entity in near]) if near else frozenset()
    allowed = [entity for entity in near if entity.ref in readable]
    return replace(query, unknown_name=words, near=_choices(query.question, words, allowed))
