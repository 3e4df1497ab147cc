"""Ask a running service over HTTP, or the local index in this process."""

import json
from typing import Any

import anyio
import httpx
from pydantic import TypeAdapter, ValidationError

from portal_rag.api.wire import parse_question, to_wire
from portal_rag.corpus.settings import HttpUrl
from portal_rag.errors import AuthenticationError, ConfigurationError, InputError, UpstreamError
from portal_rag.principals import LocalReader
from portal_rag.services import open_services
from portal_rag.settings import ServiceSettings

_TIMEOUT_SECONDS = 60.0
_UNAUTHORIZED = 401


def ask_locally(settings: ServiceSettings, question: str, *, entity: str | None) -> dict[str, Any]:
    """Answer from a local index that was built from files; any other is refused.

    Raises:
        IndexUnavailableError: there is no such index.
        InputError: the question or the entity reference cannot be read.
    """
    return anyio.run(_ask_locally, settings, _body(question, entity))


async def _ask_locally(settings: ServiceSettings, body: bytes) -> dict[str, Any]:
    async with open_services(settings) as services:
        asked = parse_question(body)
        answer = await services.pipeline.answer(asked, services.portal_of(LocalReader()))
        return to_wire(answer)


def ask_service(
    url: str, question: str, *, entity: str | None, token: str | None
) -> dict[str, Any]:
    """Send the question to a running service.

    Raises:
        AuthenticationError: the service wants a token, or refuses this one.
        ConfigurationError: the URL is none.
        InputError: the service refuses the question.
        UpstreamError: the service does not answer as it should.
    """
    endpoint = _endpoint(url)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        response = httpx.post(
            endpoint,
            content=_body(question, entity),
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UpstreamError(url, f"does not answer ({error}); is it running?") from error
    return _answer(url, response)


def _endpoint(url: str) -> str:
    try:
        return TypeAdapter(HttpUrl).validate_python(url) + "/api/portal-rag/v1/questions"
    except ValidationError as error:
        raise ConfigurationError(
            f"--url: {url} must be an http(s) URL, such as http://127.0.0.1:8007"
        ) from error


def _answer(url: str, response: httpx.Response) -> dict[str, Any]:
    try:
        body: dict[str, Any] = response.json()
    except ValueError as error:
        raise UpstreamError(url, f"answered {response.status_code} without JSON") from error
    if response.is_success:
        return body
    message = str(body.get("error", {}).get("message", response.status_code))
    if response.status_code == _UNAUTHORIZED:
        raise AuthenticationError(
            f"{message}; set PORTAL_RAG_TOKEN to your token that is still valid, of Backstage or of"
            " the identity provider that the service trusts (its log says why it was refused)"
        )
    if response.is_client_error:
        raise InputError(message)
    raise UpstreamError(url, message)


def _body(question: str, entity: str | None) -> bytes:
    body = {"question": question} | ({"entityRef": entity} if entity else {})
    return json.dumps(body).encode()
