"""What a query of the index may return for one user, before the live gate has the last word."""

from dataclasses import dataclass

from portal_rag.corpus.entity_ref import EntityRef


@dataclass(frozen=True, slots=True)
class OnlyResources:
    """Chunks governed by one of these entities; an empty set sees nothing."""

    refs: frozenset[EntityRef]


@dataclass(frozen=True, slots=True)
class GateDecides:
    """The user may read more entities than can be listed: over-fetch, and let the gate decide."""


Visibility = OnlyResources | GateDecides
