"""What of a selection the catalog's own query language can say."""

from portal_rag.backstage.catalog import Filter, can_be_asked_for
from portal_rag.domain import Selection


def filter_for(selection: Selection) -> Filter:
    """Ask for no less than what is selected; nothing if no field can be asked for.

    A part of a thing is part of a system or of a domain, seldom of both, and that something is not
    there can be asked of new portals alone: the one who reads the answer looks at these himself.
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
        if values and all(map(_can_be_in_an_address, values))
    }


def _can_be_in_an_address(value: str) -> bool:
    return can_be_asked_for(value.strip()) and "," not in value and value == value.strip()
