"""Which entities a list was asked for: what a `Selection` means, whoever applies it."""

from collections.abc import Iterable

from portal_rag.backstage.entities import Entity
from portal_rag.domain.portals import Listing
from portal_rag.domain.questions import Selection


def selected(entities: Iterable[Entity], selection: Selection, *, most: int) -> Listing:
    """Keep what is selected, ordered by reference, and no more than `most` of it."""
    fitting = (entity for entity in entities if _is_selected(entity, selection))
    ordered = sorted(fitting, key=lambda entity: entity.ref) if selection else []
    return Listing(entities=tuple(ordered[:most]), complete=len(ordered) <= most)


def _is_selected(entity: Entity, selection: Selection) -> bool:
    wholes = frozenset(entity.targets("partOf"))
    return (
        _fits({entity.ref.kind}, selection.kinds)
        and _fits(_lower(entity.type), selection.types)
        and _fits(_lower(entity.lifecycle), selection.lifecycles)
        and _fits(_lower(*entity.tags), selection.tags)
        and _fits(entity.owners, selection.owners)
        and _fits(wholes, selection.systems)
        and _fits(wholes, selection.domains)
        and not (selection.without_owner and entity.owners)
        and not (selection.without_docs and entity.docs_ref)
    )


def _fits(found: Iterable[object], wanted: frozenset[object]) -> bool:
    return not wanted or not wanted.isdisjoint(found)


def _lower(*texts: str | None) -> frozenset[str]:
    return frozenset(text.lower() for text in texts if text)
