"""Facts that relations hold: who owns, what depends on what, what is part of what."""

from collections.abc import Iterable, Mapping, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Mention, Topic
from portal_rag.evidence.catalog.reading import MOST_TARGETS, Visible
from portal_rag.evidence.catalog.stating import Stating, as_text, called, named

_RELATIONS: Mapping[Topic, Mapping[str, str]] = {
    "owner": {"ownedBy": ""},
    "system": {"partOf": ""},
    "parts": {"hasPart": ""},
    "dependencies": {"dependsOn": "", "consumesApi": "consumed API"},
    "dependents": {"dependencyOf": "", "apiConsumedBy": "consumes it"},
    "apis_provided": {"providesApi": ""},
    "providers": {"apiProvidedBy": ""},
    "apis_consumed": {"consumesApi": ""},
    "members": {"hasMember": "", "parentOf": "a team within it"},
    "owns": {"ownerOf": ""},
    "teams": {"memberOf": "", "childOf": "it is part of this", "parentOf": "a team within it"},
    "related": {
        "dependsOn": "dependency",
        "dependencyOf": "depends on it",
        "consumesApi": "API that it consumes",
        "apiConsumedBy": "consumes it",
        "providesApi": "API that it provides",
        "apiProvidedBy": "provides it",
        "partOf": "it is part of this",
    },
}
"""By topic: the relations that hold it, and what is noted of what each names."""


def targets(entity: Entity, topic: Topic) -> Sequence[Sequence[EntityRef]]:
    """List what must be read to tell this of the entity; each list is told for itself."""
    if topic == "docs":
        return [(entity.docs_ref,)] if entity.docs_ref else []
    wanted = ("ownedBy",) if topic == "contact" else _RELATIONS.get(topic, ())
    refs = [ref for relation in wanted for ref in entity.targets(relation)]
    own_apis = entity.targets("providesApi") if topic == "dependents" else ()
    return [list(dict.fromkeys(refs)), own_apis]


def second_targets(entity: Entity, topic: Topic, visible: Visible) -> Sequence[EntityRef]:
    """Name what must be read once the ends of the entity's own relations are known."""
    if topic == "related":
        return [ref for ref in _siblings(entity, visible) if ref != entity.ref]
    if topic == "dependents":
        return [ref for api in _own_apis(entity, visible) for ref in api.targets("apiConsumedBy")]
    return ()


def holds(topic: Topic) -> bool:
    """Say whether relations alone hold this topic."""
    return topic in _RELATIONS


def related_facts(
    topic: Topic, entity: Entity, visible: Visible, stating: Stating
) -> Iterable[Fact]:
    """State what is visible of a topic; an owner that is recorded but not there is stated too."""
    noted = _noted(topic, entity, visible)
    told = [named(visible[ref], note) for ref, note in noted.items() if ref in visible]
    if told:
        has_more = len(told) > MOST_TARGETS
        yield stating.fact(topic, entity, tuple(told[:MOST_TARGETS]), has_more=has_more)
    elif topic == "owner" and noted:
        gone = "an owner is recorded that is not found in the catalog"
        yield stating.fact(topic, entity, (), excerpt=gone)
    if topic == "dependents":
        yield from _consumers_of_its_apis(entity, visible, stating)


def _noted(topic: Topic, entity: Entity, visible: Visible) -> Mapping[EntityRef, str]:
    noted: dict[EntityRef, str] = {}
    for relation, note in _RELATIONS[topic].items():
        for ref in entity.targets(relation):
            noted.setdefault(ref, note)
    if topic == "related":
        for ref, note in _siblings(entity, visible).items():
            noted.setdefault(ref, note)
        noted.pop(entity.ref, None)
    return noted


def _siblings(entity: Entity, visible: Visible) -> Mapping[EntityRef, str]:
    """Find what shares a system with the entity."""
    noted: dict[EntityRef, str] = {}
    for whole in entity.targets("partOf"):
        for ref in visible[whole].targets("hasPart") if whole in visible else ():
            noted.setdefault(ref, f"also part of {visible[whole].name}")
    return noted


def _own_apis(entity: Entity, visible: Visible) -> Iterable[Entity]:
    return (visible[ref] for ref in entity.targets("providesApi") if ref in visible)


def _consumers_of_its_apis(entity: Entity, visible: Visible, stating: Stating) -> Iterable[Fact]:
    """State who consumes what the entity provides; nobody is told twice, nor the entity itself."""
    told = {entity.ref, *entity.targets("dependencyOf"), *entity.targets("apiConsumedBy")}
    for api in _own_apis(entity, visible):
        consumers = [ref for ref in api.targets("apiConsumedBy") if ref in visible]
        mentions = tuple(_consuming(visible[ref], api) for ref in consumers if ref not in told)
        told.update(consumers)
        if mentions:
            shown = mentions[:MOST_TARGETS]
            consumed = f"consumed by: {'; '.join(map(as_text, shown))}"
            yield stating.fact(
                "dependents",
                entity,
                shown,
                has_more=len(mentions) > MOST_TARGETS,
                stated_by=api,
                excerpt=f"provided by: {called(entity)}; {consumed}",
            )


def _consuming(consumer: Entity, api: Entity) -> Mention:
    return named(consumer, f"consumes its API {api.display_name}")
