"""Catalog entities as documents that read like prose.

Neither annotations nor relations enter them: whoever may read an entity need not be allowed to
learn of those that it names. The service reads those from the catalog, as each asker sees it.
"""

from collections.abc import Iterator

from indexer.sources.api_definitions import summarize
from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import Block, Document, DocumentKind, Section
from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE

UNDESCRIBED_KINDS = frozenset({"location", "user"})
"""Locations say nothing about the portal, and users are people."""
MOST_OPERATIONS = 40
_KIND_NAMES = {"api": "API"}


def describe(entity: Entity, *, source: str, app_url: str) -> tuple[Document, ...]:
    """Make an entity's description, and for an API whose definition can be read its operations."""
    if entity.ref.kind in UNDESCRIBED_KINDS:
        return ()
    description = _document(entity, "entity", (_introduction(entity),), source, app_url)
    operations = _operations(entity)
    if operations is None:
        return (description,)
    return (description, _document(entity, "api", operations, source, app_url))


def _document(
    entity: Entity,
    kind: DocumentKind,
    sections: tuple[Section, ...],
    source: str,
    app_url: str,
) -> Document:
    ref = entity.ref
    return Document(
        source=source,
        path=f"{ref}#{kind}",
        title=entity.display_name,
        site_title=_KIND_NAMES.get(ref.kind, entity.kind),
        url=f"{app_url}/catalog/{ref.namespace}/{ref.kind}/{ref.name}",
        entity_ref=ref,
        resource_ref=ref,
        kind=kind,
        modified_at=None,
        sections=sections,
    )


def _introduction(entity: Entity) -> Section:
    text = " ".join(_sentences(entity))
    blocks = (Block(kind="text", text=text),)
    return Section(title=entity.display_name, level=1, anchor="", blocks=blocks)


def _sentences(entity: Entity) -> Iterator[str]:
    yield f"{_subject(entity)} is {_what_it_is(entity)}."
    if entity.description:
        yield _sentence(" ".join(entity.description.split()))
    if entity.tags:
        yield f"Tags: {', '.join(entity.tags)}."
    titles = [" ".join(link.title.split()) for link in entity.links if link.title]
    if titles:
        yield f"Links: {', '.join(titles)}."


def _subject(entity: Entity) -> str:
    in_namespace = "" if entity.ref.namespace == DEFAULT_NAMESPACE else f"{entity.ref.namespace}/"
    name = in_namespace + entity.name
    return name if name == entity.display_name else f"{entity.display_name} ({name})"


def _what_it_is(entity: Entity) -> str:
    words = " ".join(filter(None, (entity.lifecycle, _noun(entity))))
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"


def _noun(entity: Entity) -> str:
    kind = _KIND_NAMES.get(entity.ref.kind, entity.ref.kind)
    if entity.type is None:
        return kind
    if entity.ref.kind in ("component", "group"):
        return entity.type
    return f"{entity.type} {kind}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _operations(entity: Entity) -> tuple[Section, ...] | None:
    spec = entity.json.get("spec")
    definition = spec.get("definition") if isinstance(spec, dict) else None
    summary = summarize(definition) if isinstance(definition, str) else None
    if entity.ref.kind != "api" or summary is None:
        return None
    lines = [*summary.operations[:MOST_OPERATIONS], *_what_is_left(len(summary.operations))]
    introduction = f"{summary.title or entity.display_name} offers these operations:"
    text = "\n".join((introduction, *lines))
    blocks = (Block(kind="text", text=text),)
    return (Section(title="Operations", level=2, anchor="", blocks=blocks),)


def _what_is_left(count: int) -> tuple[str, ...]:
    left = count - MOST_OPERATIONS
    return (f"and {left} more",) if left > 0 else ()
