"""HTTP to an identity provider and its decisions: two requests, and no others can be sent."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import Self

import httpx
import structlog

from portal_rag.errors import UpstreamError, UpstreamTimeoutError

KEYS, AUTHORIZATION = "identity provider", "authorization"
"""What errors call the two systems."""
MOST_BYTES = 1_000_000
KEYS_SECONDS = 5.0
EVALUATES = "/api/v1/authz/evaluates"


class OidcTransport:
    """Reads public keys, and asks for decisions with the token of whoever they are about.

    No redirect is followed, no cookie kept, no proxy or certificate taken from the environment.
    Every method raises `UpstreamError`; its text never repeats what the other side said.
    """

    def __init__(self, *, jwks_url: str, authz_url: str, verify: SSLContext | bool = True) -> None:
        """`authz_url` is the base URL of the API that has EVALUATES."""
        self._jwks_url = jwks_url
        self._evaluates_url = authz_url + EVALUATES
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

    async def read_keys(self) -> bytes:
        """Read the key set, without credentials."""
        request = self._http.build_request("GET", self._jwks_url, headers=_headers())
        return await self._ask(KEYS, request, KEYS_SECONDS)

    async def evaluate(self, content: bytes, *, token: str, deadline_seconds: float) -> bytes:
        """Ask for decisions; nothing is changed by it."""
        headers = _headers({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        request = self._http.build_request(
            "POST", self._evaluates_url, content=content, headers=headers
        )
        return await self._ask(AUTHORIZATION, request, deadline_seconds)

    async def reach_authorization(self, *, deadline_seconds: float) -> int:
        """Find out, without credentials, whether anything answers there; say with which status."""
        request = self._http.build_request("GET", self._evaluates_url, headers=_headers())
        try:
            await self._ask(AUTHORIZATION, request, deadline_seconds)
        except UpstreamError as error:
            if error.upstream_status is None:
                raise
            return error.upstream_status
        return HTTPStatus.OK

    async def _ask(self, system: str, request: httpx.Request, deadline_seconds: float) -> bytes:
        try:
            async with asyncio.timeout(deadline_seconds):
                return await self._fetch(system, request)
        except TimeoutError as error:
            raise UpstreamTimeoutError(system, "did not answer in time") from error
        except httpx.HTTPError as error:
            raise UpstreamError(system, "could not be reached", is_transient=True) from error

    async def _fetch(self, system: str, request: httpx.Request) -> bytes:
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                status = response.status_code
                raise UpstreamError(system, f"answered {status}", upstream_status=status)
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise UpstreamError(system, f"the answer is larger than {MOST_BYTES} bytes")
            return bytes(body)
        finally:
            await response.aclose()


def _headers(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ask for JSON that is not compressed, and pass on the id of the request that this serves."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(more or {})}
    return headers | ({"X-Request-Id": str(request_id)} if request_id else {})
