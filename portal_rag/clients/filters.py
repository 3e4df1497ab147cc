"""What of a selection the catalog's own query language can say."""

from collections.abc import Iterable
from urllib.parse import quote

from portal_rag.backstage.catalog import Filter, can_be_asked_for
from portal_rag.domain import Selection

_MOST_BYTES = 3_000
"""Of the values of one field; addresses have room for about 8,000 bytes altogether."""


def filter_for(selection: Selection) -> Filter:
    """Ask for no less than what is selected; nothing if no field can be asked for.

    Values that are too many are left to whoever reads the answer. So is what is to be part of both
    a system and a domain, and what is not to be there: that, only new portals could be asked.
    """
    wanted = {
        "kind": selection.kinds,
        "spec.type": selection.types,
        "spec.lifecycle": selection.lifecycles,
        "metadata.tags": selection.tags,
        "relations.ownedby": frozenset(map(str, selection.owners)),
        "relations.partof": frozenset(map(str, selection.systems or selection.domains)),
    }
    return {
        field: tuple(sorted(values))
        for field, values in wanted.items()
        if values and all(map(_can_be_in_an_address, values)) and _size(values) <= _MOST_BYTES
    }


def _can_be_in_an_address(value: str) -> bool:
    return can_be_asked_for(value.strip()) and "," not in value and value == value.strip()


def _size(values: Iterable[str]) -> int:
    return sum(len("&relations.ownedby=") + len(quote(value, safe="")) for value in values)
