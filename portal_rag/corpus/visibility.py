"""What a query of the index may return for one user, before the live gate has the last word."""

from dataclasses import dataclass

from portal_rag.corpus.conditions import Condition
from portal_rag.corpus.documents import Origin
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
class OfOrigin:
    """Documents of one origin, where these entities govern them."""

    origin: Origin
    refs: frozenset[EntityRef]


@dataclass(frozen=True, slots=True)
class Within:
    """As `among`, but of each of some origins only these documents; empty refs are none of them."""

    among: "Visibility"
    only: tuple[OfOrigin, ...]


@dataclass(frozen=True, slots=True)
class CountedAmong:
    """As `found`, which is more than the user may read; how rare a word is counts in `by` alone."""

    found: "Visibility"
    by: "Visibility"


@dataclass(frozen=True, slots=True)
class Refused:
    """Chunks of one source, governed by one entity and about the same or another."""

    source: str
    resource_ref: EntityRef
    entity_ref: EntityRef


@dataclass(frozen=True, slots=True)
class Without:
    """As `among`, without the chunks that the gate refused."""

    among: "Visibility"
    refused: frozenset[Refused]


Visibility = OnlyResources | GateDecides | Where | Within | CountedAmong | Without
