"""Exact facts of the catalog, as the asker sees them right now."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Clock, Fact, LinkKind, Mention, Portal, Query, Topic, wanted_link
from portal_rag.domain.likeness import speaks_of
from portal_rag.domain.links import INFRASTRUCTURE
from portal_rag.domain.topics import TEAM_KINDS, applies
from portal_rag.evidence.catalog.fields import (
    channel_mentions,
    contact_mentions,
    docs_mentions,
    field_mentions,
    identifiers,
    offered_mentions,
    tells_what_became_of_it,
)
from portal_rag.evidence.catalog.graph import is_walked, reached_facts
from portal_rag.evidence.catalog.lists import matching_facts
from portal_rag.evidence.catalog.reading import Visible, read_targets
from portal_rag.evidence.catalog.relations import (
    holds,
    related_facts,
    second_targets,
    targets,
)
from portal_rag.evidence.catalog.stating import Stating
from portal_rag.evidence.finding import Finding

_WHOM_TO_ASK: Sequence[Topic] = ("owner", "docs")
"""What is read of each subject in any case: who owns it, and where its documentation is."""

_PLACES_OF_CODE: Sequence[Topic] = ("repository", "links")
_ASKS_FOR_A_PLACE = re.compile(
    r"\bwhere\b|\b(?:terraform|tf|helm|iac|manifests?|config\w*|code|source|repo\w*|folder|path"
    r"|director(?:y|ies)|modules?)\b",
    re.IGNORECASE,
)


class CatalogFacts:
    """Answers from relations and fields of the entities asked about.

    Whatever a relation names is read with the asker's rights too; what is not there for the asker
    is left out as if it were not there at all.
    """

    name = "catalog"

    def __init__(self, *, app_url: str, clock: Clock) -> None:
        self._app_url = app_url.rstrip("/")
        self._clock = clock

    async def find(self, query: Query, portal: Portal) -> Finding:
        asked = [(entity, _topics(query, entity)) for entity in query.subjects]
        visible = await _read(asked, portal)
        stating = Stating(app_url=self._app_url, now=self._clock())
        telling = _Telling(query=query, portal=portal, visible=visible, stating=stating)
        facts = [fact for entity, topics in asked for fact in await telling.all_of(entity, topics)]
        if query.selection:
            facts += await matching_facts(query.selection, portal, stating)
        return Finding(
            facts=tuple(facts),
            contacts=tuple(_contacts(query.subjects, visible, stating)),
            offers=tuple(_offers(query.subjects, visible, stating)),
        )


_Asked = Sequence[tuple[Entity, Sequence[Topic]]]


async def _read(asked: _Asked, portal: Portal) -> Visible:
    """Read all ends of relations in as few requests as possible."""
    pairs = [(entity, topic) for entity, topics in asked for topic in (*_WHOM_TO_ASK, *topics)]
    lists = [refs for entity, topic in pairs for refs in targets(entity, topic)]
    visible = await read_targets(lists, portal)
    further = [second_targets(entity, topic, visible) for entity, topic in pairs]
    return {**visible, **await read_targets(further, portal)}


def _topics(query: Query, entity: Entity) -> Sequence[Topic]:
    """Leave out what an entity cannot have, and add what belongs to the answer."""
    topics = [topic for topic in query.topics if applies(topic, entity)] or list(query.topics)
    if query.intent == "infrastructure":
        topics = [topic for topic in topics if topic not in _PLACES_OF_CODE]
        if _ASKS_FOR_A_PLACE.search(query.question.text):
            topics += _PLACES_OF_CODE
    if query.intent == "lifecycle" and not topics:
        topics.append("lifecycle")
    if "description" not in topics and _is_described(query, entity, topics):
        topics.append("description")
    return topics


def _is_described(query: Query, entity: Entity, topics: Sequence[Topic]) -> bool:
    """Say whether the description holds what was asked for, or is all that may be known of it."""
    if query.purpose == "documents":
        told = entity.description or ""
        if query.intent == "description" or speaks_of(told, query.unread):
            return True
    return "lifecycle" in topics and tells_what_became_of_it(entity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """Tells topics of entities from what was read."""

    query: Query
    portal: Portal
    visible: Visible
    stating: Stating

    async def all_of(self, entity: Entity, topics: Iterable[Topic]) -> list[Fact]:
        """State all topics; where an owner is not found, its description may say why."""
        facts = [fact for topic in topics for fact in await self._facts(topic, entity)]
        has_lost_owner = any(not fact.mentions for fact in facts)
        if has_lost_owner and "description" not in topics:
            facts += self._field_facts("description", entity)
        called_elsewhere = tuple(identifiers(entity, self.query.question.text))
        if called_elsewhere:
            facts.append(self.stating.fact("links", entity, called_elsewhere))
        return facts

    async def _facts(self, topic: Topic, entity: Entity) -> Sequence[Fact]:
        if self.query.is_transitive and is_walked(topic):
            return await reached_facts(topic, entity, self.portal, self.stating)
        if holds(topic):
            return list(related_facts(topic, entity, self.visible, self.stating))
        return self._field_facts(topic, entity)

    def _field_facts(self, topic: Topic, entity: Entity) -> list[Fact]:
        mentions = tuple(self._mentions(topic, entity))
        return [self.stating.fact(topic, entity, mentions)] if mentions else []

    def _mentions(self, topic: Topic, entity: Entity) -> Iterable[Mention]:
        if topic == "docs":
            return docs_mentions(entity, self.visible, self.stating)
        if topic == "contact":
            return contact_mentions(entity, self.visible)
        return field_mentions(topic, entity, self._wanted_link())

    def _wanted_link(self) -> LinkKind | None:
        if self.query.intent == "infrastructure":
            return INFRASTRUCTURE
        return wanted_link(self.query.question.text)


def _contacts(subjects: Iterable[Entity], visible: Visible, stating: Stating) -> Iterable[Fact]:
    """State who owns the subjects and where these people can be asked."""
    for entity in subjects:
        if entity.ref.kind not in TEAM_KINDS:
            owned = related_facts("owner", entity, visible, stating)
            yield from (fact for fact in owned if fact.mentions)
        channels = tuple(channel_mentions(entity, visible))
        if channels:
            yield stating.fact("contact", entity, channels)


def _offers(subjects: Iterable[Entity], visible: Visible, stating: Stating) -> Iterable[Fact]:
    """State what of the subjects could be opened next."""
    for entity in subjects:
        mentions = tuple(offered_mentions(entity, visible, stating))
        if mentions:
            yield stating.fact("links", entity, mentions)
