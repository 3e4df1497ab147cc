"""What a query of the index may return for one user, before the live gate has the last word."""

from dataclasses import dataclass

from portal_rag.corpus.conditions import Condition
from portal_rag.corpus.entity_ref import EntityRef


@dataclass(frozen=True, slots=True)
class OnlyResources:
    """Chunks governed by one of these entities; an empty set sees nothing."""

    refs: frozenset[EntityRef]


@dataclass(frozen=True, slots=True)
class GateDecides:
    """The user may read more entities than can be listed: over-fetch, and let the gate decide."""


@dataclass(frozen=True, slots=True)
class Where:
    """Chunks whose governing entity meets this condition, or of which that is not known."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Without:
    """As `among`, without what is about or governed by these, which the gate refused."""

    among: "Visibility"
    refs: frozenset[EntityRef]


Visibility = OnlyResources | GateDecides | Where | Without
