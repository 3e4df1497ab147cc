"""Cuts Qdrant's OpenAPI description down to what this project uses.

`python -m tests.contracts.extract SOURCE` writes qdrant.json beside this file; README.md says what
is changed.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

QDRANT = Path(__file__).with_name("qdrant.json")
OPERATIONS = {
    "/aliases": ("get",),
    "/collections": ("get",),
    "/collections/aliases": ("post",),
    "/collections/{collection_name}": ("delete", "get", "patch", "put"),
    "/collections/{collection_name}/exists": ("get",),
    "/collections/{collection_name}/index": ("put",),
    "/collections/{collection_name}/points/batch": ("post",),
    "/collections/{collection_name}/points/count": ("post",),
    "/collections/{collection_name}/points/query": ("post",),
    "/collections/{collection_name}/points/scroll": ("post",),
}
_PROSE = frozenset({"description", "example", "examples", "externalDocs", "summary", "tags"})
_SCHEMAS = "#/components/schemas/"

Json = Any  # a part of a description


def extract(source: Mapping[str, Json]) -> dict[str, Json]:
    """Keep the operations that are used, and the components that they reach."""
    paths = {
        path: {method: _operation(source["paths"][path][method]) for method in methods}
        for path, methods in OPERATIONS.items()
    }
    schemas: dict[str, Json] = {}
    waiting = list(_referenced(paths))
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = _pruned(source["components"]["schemas"][name])
            waiting += _referenced(schemas[name])
    return {
        "openapi": source["openapi"],
        "info": {key: source["info"][key] for key in ("title", "license", "version")},
        "servers": [{"url": "http://qdrant.example"}],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _operation(operation: Mapping[str, Json]) -> dict[str, Json]:
    pruned: dict[str, Json] = _pruned({**operation, "responses": {}, "security": None})
    del pruned["security"]
    pruned["responses"] = {
        status: {"description": status, **_pruned(response)}
        for status, response in operation["responses"].items()
    }
    return pruned


def _pruned(node: Json, *, names_properties: bool = False) -> Json:
    """Drop prose and extensions; a bare `nullable`, which allows everything, means null."""
    match node:
        case {"nullable": True} if len(node) == 1 and not names_properties:
            return {"nullable": True, "enum": [None]}
        case dict():
            return {
                key: _pruned(value, names_properties=key == "properties")
                for key, value in node.items()
                if names_properties or not (key in _PROSE or key.startswith("x-"))
            }
        case list():
            return [_pruned(each) for each in node]
        case _:
            return node


def _referenced(node: Json) -> Iterator[str]:
    match node:
        case {"$ref": str(target)}:
            yield target.removeprefix(_SCHEMAS)
        case dict():
            for value in node.values():
                yield from _referenced(value)
        case list():
            for value in node:
                yield from _referenced(value)


def as_text(description: Mapping[str, Json]) -> str:
    """Write one line per path and component, so that changes can be read."""
    parts = []
    for key, value in description.items():
        if key == "paths":
            parts.append(f'"paths": {_lines(value)}')
        elif key == "components":
            parts.append(f'"components": {{"schemas": {_lines(value["schemas"])}}}')
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(named: Mapping[str, Json]) -> str:
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in named.items())
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    whole = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    QDRANT.write_text(as_text(extract(whole)), encoding="utf-8")
