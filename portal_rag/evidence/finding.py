"""What one source of evidence brings back."""

from dataclasses import dataclass
from typing import Protocol

from portal_rag.domain import Fact, Passage, Portal, Query, Signals, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Facts and passages that the asker may see; `state` overrides `ok` and `empty`.

    `contacts` are facts about who could know more, `offers` those whose links could be opened
    next. `dropped` counts the passages that were found and did not pass the gate.
    """

    facts: tuple[Fact, ...] = ()
    contacts: tuple[Fact, ...] = ()
    offers: tuple[Fact, ...] = ()
    passages: tuple[Passage, ...] = ()
    signals: Signals | None = None
    dropped: int = 0
    state: State | None = None


class EvidenceSource(Protocol):
    """A place to look for evidence, with the asker's rights alone."""

    @property
    def name(self) -> str:
        """What `consulted` calls it."""
        ...

    async def find(self, query: Query, portal: Portal) -> Finding: ...
