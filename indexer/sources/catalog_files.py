"""Catalog entities in the YAML files below a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.sources.entity_format import check_entity, is_entity
from indexer.sources.local_files import read_text, visible_files
from indexer.sources.source import EVERYTHING, Failure
from indexer.sources.stitching import ref_of
from indexer.sources.yaml_files import load_documents
from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.errors import InputError

_SUFFIXES = (".yaml", ".yml")
_NOT_CATALOG = frozenset({"mkdocs.yaml", "mkdocs.yml"})
_MARK_OF_ENTITIES = "backstage.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntity:
    """A valid entity as its author wrote it, and the file that it is in."""

    json: Mapping[str, Any]
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadEntity(Failure):
    """Something in a catalog file that is no entity, or one that is already there."""

    file: Path


def find_entities(root: Path) -> Iterator[FoundEntity | UnreadEntity]:
    """Read every catalog file below `root`, in the order of their paths.

    Of two entities of the same reference the first counts. YAML that has nothing to do with
    Backstage is passed over.

    Raises:
        InputError: a folder cannot be listed.
    """
    files: dict[EntityRef, Path] = {}
    for found in (each for file in _yaml_files(root) for each in _entities_in(file, root)):
        if isinstance(found, FoundEntity):
            ref = ref_of(found.json)
            if ref in files:
                yield _duplicate(ref, found.file, files[ref], root)
                continue
            files[ref] = found.file
        yield found


def _yaml_files(root: Path) -> Iterator[Path]:
    for folder, names in visible_files(root):
        for name in names:
            if name.lower().endswith(_SUFFIXES) and name.lower() not in _NOT_CATALOG:
                yield folder / name


def _entities_in(file: Path, root: Path) -> Iterator[FoundEntity | UnreadEntity]:
    name = _name(file, root)
    try:
        text = read_text(root, file)
        if _MARK_OF_ENTITIES not in text:
            return
        for document in load_documents(text):
            if is_entity(document):
                yield _checked(document, file, name)
    except InputError as error:
        yield UnreadEntity(scope=EVERYTHING, reason=f"{name}: {error.message}", file=file)


def _checked(document: Mapping[str, Any], file: Path, name: str) -> FoundEntity | UnreadEntity:
    try:
        check_entity(document)
    except InputError as error:
        scope = _scope(document)
        reason = f"{name}: {error.message} ({scope})"
        return UnreadEntity(scope=scope, reason=reason, file=file)
    return FoundEntity(json=document, file=file)


def _duplicate(ref: EntityRef, file: Path, first: Path, root: Path) -> UnreadEntity:
    reason = f"{_name(file, root)}: {ref} is already in {_name(first, root)}; only that one counts"
    return UnreadEntity(scope=str(ref), reason=reason, file=file)


def _scope(entity: Mapping[str, Any]) -> str:
    """What the entity's documents are called if only some other field is wrong."""
    metadata = entity.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    namespace = named.get("namespace") or DEFAULT_NAMESPACE
    return f"{entity.get('kind')}:{namespace}/{named.get('name')}".lower()


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()
