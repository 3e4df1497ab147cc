"""A mailbox for hints that something changed; what hints say is looked up, never believed."""

import asyncio

from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError

MOST_ENTITIES = 20
"""More entities than these are found quicker by one ordinary run."""


def parse_hint(ref: str) -> EntityRef:
    """Read what a hint names; what comes out may be asked for and be shown on a terminal.

    Raises:
        InputError: it is not an entity reference.
    """
    if not ref.isprintable():
        raise InputError("an entity reference holds no control characters")
    return EntityRef.parse(ref)


class Hints:
    """Collects hints until they are taken, all at once, each entity once and only so many."""

    def __init__(self, *, most_entities: int = MOST_ENTITIES) -> None:
        self._most_entities = most_entities
        self._entities: dict[EntityRef, None] = {}
        self._is_general = False
        self._something = asyncio.Event()

    def post(self, entity: EntityRef | None) -> None:
        """Say that an entity or its docs changed, or, with None, that anything may have."""
        if entity is None:
            self._is_general = True
        elif len(self._entities) < self._most_entities:
            self._entities[entity] = None
        elif entity not in self._entities:
            self._is_general = True
        self._something.set()

    async def wait(self) -> None:
        """Return as soon as there is a hint."""
        await self._something.wait()

    def take(self) -> tuple[EntityRef | None, ...]:
        """Give what to run, and forget it: each entity alone, or (None,) for an ordinary run."""
        asked = (None,) if self._is_general else tuple(self._entities)
        self._entities.clear()
        self._is_general = False
        self._something.clear()
        return asked
