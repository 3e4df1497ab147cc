"""Which docs sites of a Backstage have to be read: those that are not as they were."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from indexer.sources.source import UNMARKED
from portal_rag.backstage.techdocs import SiteMetadata
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import PortalRagError


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """An entity that owns docs; its title is None if the entity is as it was, and not yet read."""

    ref: EntityRef
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSite:
    """The docs of an entity: what TechDocs says of them now, and the mark that they had."""

    documented: Documented
    metadata: SiteMetadata | PortalRagError
    known: str

    @property
    def ref(self) -> EntityRef:
        return self.documented.ref

    @property
    def scope(self) -> str:
        return docs_scope(self.ref)

    @property
    def mark(self) -> str:
        found = self.metadata
        if not isinstance(found, SiteMetadata):
            return UNMARKED
        return mark_of(found.etag, found.built_at, found.site_name)

    @property
    def is_unchanged(self) -> bool:
        """Whether it need not be read; a site without a name has the title of its entity."""
        title, found = self.documented.title, self.metadata
        is_titled = isinstance(found, SiteMetadata) and (title is None or found.site_name)
        return bool(is_titled) and self.mark == self.known != UNMARKED

    @property
    def lacks_its_entity(self) -> bool:
        is_read = isinstance(self.metadata, SiteMetadata) and not self.is_unchanged
        return is_read and self.documented.title is None


def docs_scope(ref: EntityRef) -> str:
    """Give what the paths of its docs begin with."""
    return f"{ref}/"


def mark_of(*facts: str | datetime | None) -> str:
    """Make a short mark of what tells versions apart; UNMARKED where nothing does."""
    if not any(facts[:2]):
        return UNMARKED
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
