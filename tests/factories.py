"""Builders of the values that tests need, each with everything but the interesting part set."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import Chunk, DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Passage, Question, Source

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
APP_URL = "https://portal.example"
KINDS = {"api": "API", "component": "Component", "group": "Group", "system": "System"}


def make_json(
    ref: str,
    *,
    relations: Mapping[str, Sequence[str]] | None = None,
    spec: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": KINDS.get(kind, kind.title()),
        "metadata": {"namespace": namespace, "name": name, **metadata},
        "spec": dict(spec or {}),
        "relations": [
            {"type": relation, "targetRef": target}
            for relation, targets in (relations or {}).items()
            for target in targets
        ],
    }


def make_entity(ref: str, **given: Any) -> Entity:
    entity = Entity.parse(make_json(ref, **given))
    assert entity is not None
    return entity


def make_chunk(
    text: str = "Drain the broker first.",
    *,
    entity: str = "component:default/shop",
    resource: str | None = None,
    page: str = "runbook/",
    ordinal: int = 0,
    kind: DocumentKind = "guide",
    source: str = "files/techdocs",
    modified_at: datetime | None = None,
) -> Chunk:
    ref = EntityRef.parse(entity)
    return Chunk(
        source=source,
        document_path=f"{ref}/{page}",
        ordinal=ordinal,
        title_path=(ref.name, page.strip("/") or "home"),
        text=text,
        url=f"{APP_URL}/docs/{ref.namespace}/{ref.kind}/{ref.name}/{page}",
        anchor="",
        entity_ref=ref,
        resource_ref=EntityRef.parse(resource) if resource else ref,
        kind=kind,
        modified_at=modified_at,
    )


def make_source(**given: Any) -> Source:
    ref = EntityRef.parse("component:default/shop")
    values: dict[str, Any] = {
        "id": "files/techdocs:component:default/shop/runbook/:0",
        "kind": "techdocs",
        "title": "shop > Runbook",
        "entity_ref": ref,
        "url": f"{APP_URL}/docs/default/component/shop/runbook/",
        "fetched_at": NOW,
        "modified_at": None,
        "stale": False,
        "excerpt": "Drain the broker first.",
    }
    return Source(**(values | given))


def make_passage(text: str = "Drain the broker first.", **given: Any) -> Passage:
    values: dict[str, Any] = {
        "kind": "guide",
        "text": text,
        "similarity": 0.7,
        "in_lexical": True,
        "is_about_subject": False,
        "source": make_source(excerpt=text),
    }
    return Passage(**(values | given))


def make_question(text: str, *, entity_ref: str | None = None, **given: Any) -> Question:
    ref = EntityRef.parse(entity_ref) if entity_ref else None
    return Question(text=text, entity_ref=ref, **given)
