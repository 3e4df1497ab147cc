"""Reads what relations name, as far as the asker may see it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Portal

MOST_TARGETS = 200
"""So many ends of one kind of relation are told at most."""

Visible = Mapping[EntityRef, Entity]


async def read_targets(lists: Sequence[Sequence[EntityRef]], portal: Portal) -> Visible:
    """Read of each list as many as are told at most, and one more, which says that there is more.

    What the asker may not see takes nobody's place.
    """
    asked: set[EntityRef] = set()
    visible: dict[EntityRef, Entity] = {}
    while batch := _unread(lists, asked, visible):
        visible |= await portal.entities(batch)
        asked.update(batch)
    return visible


def _unread(
    lists: Iterable[Sequence[EntityRef]], asked: Collection[EntityRef], visible: Visible
) -> list[EntityRef]:
    wanted = (
        ref
        for refs in lists
        if sum(ref in visible for ref in refs) <= MOST_TARGETS
        for ref in islice((ref for ref in refs if ref not in asked), MOST_TARGETS + 1)
    )
    return list(dict.fromkeys(wanted))


async def first_visible(refs: Iterable[EntityRef], portal: Portal, *, most: int) -> list[Entity]:
    """Read in this order until so many were seen, each once."""
    found: dict[EntityRef, Entity] = {}
    left = iter(dict.fromkeys(refs))
    while len(found) < most and (batch := list(islice(left, MOST_TARGETS + 1))):
        read = await portal.entities(batch)
        found |= {ref: read[ref] for ref in batch if ref in read}
    return list(found.values())[:most]
