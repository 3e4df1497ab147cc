"""Which of Backstage's permissions govern a document, by where it was read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self, get_args

from portal_rag.backstage.permission import READ
from portal_rag.corpus.documents import Governed, Origin
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError

SETTING = "PORTAL_RAG_DOCUMENT_PERMISSIONS"
Wanted = Mapping[str, frozenset[EntityRef]]
"""By the name of a permission: the entities for which it is needed."""
_GOVERNABLE: Mapping[str, Origin] = {
    origin: origin for origin in get_args(Origin) if origin != "catalog"
}
_PERMISSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class DocumentPermissions:
    """What is needed for an origin's documents beside READ, which all documents need.

    What the catalog says itself is read in the catalog, which asks for READ alone.
    """

    by_origin: Mapping[Origin, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `techdocs=techdocs.entity.read,markdown=…`; empty is READ for everything.

        Raises:
            ConfigurationError: naming the part that is wrong.
        """
        by_origin: dict[Origin, str] = {}
        for part in filter(None, map(str.strip, text.split(","))):
            name, _, permission = map(str.strip, part.partition("="))
            origin = _GOVERNABLE.get(name)
            if origin is None:
                raise _wrong(f"{name!r} is no kind of document")
            if origin in by_origin:
                raise _wrong(f"{name} is set twice")
            if not permission:
                raise _wrong(f"{name} is given no permission")
            if not _PERMISSION.fullmatch(permission):
                raise _wrong(f"{permission!r} cannot be the name of a permission")
            by_origin[origin] = permission
        return cls(by_origin)

    def governing(self, document: Governed) -> frozenset[str]:
        """Name the permissions needed on each entity; for an unknown origin, all that are set."""
        if document.origin is None:
            return frozenset({READ, *self.by_origin.values()})
        return frozenset({READ, self.by_origin.get(document.origin, READ)})

    def wanted_for(self, documents: Iterable[Governed]) -> Wanted:
        """Collect what must be asked for, so that it can be asked at once."""
        wanted: dict[str, set[EntityRef]] = {READ: set()}
        for document in documents:
            for permission in self.governing(document):
                wanted.setdefault(permission, set()).update(document.entities)
        return {permission: frozenset(refs) for permission, refs in wanted.items()}


ONLY_CATALOG = DocumentPermissions({})


def _wrong(what: str) -> ConfigurationError:
    known = ", ".join(_GOVERNABLE)
    return ConfigurationError(
        f"{SETTING}: {what}; write NAME=PERMISSION by commas, where NAME is one of {known}, such as"
        " techdocs=techdocs.entity.read (see README, Settings)"
    )
