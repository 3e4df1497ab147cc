"""Judges HTTP exchanges by an OpenAPI description, more strictly than openapi-core alone does.

Properties and query parameters that the description does not name are wrong: a misspelt one would
silently ask for something else.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

from jsonschema.exceptions import ValidationError, best_match
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from werkzeug.datastructures import ImmutableMultiDict

from tests.contracts.extract import QDRANT

_VARIABLE = re.compile(r"\\\{[^}]+\\\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer; `path` and `query` are as they were sent."""

    method: str
    path: str
    query: str = ""
    content_type: str = "application/json"
    body: bytes = field(default=b"", repr=False)
    status: int = 200
    answer_type: str = "application/json"
    answer: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")


class Contract:
    """What a server's description allows; of answers only those that are JSON are judged."""

    def __init__(self, description: Path) -> None:
        parsed = json.loads(description.read_text(encoding="utf-8"))
        self._server = parsed["servers"][0]["url"]
        self._operations = [
            (method, re.compile(_VARIABLE.sub("[^/]+", re.escape(path))), operation)
            for path, operations in parsed["paths"].items()
            for method, operation in operations.items()
        ]
        self._api = OpenAPI.from_dict(
            parsed, config=Config(additional_properties_default_policy="forbid")
        )

    def violations(self, exchange: Exchange) -> list[str]:
        """Say what is wrong with an exchange; each text begins with which one it is."""
        known = self._query_parameters(exchange)
        if known is None:
            return [f"{exchange}: no such path or method"]
        asked = parse_qsl(exchange.query, keep_blank_values=True)
        unknown = sorted({name for name, _ in asked} - known)
        problems = [
            *(f"unknown query parameter {name!r}" for name in unknown),
            *self._wrong_in_request(exchange, asked),
            *(f"in the answer: {problem}" for problem in self._wrong_in_answer(exchange)),
        ]
        return [f"{exchange}: {problem}" for problem in problems]

    def _query_parameters(self, exchange: Exchange) -> set[str] | None:
        for method, path, operation in self._operations:
            if method == exchange.method.lower() and path.fullmatch(exchange.path):
                parameters = operation.get("parameters", ())
                return {each["name"] for each in parameters if each["in"] == "query"}
        return None

    def _wrong_in_request(
        self, exchange: Exchange, asked: Iterable[tuple[str, str]]
    ) -> Iterator[str]:
        request = self._request(exchange)
        request.parameters = RequestParameters(query=ImmutableMultiDict(asked))
        return map(_explain, self._api.iter_request_errors(request))

    def _wrong_in_answer(self, exchange: Exchange) -> Iterator[str]:
        if not exchange.answer_type.startswith("application/json"):
            return iter(())
        answer = MockResponse(data=exchange.answer, status_code=exchange.status)
        return map(_explain, self._api.iter_response_errors(self._request(exchange), answer))

    def _request(self, exchange: Exchange) -> MockRequest:
        return MockRequest(
            self._server,
            exchange.method,
            exchange.path,
            data=exchange.body,
            content_type=exchange.content_type,
        )


@cache
def qdrant_contract() -> Contract:
    """Read Qdrant's description, once."""
    return Contract(QDRANT)


def _explain(error: BaseException) -> str:
    """Find the innermost thing that is wrong: whole bodies would drown it."""
    chain = [error]
    while cause := chain[-1].__cause__:
        chain.append(cause)
    schema_errors = [
        each
        for link in chain
        if isinstance(link, InvalidSchemaValue)
        for each in link.schema_errors
        if isinstance(each, ValidationError)
    ]
    if innermost := best_match(schema_errors):
        return f"{innermost.json_path}: {innermost.message}"
    return ": ".join(str(link) for link in chain)
