"""Lists of entities: what is selected, and the fields by which it is."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Mention, Portal, Selection
from portal_rag.evidence.catalog.reading import Visible
from portal_rag.evidence.catalog.stating import Stating, as_text, named

MOST_MATCHES = 200
_WHOLE_KINDS = frozenset({"system", "domain"})


async def matching_facts(selection: Selection, portal: Portal, stating: Stating) -> list[Fact]:
    """State each entity that is selected, and by what; `has_more` if they are too many."""
    wanted = await _through_systems(selection, portal)
    listing = await portal.matching(wanted, most=MOST_MATCHES)
    ends = [ref for entity in listing.entities for ref in _ends(entity, wanted)]
    visible = await portal.entities(list(dict.fromkeys(ends))) if ends else {}
    return [
        _fact(entity, wanted, visible, stating, has_more=not listing.complete)
        for entity in listing.entities
    ]


async def _through_systems(selection: Selection, portal: Portal) -> Selection:
    """Look for parts of a domain in its systems too, for seldom is a service its direct part."""
    if not selection.domains or (selection.kinds and selection.kinds <= _WHOLE_KINDS):
        return selection
    within = Selection(kinds=frozenset({"system"}), domains=selection.domains)
    found = await portal.matching(within, most=MOST_MATCHES)
    systems = frozenset(system.ref for system in found.entities)
    wholes = systems & selection.systems if selection.systems else systems | selection.domains
    return replace(selection, domains=frozenset(), systems=wholes) if wholes else Selection()


def _ends(entity: Entity, selection: Selection) -> Iterable[EntityRef]:
    """Name the owners, and the wholes that were asked for."""
    yield from entity.owners
    wholes = selection.systems | selection.domains
    yield from (ref for ref in entity.targets("partOf") if ref in wholes)


def _fact(
    entity: Entity, selection: Selection, visible: Visible, stating: Stating, *, has_more: bool
) -> Fact:
    owners = [named(visible[ref], "owner") for ref in entity.owners if ref in visible]
    wholes = [
        named(visible[ref], "part of")
        for ref in entity.targets("partOf")
        if ref in visible and ref not in entity.owners
    ]
    told = [*_fields(entity), *owners, *wholes]
    fitting = tuple(mention for mention in told if _was_asked_for(mention, selection))
    fields = [f"{mention.note}: {as_text(replace(mention, note=''))}" for mention in told]
    excerpt = "; ".join([f"kind: {entity.kind}", *fields])
    return stating.fact("matches", entity, fitting, has_more=has_more, excerpt=excerpt)


def _fields(entity: Entity) -> Sequence[Mention]:
    single = ((entity.type, "type"), (entity.lifecycle, "lifecycle"))
    fields = [Mention(label=value, note=note) for value, note in single if value]
    return [*fields, *(Mention(label=tag, note="tag") for tag in entity.tags)]


def _was_asked_for(mention: Mention, selection: Selection) -> bool:
    """Keep the fields that the selection looks at, and always the type."""
    label = mention.label.lower()
    return (
        mention.note == "type"
        or (mention.note == "lifecycle" and label in selection.lifecycles)
        or (mention.note == "tag" and label in selection.tags)
        or (mention.note == "owner" and mention.ref in selection.owners)
        or mention.note == "part of"
    )
