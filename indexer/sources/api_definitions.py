"""What an API offers, read off its definition; the definition itself is never indexed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from indexer.sources.yaml_files import load_document
from portal_rag.errors import InputError

MOST_CHARACTERS = 2_000_000
MOST_ENTRIES = 1_000
"""So many paths or channels are looked at: aliases can make a short text endless."""
_HTTP_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LONGEST_LINE = 200
_PROTO_NOISE = re.compile(
    r""""(?:[^"\\\n]|\\[^\n])*+"?+|'(?:[^'\\\n]|\\[^\n])*+'?+|//[^\n]*+|/\*(?:.*?\*/|.*+)""",
    re.DOTALL,
)
"""Texts and comments; one without an end goes on to the end of the line or of the definition."""
_SERVICE_OR_RPC = re.compile(r"\b(service|rpc)\s+(\w+)")
_GRAPHQL_NOISE = re.compile(r'"""(?:.*?"""|.*+)|"[^"\n]*+"?+|#[^\n]*+|\([^()]*+\)', re.DOTALL)
_GRAPHQL_ROOT = re.compile(r"\btype\s++(Query|Mutation|Subscription)\b")
_GRAPHQL_FIELD = re.compile(r"^[^\S\n]*+(\w++)\s*+:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSummary:
    """`operations` are lines such as `POST /orders Place an order`, as many as there are."""

    title: str
    operations: tuple[str, ...]


def summarize(definition: str) -> ApiSummary | None:
    """Read title and operations, or None where the definition is in no format known here.

    Known are OpenAPI, Swagger and AsyncAPI in YAML or JSON, Protocol Buffers and GraphQL.
    """
    if len(definition) > MOST_CHARACTERS:
        return None
    described = _described(definition)
    if described is None:
        return _summary("", (*_rpcs(definition), *_graphql(definition)))
    info = described.get("info")
    title = _one_line(info.get("title")) if isinstance(info, Mapping) else ""
    return _summary(title, (*_http(described), *_channels(described), *_actions(described)))


def _summary(title: str, operations: tuple[str, ...]) -> ApiSummary | None:
    return ApiSummary(title=title, operations=operations) if operations else None


def _described(definition: str) -> Mapping[str, Any] | None:
    try:
        loaded = (
            json.loads(definition)
            if definition.lstrip().startswith("{")
            else load_document(definition)
        )
    except (ValueError, InputError, RecursionError):
        return None
    return loaded if isinstance(loaded, Mapping) else None


def _http(described: Mapping[str, Any]) -> Iterator[str]:
    for path, item in _entries(described.get("paths")):
        for method, operation in _entries(item):
            if method.lower() in _HTTP_METHODS:
                yield f"{method.upper()} {path} {_purpose(operation)}".rstrip()


def _channels(described: Mapping[str, Any]) -> Iterator[str]:
    for channel, item in _entries(described.get("channels")):
        for action, operation in _entries(item):
            if action in ("publish", "subscribe"):
                yield f"{action} {channel} {_purpose(operation)}".rstrip()


def _actions(described: Mapping[str, Any]) -> Iterator[str]:
    for _, operation in _entries(described.get("operations")):
        if isinstance(operation, Mapping) and operation.get("action") in ("send", "receive"):
            channel = operation.get("channel")
            target = channel.get("$ref") if isinstance(channel, Mapping) else ""
            name = _one_line(target).rpartition("/")[2]
            yield f"{operation['action']} {name} {_purpose(operation)}".rstrip()


def _rpcs(definition: str) -> Iterator[str]:
    service = ""
    for kind, name in _SERVICE_OR_RPC.findall(_PROTO_NOISE.sub(" ", definition)):
        if kind == "service":
            service = name
        else:
            yield f"{service}.{name}" if service else name


def _graphql(definition: str) -> Iterator[str]:
    for root, fields in _graphql_roots(_GRAPHQL_NOISE.sub("", definition)):
        for field in _GRAPHQL_FIELD.findall(fields):
            yield f"{root.lower()} {field}"


def _graphql_roots(definition: str) -> Iterator[tuple[str, str]]:
    """Give each root type and what stands in its braces, passing over the text once."""
    closing = 0
    for root in _GRAPHQL_ROOT.finditer(definition):
        if root.start() < closing:
            continue
        opening = definition.find("{", root.end())
        closing = definition.find("}", opening)
        if -1 in (opening, closing):
            return
        yield root[1], definition[opening + 1 : closing]


def _entries(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, entry in islice(value.items(), MOST_ENTRIES):
            yield str(key), entry


def _purpose(operation: object) -> str:
    if not isinstance(operation, Mapping):
        return ""
    return _one_line(operation.get("summary") or operation.get("operationId"))


def _one_line(value: object) -> str:
    """Shorten at the end of a word, as half a secret would not be known for one."""
    line = " ".join(value.split()) if isinstance(value, str) else ""
    if len(line) <= _LONGEST_LINE:
        return line
    words, _, _ = line[: _LONGEST_LINE + 1].rpartition(" ")
    return words
