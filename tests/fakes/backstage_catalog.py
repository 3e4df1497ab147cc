"""The catalog's store and its query language, as far as readers of it can tell."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.fakes.backstage_tokens import bad_input

Json = dict[str, Any]
Rows = dict[str, set[str]]
_SKIPPED = {"attachments", "relations", "status"}


def ref_of(entity: Mapping[str, Any]) -> str:
    metadata = entity["metadata"]
    return f"{entity['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()


def stitched(entity: Mapping[str, Any]) -> Json:
    """Add what the catalog adds: namespace, uid, and an etag that changes with the content."""
    metadata = {"namespace": "default", **entity["metadata"]}
    content = json.dumps(entity, sort_keys=True).encode()
    metadata.setdefault("uid", str(uuid5(NAMESPACE_URL, ref_of(entity))))
    metadata.setdefault("etag", sha1(content, usedforsecurity=False).hexdigest())
    return {"apiVersion": "backstage.io/v1alpha1", **entity, "metadata": metadata}


def parse_filters(filters: Sequence[str]) -> Json | None:
    clauses = [clause for text in filters if (clause := _parse_filter(text))]
    return {"$any": clauses} if clauses else None


def _parse_filter(text: str) -> Json | None:
    values: dict[str, list[str]] = {}
    for statement in filter(None, map(str.strip, text.split(","))):
        key, equals, value = statement.partition("=")
        if not key.strip():
            raise bad_input(f"Invalid filter, '{statement}' is not a valid statement")
        values.setdefault(key.strip(), []).extend([value.strip()] if equals else [])
    clauses = [
        {key: {"$in": any_of} if any_of else {"$exists": True}} for key, any_of in values.items()
    ]
    return {"$all": clauses} if clauses else None


def rows_of(entity: Json) -> Rows:
    """Flatten an entity to its searchable values, keys and values in lower case."""
    rows: Rows = {}
    for path, value in _leaves("", {k: v for k, v in entity.items() if k not in _SKIPPED}):
        rows.setdefault(path.lower(), set()).add(value.lower())
    for relation in entity.get("relations", ()):
        key = f"relations.{relation['type']}".lower()
        rows.setdefault(key, set()).add(relation["targetRef"].lower())
    return rows


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(path, each)
            if isinstance(each, str):
                yield f"{path}.{each}", "true"
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def matches(query: Any, rows: Rows) -> bool:
    if not isinstance(query, dict):
        raise bad_input("Invalid query: Validation error")
    return all(_matches_one(key, value, rows) for key, value in query.items())


def _matches_one(key: str, value: Any, rows: Rows) -> bool:
    if key == "$all":
        return all(matches(each, rows) for each in value)
    if key == "$any":
        return any(matches(each, rows) for each in value)
    if key == "$not":
        return not matches(value, rows)
    if key.startswith("$"):
        raise bad_input("Invalid query: Validation error")
    found = rows.get(key.lower(), set())
    if not isinstance(value, dict):
        return str(value).lower() in found
    if "$exists" in value:
        return bool(found) is bool(value["$exists"])
    return any(str(each).lower() in found for each in value["$in"])


def select(entity: Json, fields: Sequence[str]) -> Json:
    """Keep the fields that were asked for; a key may hold dots itself."""
    if not fields:
        return entity
    kept: Json = {}
    for field in fields:
        _copy(entity, kept, field.split("."))
    return kept


def _copy(source: Any, target: Json, parts: Sequence[str]) -> None:
    for length in range(1, len(parts) + 1):
        key, rest = ".".join(parts[:length]), parts[length:]
        if not isinstance(source, dict) or key not in source:
            continue
        if rest:
            _copy(source[key], target.setdefault(key, {}), rest)
        else:
            target[key] = source[key]
        return


def query_page(
    entities: Iterable[Json], request: Json, *, is_visible: Callable[[Json], bool]
) -> Json:
    """Answer by-query; `request` is the body of a POST, or what a GET says in the same words."""
    cursor = _decode_cursor(request["cursor"]) if request.get("cursor") else {}
    query = cursor.get("query", request.get("query"))
    limit = request.get("limit", 200)
    found = sorted(
        (
            each
            for each in entities
            if is_visible(each) and (not query or matches(query, rows_of(each)))
        ),
        key=lambda each: each["metadata"]["uid"],
    )
    counted = 0 if request.get("totalItems") == "exclude" else len(found)
    total = cursor.get("totalItems", counted)  # as the first caller of the cursor saw it
    rest = [each for each in found if each["metadata"]["uid"] > cursor.get("after", "")]
    page = rest[request.get("offset", 0) :][:limit]
    info: Json = {}
    if page and page[-1] is not rest[-1]:
        after = page[-1]["metadata"]["uid"]
        info["nextCursor"] = _encode_cursor({"query": query, "after": after, "totalItems": total})
    items = [select(each, request.get("fields", [])) for each in page]
    return {"items": items, "totalItems": total, "pageInfo": info}


def _encode_cursor(cursor: Json) -> str:
    return base64.b64encode(json.dumps(cursor).encode()).decode()


def _decode_cursor(text: str) -> Json:
    try:
        cursor: Json = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise bad_input("Malformed cursor") from error
    return cursor
