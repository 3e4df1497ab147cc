"""Exact facts of the catalog, as the asker sees them right now."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from portal_rag.backstage.batching import batches, size_of_ref
from portal_rag.backstage.catalog import MOST_REF_BYTES
from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Clock, Fact, Mention, Portal, Query, Source, Topic
from portal_rag.evidence.finding import Finding

_MOST_TARGETS = 200
_RELATIONS: Mapping[Topic, tuple[str, ...]] = {
    "owner": ("ownedBy",),
    "contact": ("ownedBy",),
    "system": ("partOf",),
    "parts": ("hasPart",),
    "dependencies": ("dependsOn", "consumesApi"),
    "dependents": ("dependencyOf", "apiConsumedBy"),
    "apis_provided": ("providesApi",),
    "providers": ("apiProvidedBy",),
    "apis_consumed": ("consumesApi",),
    "members": ("hasMember",),
    "owns": ("ownerOf",),
    "related": (
        "dependsOn",
        "dependencyOf",
        "consumesApi",
        "apiConsumedBy",
        "providesApi",
        "apiProvidedBy",
        "partOf",
    ),
}
_TEAM_KINDS = frozenset({"group", "user"})

Visible = Mapping[EntityRef, Entity]


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
        wanted = dict.fromkeys(
            ref
            for entity in query.subjects
            for topic in query.topics
            for ref in _targets(entity, topic)
        )
        visible = await _first_visible(wanted, portal)
        if "related" in query.topics:
            visible = {**visible, **await self._siblings(query, visible, portal)}
        now = self._clock()
        facts = [
            fact
            for entity in query.subjects
            for topic in query.topics
            for fact in self._facts(topic, entity, visible, now)
        ]
        return Finding(facts=tuple(facts))

    async def _siblings(self, query: Query, visible: Visible, portal: Portal) -> Visible:
        """Read what shares a system with the subjects."""
        own = {entity.ref for entity in query.subjects}
        systems = [ref for entity in query.subjects for ref in entity.targets("partOf")]
        parts = dict.fromkeys(
            ref
            for system in systems
            if system in visible
            for ref in visible[system].targets("hasPart")
            if ref not in own
        )
        return await _first_visible(parts, portal)

    def _facts(
        self, topic: Topic, entity: Entity, visible: Visible, now: datetime
    ) -> Iterable[Fact]:
        mentions = _mentions(topic, entity, visible, self._app_url)
        if mentions:
            excerpt = f"{_label(topic)}: " + "; ".join(map(_as_text, mentions))
            source = self._source(entity, excerpt, now)
            yield Fact(topic=topic, subject=entity, mentions=mentions, source=source)

    def _source(self, entity: Entity, excerpt: str, now: datetime) -> Source:
        return Source(
            id=f"catalog:{entity.ref}",
            kind="catalog",
            title=entity.display_name,
            entity_ref=entity.ref,
            url=catalog_url(self._app_url, entity.ref),
            fetched_at=now,
            modified_at=None,
            stale=False,
            excerpt=f"{entity.display_name} ({entity.ref}) {excerpt}",
        )


async def _first_visible(refs: Iterable[EntityRef], portal: Portal) -> Visible:
    """Read as many as are told at most; what the asker may not see takes nobody's place."""
    found: dict[EntityRef, Entity] = {}
    for batch in batches(
        refs, most_items=_MOST_TARGETS, most_bytes=MOST_REF_BYTES, size=size_of_ref
    ):
        found |= await portal.entities(batch)
        if len(found) >= _MOST_TARGETS:
            break
    return dict(itertools.islice(found.items(), _MOST_TARGETS))


def catalog_url(app_url: str, ref: EntityRef) -> str:
    """Say where the portal shows an entity."""
    return f"{app_url}/catalog/{ref.namespace}/{ref.kind}/{ref.name}"


def _targets(entity: Entity, topic: Topic) -> Iterable[EntityRef]:
    if topic == "contact" and entity.ref.kind in _TEAM_KINDS:
        return ()
    if topic == "docs":
        return (entity.docs_ref,) if entity.docs_ref else ()
    return (ref for relation in _RELATIONS.get(topic, ()) for ref in entity.targets(relation))


def _mentions(topic: Topic, entity: Entity, visible: Visible, app_url: str) -> tuple[Mention, ...]:
    reader = _READERS.get(topic)
    if reader:
        return tuple(reader(entity))
    if topic == "docs":
        return tuple(_docs(entity, visible, app_url))
    if topic == "contact":
        return tuple(_contacts(entity, visible))
    if topic == "related":
        return tuple(_related(entity, visible))
    return tuple(
        _named(visible[ref], _note(relation))
        for relation in _RELATIONS[topic]
        for ref in entity.targets(relation)
        if ref in visible
    )


def _named(entity: Entity, note: str = "") -> Mention:
    return Mention(label=entity.display_name, ref=entity.ref, note=note)


def _note(relation: str) -> str:
    return {"consumesApi": "consumed API", "apiConsumedBy": "consumes it"}.get(relation, "")


def _description(entity: Entity) -> Iterable[Mention]:
    if entity.description:
        yield Mention(label=" ".join(entity.description.split()))


def _lifecycle(entity: Entity) -> Iterable[Mention]:
    if entity.lifecycle:
        yield Mention(label=entity.lifecycle)


def _type(entity: Entity) -> Iterable[Mention]:
    if entity.type:
        yield Mention(label=f"{entity.kind} of type {entity.type}")


def _links(entity: Entity) -> Iterable[Mention]:
    for link in entity.links:
        yield Mention(label=link.title or link.url, url=link.url, note=link.type or "")


def _runbooks(entity: Entity) -> Iterable[Mention]:
    """Keep the links that are typed or titled as runbooks."""
    for link in entity.links:
        if "runbook" in f"{link.type} {link.title}".lower():
            yield Mention(label=link.title or link.url, url=link.url)


def _repository(entity: Entity) -> Iterable[Mention]:
    if entity.source_url:
        yield Mention(label=entity.source_url, url=entity.source_url)


_READERS: Mapping[Topic, Callable[[Entity], Iterable[Mention]]] = {
    "description": _description,
    "lifecycle": _lifecycle,
    "type": _type,
    "links": _links,
    "runbooks": _runbooks,
    "repository": _repository,
}


def _docs(entity: Entity, visible: Visible, app_url: str) -> Iterable[Mention]:
    owner = visible.get(entity.docs_ref) if entity.docs_ref else None
    if owner:
        ref = owner.ref
        url = f"{app_url}/docs/{ref.namespace}/{ref.kind}/{ref.name}"
        yield Mention(label=f"documentation of {owner.display_name}", ref=ref, url=url)


def _contacts(entity: Entity, visible: Visible) -> Iterable[Mention]:
    """Say how to reach the owners, or the team itself if it is the subject."""
    teams = [visible[ref] for ref in entity.targets("ownedBy") if ref in visible]
    for team in [entity] if entity.ref.kind in _TEAM_KINDS else teams:
        if team.email:
            yield Mention(label=team.email, note=team.display_name)
        for link in team.links:
            yield Mention(label=link.title or link.url, url=link.url, note=team.display_name)


_RELATED_NOTES: Mapping[str, str] = {
    "dependsOn": "dependency",
    "dependencyOf": "depends on it",
    "consumesApi": "API that it consumes",
    "apiConsumedBy": "consumes it",
    "providesApi": "API that it provides",
    "apiProvidedBy": "provides it",
    "partOf": "it is part of this",
}


def _related(entity: Entity, visible: Visible) -> Iterable[Mention]:
    told: dict[EntityRef, str] = {}
    for relation, note in _RELATED_NOTES.items():
        for ref in entity.targets(relation):
            told.setdefault(ref, note)
    for system in entity.targets("partOf"):
        for ref in visible[system].targets("hasPart") if system in visible else ():
            told.setdefault(ref, f"also part of {system.name}")
    told.pop(entity.ref, None)
    return [_named(visible[ref], note) for ref, note in told.items() if ref in visible]


def _label(topic: Topic) -> str:
    return topic.replace("_", " ")


def _as_text(mention: Mention) -> str:
    named = f"{mention.label} ({mention.ref})" if mention.ref else mention.label
    linked = f"{named} {mention.url}" if mention.url and mention.url != mention.label else named
    return f"{linked}, {mention.note}" if mention.note else linked
