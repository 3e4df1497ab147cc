"""Question -> Query: what is asked, and about which entities, as far as the asker may see them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import anyio.to_thread

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Clock, Portal, Query, Question, Window
from portal_rag.understanding.conversation import MOST_READ
from portal_rag.understanding.intents import Reading, read_intent
from portal_rag.understanding.meaning import Meant, meaning, whole_text
from portal_rag.understanding.naming import Named, Naming
from portal_rag.understanding.offering import choices, near, unknown_beside, unknown_name
from portal_rag.understanding.selection import read_selection
from portal_rag.understanding.settling import settled
from portal_rag.understanding.vocabulary import Vocabularies
from portal_rag.understanding.wanting import is_about_owners, is_for_list
from portal_rag.understanding.windows import read_window
from portal_rag.understanding.words import is_identifier, telling_words, ticket_ids, unread_words

__all__ = ["Reading", "Understanding", "read_intent"]

_MOST_SUBJECTS = 3
_UNREAD_PURPOSES = ("write", "nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """Understands questions; what it keeps of an asker's names only that asker's listing finds.

    `read` says what a text asks for; it may take its time, and is called in a thread. Spans of
    time are counted from `clock`, in days of `zone`.
    """

    read: Callable[[str], Reading]
    clock: Clock
    zone: tzinfo
    vocabularies: Vocabularies = field(default_factory=Vocabularies)

    async def understand(self, question: Question, portal: Portal) -> Query:
        """Work out intent and entities; nothing is assumed of what was not read just now."""
        reading = await self._read(question.text[:MOST_READ])
        if reading.purpose in _UNREAD_PURPOSES:
            return _query(question, reading)
        naming = await Naming.of(portal, self.vocabularies)
        meant = await meaning(question, reading, naming, self._read)
        if meant.reading.purpose in _UNREAD_PURPOSES:
            return _query(question, meant.reading)
        query = await _about(question, meant, naming)
        window = read_window(question.text[:MOST_READ], self.clock(), self.zone)
        return _within(query, window) if window else query

    async def understand_without_portal(self, question: Question) -> Query:
        """Work out the intent alone; no name is looked up."""
        return _query(question, await self._read(question.text[:MOST_READ]))

    async def _read(self, text: str) -> Reading:
        return await anyio.to_thread.run_sync(self.read, text)


async def _about(question: Question, meant: Meant, naming: Naming) -> Query:
    """Settle the names; offer a choice where one stays ambiguous that must be clear."""
    by_default = bool(meant.borrowed) or meant.reading.purpose in ("documents", "live")
    named, found = await settled(question, meant.subjects, naming.portal, by_default=by_default)
    named = _without_guesses(named)
    ambiguous = next((one for one in named if len(one.entities) > 1), None)
    if ambiguous and _must_be_clear(ambiguous, meant.reading):
        offered = choices(question, meant.span_of(ambiguous), ambiguous.entities)
        return replace(_query(question, meant.reading), choices=offered)
    if is_for_list(meant.reading):
        return await _listed(question, meant.reading, named, naming)
    told = _told(question, meant, named, found)
    if len(told) > 1 and meant.means_one and meant.reading.purpose != "documents":
        offered = choices(question, meant.pointing.words, told)
        return replace(_query(question, meant.reading), choices=offered)
    query = await _of_subjects(question, meant, told, naming.portal)
    query = replace(query, assumed=_assumed(named))
    unknown = unknown_name(question, meant.reading)
    if query.subjects:
        unknown = unknown_beside(meant.reading, query.unread)
    return await _with_unknown(query, unknown, naming)


def _told(
    question: Question,
    meant: Meant,
    named: Sequence[Named],
    found: Mapping[EntityRef, Entity],
) -> tuple[Entity, ...]:
    """List the entities that a question names, or else the one of its page."""
    refs = [one.entities[0].ref for one in named if len(one.entities) == 1]
    page = question.entity_ref
    if page and page in found and not meant.subjects:
        refs.append(page)
    return tuple(found[ref] for ref in dict.fromkeys(refs))[:_MOST_SUBJECTS]


async def _of_subjects(
    question: Question, meant: Meant, told: tuple[Entity, ...], portal: Portal
) -> Query:
    """Say what the question is about, and which of its words say something else."""
    text = question.text[:MOST_READ]
    subjects = await _or_owners(told, text, meant, portal)
    namespaces = {entity.ref.namespace for entity in told}
    words = unread_words(text, meant.spans)
    unread = tuple(word for word in words if word.lower() not in namespaces)
    return replace(
        _query(question, _narrowed(meant.reading, unread)),
        subjects=subjects,
        unread=unread if subjects else (),
        telling=telling_words(text, meant.spans),
        ticket_ids=ticket_ids(text) - {one.words.lower() for one in meant.named},
        search_text=whole_text(question, meant, told),
    )


async def _or_owners(
    subjects: tuple[Entity, ...], text: str, meant: Meant, portal: Portal
) -> tuple[Entity, ...]:
    """Take the owners, as the catalog has them now, where they are meant."""
    if not is_about_owners(meant.reading, text, subjects, points_at_many=meant.means_owners):
        return subjects
    refs = list(dict.fromkeys(ref for entity in subjects for ref in entity.owners))
    owners = await portal.entities(refs[:_MOST_SUBJECTS]) if refs else {}
    return tuple(owners[ref] for ref in refs if ref in owners) or subjects


async def _listed(
    question: Question, reading: Reading, named: Sequence[Named], naming: Naming
) -> Query:
    text = question.text[:MOST_READ]
    chosen = read_selection(text, naming.listing.entities, named)
    unread = unread_words(text, chosen.read)
    unknown = chosen.unknown or unknown_beside(reading, unread)
    query = replace(
        _query(question, reading),
        selection=None if unknown else chosen.selection or None,
        unread=unread,
        assumed=_assumed(named),
    )
    return await _with_unknown(query, unknown, naming)


async def _with_unknown(query: Query, words: str | None, naming: Naming) -> Query:
    """Leave a name open that is not there, and offer those that are near."""
    if not words:
        return query
    return replace(query, unknown_name=words, near=await near(query.question, words, naming))


def _without_guesses(named: tuple[Named, ...]) -> tuple[Named, ...]:
    """Beside a whole name, leave out words that may be part of several others."""
    if not any(one.is_exact and len(one.entities) == 1 for one in named):
        return named
    return tuple(one for one in named if one.is_exact or len(one.entities) == 1)


def _assumed(named: Sequence[Named]) -> tuple[tuple[str, EntityRef], ...]:
    return tuple(
        (one.words, one.entities[0].ref)
        for one in named
        if one.is_assumed and len(one.entities) == 1
    )


def _must_be_clear(named: Named, reading: Reading) -> bool:
    return reading.purpose != "documents" or (named.is_exact and is_identifier(named.words))


def _narrowed(reading: Reading, unread: Sequence[str]) -> Reading:
    """Leave out the general facts where a question asks for something particular."""
    is_general = reading.purpose == "documents" and "description" in reading.topics
    return replace(reading, topics=()) if is_general and unread else reading


def _within(query: Query, window: Window) -> Query:
    """Note the span of time; only what is true at a time takes account of its words."""
    told = window.words.lower().split() if query.purpose == "live" else ()
    unread = tuple(word for word in query.unread if word.lower() not in told)
    return replace(query, window=window, unread=unread)


def _query(question: Question, reading: Reading) -> Query:
    return Query(
        question=question,
        intent=reading.intent,
        purpose=reading.purpose,
        topics=reading.topics,
        document_kinds=reading.document_kinds,
        subjects=(),
        search_text=question.text,
        is_transitive=reading.is_transitive,
    )
