"""What Backstage accepts as an entity, as far as it concerns an index."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from indexer.sources.yaml_files import DEEPEST
from portal_rag.errors import InputError

_LONGEST = 63
_KIND = re.compile(r"[a-zA-Z][a-z0-9A-Z]*", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", re.ASCII)
_API_VERSION = re.compile(r"(?:[a-z0-9-]+\.)*backstage\.io/\w+", re.ASCII)
_OBJECTS = ("annotations", "labels")
_ARRAYS = ("tags", "links")
_MOST_VALUES = 100_000
_LARGEST_NUMBER = 2**1024


def is_entity(document: object) -> bool:
    """Whether a YAML document means to be an entity, rather than, say, a Kubernetes manifest."""
    version = document.get("apiVersion") if isinstance(document, Mapping) else None
    return isinstance(version, str) and _API_VERSION.fullmatch(version) is not None


def check_entity(entity: Mapping[str, Any]) -> None:
    """Check what identifies the entity and the shape of what is read of it.

    Raises:
        InputError: naming the field and what it must be.
    """
    _check_text(entity.get("kind"), _KIND, "kind", "letters and digits")
    metadata = entity.get("metadata")
    if not isinstance(metadata, Mapping):
        raise InputError("metadata is missing")
    name_rule = "letters, digits and any of - _ . between them"
    _check_text(metadata.get("name"), _NAME, "metadata.name", name_rule)
    if metadata.get("namespace") is not None:
        namespace_rule = "lower-case letters and digits with - between them"
        _check_text(metadata["namespace"], _NAMESPACE, "metadata.namespace", namespace_rule)
    _check_shapes(metadata, entity.get("spec"))
    _check_plain(entity)


def _check_text(value: object, pattern: re.Pattern[str], field: str, rule: str) -> None:
    if value is None:
        raise InputError(f"{field} is missing")
    if not isinstance(value, str) or len(value) > _LONGEST or not pattern.fullmatch(value):
        raise InputError(f"{field} must be at most {_LONGEST} characters: {rule}")


def _check_shapes(metadata: Mapping[str, Any], spec: object) -> None:
    for field in _OBJECTS:
        if not isinstance(metadata.get(field) or {}, Mapping):
            raise InputError(f"metadata.{field} must be an object")
    for field in _ARRAYS:
        if not isinstance(metadata.get(field) or [], list):
            raise InputError(f"metadata.{field} must be a list")
    if not isinstance(spec or {}, Mapping):
        raise InputError("spec must be an object")


def _check_plain(entity: object) -> None:
    """Refuse what cannot be JSON, is too deep, or refers to itself or multiplies itself."""
    level, count, depth = [entity], 0, 0
    while level:
        count += len(level)
        depth += 1
        if count > _MOST_VALUES:
            raise InputError("too many values, or an alias that multiplies itself")
        if depth > DEEPEST:
            raise InputError(f"nested more than {DEEPEST} levels deep, or an alias of itself")
        level = [inner for value in level for inner in _inner(value)]


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    if isinstance(value, list):
        return value
    if not isinstance(value, str | int | float | bool | None):
        raise InputError(f"a value of type {type(value).__name__} is no JSON")
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        raise InputError("a number of too many digits")
    return ()
