"""HTTP to a Backstage backend, only to read; where httpx ends and our own errors begin."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from portal_rag.errors import (
    AuthenticationError,
    ConfigurationError,
    InputError,
    NotAllowedError,
    NotFoundError,
    UpstreamError,
    UpstreamTimeoutError,
)
from portal_rag.retrying import reads

MOST_BYTES = 20_000_000
POSTS_THAT_READ = frozenset(
    {
        ("catalog", "entities", "by-query"),
        ("catalog", "entities", "by-refs"),
        ("catalog", "entity-facets"),
        ("catalog", ".well-known", "backstage", "permissions", "apply-conditions"),
        ("permission", "authorize"),
    }
)
SUBSCRIPTIONS = ("events", "bus", "v1", "subscriptions")
SUBSCRIPTION_PREFIX = "portal-rag."
"""The one thing that may be put: an event subscription with such a name, which is our own."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)
_UNSAFE_SEGMENT = re.compile(r"\.{0,2}|.*[/\\\x00-\x1f\x7f\ud800-\udfff].*", re.DOTALL)

Path = tuple[str, ...]
Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: Path
    token: str | None = field(repr=False)
    params: Params = ()
    content: bytes | None = field(default=None, repr=False)
    most_bytes: int = MOST_BYTES
    expected: tuple[int, ...] = (HTTPStatus.OK,)

    @property
    def system(self) -> str:
        return self.path[0]

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json, text/*;q=0.9"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.content is not None:
            headers["Content-Type"] = "application/json"
        return headers


_Reader = Callable[[_Request, bytes], Any]


class BackstageTransport:
    """Sends requests that only read, each with the credentials given for it and no others.

    The one thing that it may leave behind is an event subscription of our own.

    Paths are given as segments after `/api`, the first being the plugin id. No redirect is
    followed and no cookie kept, so nothing of one caller reaches another host or caller. Every
    method raises `AuthenticationError` (401), `NotAllowedError` (403), `NotFoundError` (404) or
    `UpstreamError`; their texts never repeat what Backstage said, as that names files and hidden
    entities.
    """

    def __init__(
        self,
        backend_url: str,
        *,
        deadline_seconds: float,
        verify: SSLContext | bool = True,
    ) -> None:
        """Prepare for a backend such as `https://portal.example`.

        `deadline_seconds` bounds a whole call with all of its retries.
        """
        self._api_url = _checked_url(backend_url).rstrip("/") + "/api/"
        self._deadline_seconds = deadline_seconds
        self._http = httpx.AsyncClient(
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            timeout=None,  # noqa: S113 - _ask bounds the whole call
            trust_env=False,
            verify=verify,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get_json(self, *path: str, token: str | None, params: Params = ()) -> Any:
        """Read JSON; `token` is None only where Backstage asks for no credentials."""
        request = _Request(method="GET", path=path, token=token, params=params)
        return await self._ask(request, _as_json)

    async def get_text(self, *path: str, token: str, most_bytes: int = MOST_BYTES) -> str:
        """Read a file as UTF-8 whatever its content type: Backstage serves HTML as plain text."""
        request = _Request(method="GET", path=path, token=token, most_bytes=most_bytes)
        text: str = await self._ask(request, _as_text)
        return text

    async def post_json(
        self,
        *path: str,
        token: str,
        body: Mapping[str, Any],
        deadline_seconds: float | None = None,
    ) -> Any:
        """Ask a question that needs a body; only POSTS_THAT_READ are let through.

        `deadline_seconds`, if given, takes the place of the transport's own.
        """
        if path not in POSTS_THAT_READ:
            raise ValueError(f"POST {'/'.join(path)} is not known to only read")
        content = json.dumps(body, separators=(",", ":")).encode()
        request = _Request(method="POST", path=path, token=token, content=content)
        return await self._ask(request, _as_json, deadline_seconds=deadline_seconds)

    async def long_poll_json(self, *path: str, token: str, deadline_seconds: float) -> Any:
        """Read JSON that may be long in coming; None where nothing came (202).

        `deadline_seconds` takes the place of the transport's own.
        """
        request = _Request(
            method="GET", path=path, token=token, expected=(HTTPStatus.OK, HTTPStatus.ACCEPTED)
        )
        return await self._ask(request, _as_json_if_any, deadline_seconds=deadline_seconds)

    async def put_json(self, *path: str, token: str, body: Mapping[str, Any]) -> None:
        """Subscribe to events; only an event subscription of our own is let through."""
        *folder, name = path or ("",)
        if tuple(folder) != SUBSCRIPTIONS or not name.startswith(SUBSCRIPTION_PREFIX):
            raise ValueError(f"PUT {'/'.join(path)} is not an event subscription of ours")
        content = json.dumps(body, separators=(",", ":")).encode()
        request = _Request(
            method="PUT", path=path, token=token, content=content, expected=(HTTPStatus.CREATED,)
        )
        await self._ask(request, _as_text)

    async def _ask(
        self, request: _Request, read: _Reader, *, deadline_seconds: float | None = None
    ) -> Any:
        within = deadline_seconds or self._deadline_seconds
        url = self._url(request.path)
        if request.token is not None and not _TOKEN.fullmatch(request.token):
            raise AuthenticationError("Illegal token", reason="malformed")
        try:
            async with asyncio.timeout(within):
                retrying = reads(within_seconds=within)
                return await retrying(self._attempt, url, request, read)
        except TimeoutError as error:
            raise UpstreamTimeoutError(
                request.system, "Backstage did not answer in time"
            ) from error

    def _url(self, path: Path) -> str:
        if not path or any(_UNSAFE_SEGMENT.fullmatch(segment) for segment in path):
            raise InputError("a part of a path is empty, dots, or holds a separator")
        return self._api_url + "/".join(quote(segment, safe="") for segment in path)

    async def _attempt(self, url: str, request: _Request, read: _Reader) -> Any:
        try:
            return read(request, await self._fetch(url, request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamError(
                request.system, "Backstage could not be reached", is_transient=True
            ) from error

    async def _fetch(self, url: str, request: _Request) -> bytes:
        async with self._http.stream(
            request.method,
            url,
            params=httpx.QueryParams(request.params) if request.params else None,
            content=request.content,
            headers=request.headers,
        ) as response:
            if response.status_code not in request.expected:
                raise _refusal(request, response)
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > request.most_bytes:
                    raise UpstreamError(
                        request.system, f"the answer is larger than {request.most_bytes} bytes"
                    )
            return bytes(body)


def _checked_url(text: str) -> str:
    try:
        is_url = re.fullmatch(r"https?://[^\s?#@]+", text) and httpx.URL(text).host
        is_right = bool(is_url) and urlsplit(text).port != 0  # raises where it is out of range
    except (httpx.InvalidURL, ValueError):
        is_right = False
    if not is_right:
        raise ConfigurationError(
            "the Backstage backend URL must be http(s), without credentials, query or fragment"
        )
    return text


def _as_text(_request: _Request, body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _as_json(request: _Request, body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UpstreamError(request.system, "the answer is not JSON") from error


def _as_json_if_any(request: _Request, body: bytes) -> Any:
    return _as_json(request, body) if body else None


def _refusal(request: _Request, response: httpx.Response) -> Exception:
    status, system = response.status_code, request.system
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return AuthenticationError(
                f"{system}: Backstage refused the credentials (401)", reason="backstage"
            )
        case HTTPStatus.FORBIDDEN:
            return NotAllowedError(f"{system}: Backstage does not allow this (403)")
        case HTTPStatus.NOT_FOUND:
            return NotFoundError(f"{system}: nothing there that may be read (404)")
    asked = response.headers.get("retry-after", "")
    return UpstreamError(
        system,
        f"Backstage answered {status}",
        upstream_status=status,
        is_transient=status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        retry_after_seconds=float(asked) if _SECONDS.fullmatch(asked) else None,
    )
