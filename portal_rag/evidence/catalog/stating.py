"""Makes facts: what is told of an entity, and the source that holds it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Mention, Source, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Stating:
    """States what was read at `now` in the portal whose app is at `app_url`."""

    app_url: str
    now: datetime

    def fact(
        self,
        topic: Topic,
        subject: Entity,
        mentions: tuple[Mention, ...],
        *,
        has_more: bool = False,
        stated_by: Entity | None = None,
        excerpt: str | None = None,
    ) -> Fact:
        """State it with the entity that says so as the source: the subject unless another does."""
        told = excerpt or f"{topic.replace('_', ' ')}: " + "; ".join(map(as_text, mentions))
        source = self.source(stated_by or subject, told)
        return Fact(
            topic=topic, subject=subject, mentions=mentions, source=source, has_more=has_more
        )

    def source(self, entity: Entity, excerpt: str) -> Source:
        return Source(
            id=f"catalog:{entity.ref}",
            kind="catalog",
            title=entity.display_name,
            entity_ref=entity.ref,
            url=f"{self.app_url}/catalog/{_path(entity.ref)}",
            fetched_at=self.now,
            modified_at=None,
            stale=False,
            excerpt=f"{called(entity)} {excerpt}",
        )

    def docs_url(self, ref: EntityRef) -> str:
        """Say where the portal shows the documentation of an entity."""
        return f"{self.app_url}/docs/{_path(ref)}"


def named(entity: Entity, note: str = "") -> Mention:
    """Mention an entity that was read."""
    return Mention(label=entity.display_name, ref=entity.ref, note=note)


def called(entity: Entity) -> str:
    """Name an entity in an excerpt."""
    return f"{entity.display_name} ({entity.ref})"


def all_called(entities: Iterable[Entity]) -> str:
    """Name entities in an excerpt, one after the other."""
    return ", ".join(map(called, entities))


def as_text(mention: Mention) -> str:
    """Write a mention as the excerpt of a source holds it."""
    whole = f"{mention.label} ({mention.ref})" if mention.ref else mention.label
    linked = f"{whole} {mention.url}" if mention.url and mention.url != mention.label else whole
    return f"{linked}, {mention.note}" if mention.note else linked


def _path(ref: EntityRef) -> str:
    return f"{ref.namespace}/{ref.kind}/{ref.name}"
