"""What depends on what through others: breadth first over what the asker may read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Portal, Topic
from portal_rag.evidence.catalog.reading import first_visible
from portal_rag.evidence.catalog.stating import Stating, all_called, called, named

MOST_STEPS = 5
MOST_REACHED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """The relations that lead on, and those to what stands for the same thing, such as its APIs."""

    onwards: tuple[str, ...]
    aliases: tuple[str, ...] = ()


_WAYS: Mapping[Topic, _Ways] = {
    "dependents": _Ways(onwards=("dependencyOf", "apiConsumedBy"), aliases=("providesApi",)),
    "dependencies": _Ways(onwards=("dependsOn", "consumesApi", "apiProvidedBy")),
}
_INVERSES: Mapping[str, tuple[str, str]] = {
    "dependencyOf": ("dependsOn", "depends on"),
    "apiConsumedBy": ("consumesApi", "consumes"),
    "dependsOn": ("dependencyOf", "is needed by"),
    "consumesApi": ("apiConsumedBy", "is consumed by"),
    "apiProvidedBy": ("providesApi", "provides"),
}
_FORWARD: Mapping[str, str] = {
    "dependencyOf": "is needed by",
    "apiConsumedBy": "is consumed by",
    "dependsOn": "depends on",
    "consumesApi": "consumes",
    "apiProvidedBy": "is provided by",
}


@dataclass(frozen=True, slots=True)
class _Node:
    """An entity that was reached by `relation` from the last of `way`, which begins beyond it."""

    entity: Entity
    way: tuple[Entity, ...] = ()
    relation: str = ""


def is_walked(topic: Topic) -> bool:
    """Say whether a topic can be asked for through others."""
    return topic in _WAYS


async def reached_facts(
    topic: Topic, subject: Entity, portal: Portal, stating: Stating
) -> list[Fact]:
    """State each entity that is reached, the nearest first; each was read for the asker.

    What cannot be read leads nowhere. `has_more` says that a bound cut the rest.
    """
    reached, is_cut = await _reach(topic, subject, portal)
    return [_fact(topic, subject, node, stating, has_more=is_cut) for node in reached]


async def _reach(topic: Topic, subject: Entity, portal: Portal) -> tuple[Sequence[_Node], bool]:
    """Give at most so many nodes, and whether there are more of them or more steps to go."""
    known = {subject.ref}
    level, reached = [_Node(subject)], list[_Node]()
    for steps in range(MOST_STEPS + 1):
        sources = level + await _aliases(_WAYS[topic], level, known, portal)
        most = MOST_REACHED + 1 - len(reached) if steps < MOST_STEPS else 1
        level = await _following(_WAYS[topic].onwards, sources, known, portal, most=most)
        if not level:
            return reached, False
        if len(level) == most:
            return [*reached, *(level[:-1] if steps < MOST_STEPS else ())], True
        reached += level
    return reached, False


async def _aliases(
    ways: _Ways, level: Sequence[_Node], known: set[EntityRef], portal: Portal
) -> list[_Node]:
    return await _following(ways.aliases, level, known, portal, most=MOST_REACHED)


async def _following(
    relations: Iterable[str],
    sources: Iterable[_Node],
    known: set[EntityRef],
    portal: Portal,
    *,
    most: int,
) -> list[_Node]:
    """Read what lies one relation further and was not met before, and keep it as known."""
    nexts: dict[EntityRef, tuple[_Node, str]] = {}
    for node in sources:
        for relation in relations:
            for ref in node.entity.targets(relation):
                if ref not in known:
                    nexts.setdefault(ref, (node, relation))
    if not nexts:
        return []
    found = await first_visible(nexts, portal, most=most)
    known.update(entity.ref for entity in found)
    origins = ((entity, *nexts[entity.ref]) for entity in found)
    return [_Node(entity, (*node.way, node.entity), relation) for entity, node, relation in origins]


def _fact(topic: Topic, subject: Entity, node: _Node, stating: Stating, *, has_more: bool) -> Fact:
    between = node.way[1:]
    note = "through " + ", ".join(each.display_name for each in between) if between else ""
    stated_by, proof = _proof(node)
    through = f"; reached from {called(subject)} through: {all_called(between)}"
    excerpt = proof + through if between else proof
    return stating.fact(
        topic,
        subject,
        (named(node.entity, note),),
        has_more=has_more,
        stated_by=stated_by,
        excerpt=excerpt,
    )


def _proof(node: _Node) -> tuple[Entity, str]:
    """Quote the relation at the entity itself, or at that which names it."""
    last = node.way[-1]
    inverse, words = _INVERSES[node.relation]
    if last.ref in node.entity.targets(inverse):
        return node.entity, f"{words}: {called(last)}"
    return last, f"{_FORWARD[node.relation]}: {called(node.entity)}"
