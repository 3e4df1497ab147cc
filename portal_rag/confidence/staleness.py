"""What speaks against the sources of an answer: age, newer pages, owners and entities gone.

Backstage tells no time at which an entity last changed (its `etag` is no time), so documents are
not compared with that.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from portal_rag.backstage.entities import Entity
from portal_rag.confidence.features import cited_facts, cited_passages
from portal_rag.domain import Draft, Evidence, Passage, Query, Source

_DAYS_A_MONTH = 30.44
_WORD = re.compile(r"[a-z]+")
_VERSION_MARKS = re.compile(
    r"--old\b|\b(?:v?\d+|archived?|copy|deprecated|draft|superseded|version)\b"
)
_READ = frozenset({"ok", "empty"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """A warning for the reader, and the same in a few words as a reason to trust less."""

    code: str
    message: str
    reason: str
    source_ids: tuple[int, ...]


def concerns(query: Query, draft: Draft, evidence: Evidence, now: datetime) -> Iterator[Concern]:
    """List what the reader should know of sources, and of the entities asked about."""
    if draft.status in ("clarify", "declined"):
        return
    yield from _old(draft, now)
    yield from _superseded(draft, evidence)
    for entity in query.subjects:
        yield from _of_entity(entity, _sources_about(entity, draft, evidence))
        if _lacks_owner(entity, query, evidence):
            yield Concern(
                code="owner_not_found",
                message=f"{entity.display_name} names an owner that could not be found in the"
                " catalog; it may have been renamed or removed.",
                reason="an owner that the catalog names was not found",
                source_ids=_sources_about(entity, draft, evidence),
            )


def _old(draft: Draft, now: datetime) -> Iterator[Concern]:
    for number, source in enumerate(draft.sources, start=1):
        if source.stale and source.modified_at:
            months = round((now - source.modified_at).days / _DAYS_A_MONTH)
            yield Concern(
                code="stale_source",
                message=f"{source.title} was last changed or reviewed {months} months ago.",
                reason="a source is old",
                source_ids=(number,),
            )


def _superseded(draft: Draft, evidence: Evidence) -> Iterator[Concern]:
    """Find pages of which another that is cited too is the newer edition."""
    cited = cited_passages(draft, evidence)
    for older in cited:
        newer = next((each for each in cited if _is_newer_edition(each, older)), None)
        if newer:
            yield Concern(
                code="stale_source",
                message=f"{older.source.title} is older than {newer.source.title}, which is about"
                " the same.",
                reason="a source has a newer edition",
                source_ids=(draft.sources.index(older.source) + 1,),
            )


def _is_newer_edition(newer: Passage, older: Passage) -> bool:
    one, other = newer.source, older.source
    return (
        (one.entity_ref, newer.kind) == (other.entity_ref, older.kind)
        and _page(one) != _page(other)
        and _topic(one) == _topic(other) != frozenset()
        and one.modified_at is not None
        and other.modified_at is not None
        and one.modified_at > other.modified_at
    )


def _page(source: Source) -> str:
    return source.url.partition("#")[0].rstrip("/")


def _topic(source: Source) -> frozenset[str]:
    """Give the words of the page's address, without what tells one edition from another."""
    name = _page(source).rpartition("/")[2].lower().replace("_", "-")
    return frozenset(_WORD.findall(_VERSION_MARKS.sub(" ", name)))


def _of_entity(entity: Entity, source_ids: tuple[int, ...]) -> Iterable[Concern]:
    if entity.is_orphan:
        yield Concern(
            code="orphaned_entity",
            message=f"{entity.display_name} is orphaned: nothing registers it in the catalog any"
            " more, so what the catalog says of it may be out of date.",
            reason="the entity is orphaned in the catalog",
            source_ids=source_ids,
        )
    if errors := entity.error_count:
        found = "an error" if errors == 1 else f"{errors} errors"
        yield Concern(
            code="catalog_errors",
            message=f"The catalog reports {found} in processing {entity.display_name}, so what it"
            " says may be an older version.",
            reason="the catalog reports errors in processing the entity",
            source_ids=source_ids,
        )


def _lacks_owner(entity: Entity, query: Query, evidence: Evidence) -> bool:
    """Whether owners were looked up and not all were there for the asker, hidden or missing."""
    told = [
        fact
        for fact in (*evidence.facts, *evidence.contacts)
        if fact.topic == "owner" and fact.subject.ref == entity.ref
    ]
    if not told and ("owner" not in query.topics or not _catalog_answered(evidence)):
        return False
    found = {mention.ref for fact in told for mention in fact.mentions}
    return not found.issuperset(entity.owners)


def _catalog_answered(evidence: Evidence) -> bool:
    return any(one.source == "catalog" and one.state in _READ for one in evidence.consulted)


def _sources_about(entity: Entity, draft: Draft, evidence: Evidence) -> tuple[int, ...]:
    """Number the cited sources that are the catalog's word about this entity."""
    own = [fact.source for fact in cited_facts(draft, evidence) if fact.subject.ref == entity.ref]
    return tuple(dict.fromkeys(draft.sources.index(source) + 1 for source in own))
