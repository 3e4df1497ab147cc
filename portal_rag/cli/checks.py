"""What `portal-rag doctor` looks at, one check each; a PortalRagError says what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socket import gaierror
from ssl import SSLError

import httpx

from portal_rag.corpus.query_model import QueryModel
from portal_rag.errors import (
    IndexUnavailableError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from portal_rag.services.askers import exposed_key_file, open_backstage, open_plugin_keys
from portal_rag.services.identity_provider import count_keys, open_provider, open_subjects
from portal_rag.services.index import open_index, open_query_model
from portal_rag.services.machine_clients import open_machine_clients
from portal_rag.services.recorder import check_recorder
from portal_rag.settings import ServiceSettings


class CheckError(PortalRagError):
    """A check failed; the message is what was found."""


class Examination:
    """The checks of one configuration; each gives what it found, the model is loaded once."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._model: QueryModel | PortalRagError | None = None

    async def identity(self) -> str:
        keys = open_plugin_keys(self._settings)
        if keys is None:
            return "nothing is signed here"
        published = _count(len(keys.published), "key")
        found = f"plugin, signs with {keys.signing.kid} and publishes {published}"
        exposed = exposed_key_file(self._settings)
        return f"{found}; WARNING: others can read {exposed}, chmod 600 it" if exposed else found

    async def machines(self) -> str:
        clients = open_machine_clients(self._settings).clients
        return f"{_count(len(clients), 'machine client')} known"

    async def recording(self) -> str:
        check_recorder(self._settings)
        patterns = self._settings.sensitive_file or "the shipped patterns"
        return f"audit log {self._settings.audit_log}; sensitive is what {patterns} say"

    async def backstage(self) -> str:
        settings = self._settings
        if settings.auth == "none":
            return "not needed with PORTAL_RAG_AUTH=none"
        url = settings.backstage_url or ""
        async with open_backstage(settings) as transport:
            with _asked(url):
                answer = await transport.get_json("auth", ".well-known", "jwks.json", token=None)
                keys = answer.get("keys") if isinstance(answer, dict) else None
                if not isinstance(keys, list):
                    raise CheckError("what answers there is no Backstage backend")
                if settings.permission_enabled:
                    await transport.get_json("permission", "health", token=None)
        served = "its keys" if keys else "no key yet (it makes one when somebody signs in)"
        permissions = " and answers for permissions" if settings.permission_enabled else ""
        return f"{url} serves {served}{permissions}"

    async def model(self) -> str:
        model = await self._loaded()
        finding = f"{model.embedder.fingerprint} loads with {model.runtime}"
        if model.refusal:
            return f"{finding}; the exported model is not used: {model.refusal}"
        return f"{finding} and makes vectors of {model.embedder.dimensions}"

    async def index(self) -> str:
        model = await self._loaded()
        index = await open_index(self._settings, model.embedder.fingerprint)
        try:
            manifest = await index.manifest()
        finally:
            await index.close()
        if self._settings.auth == "none" and not manifest.built_from_files:
            raise IndexUnavailableError(
                "PORTAL_RAG_AUTH=none needs an index built from files alone"
            )
        chunks, sources = _count(manifest.chunk_count, "chunk"), ", ".join(manifest.sources)
        return f"{chunks} of {sources}, published {manifest.published_at:%F %H:%M}"

    async def auth_config(self) -> str:
        subjects = open_subjects(self._settings)
        rules = ", ".join(f"{rule.subject_type} by {rule.claim}" for rule in subjects.rules)
        return f"{self._settings.auth_config} tells {rules}; asking needs {subjects.action}"

    async def provider(self) -> str:
        url = self._settings.jwt_jwks_url or ""
        with _asked(url):
            count = await count_keys(self._settings)
            if not count:
                raise CheckError("none of its keys has a kid and is for RS or ES")
        return f"{url} serves {_count(count, 'usable key')}"

    async def authorization(self) -> str:
        url = self._settings.authz_url or ""
        async with open_provider(self._settings) as transport:
            with _asked(url):
                status = await transport.reach_authorization(
                    deadline_seconds=self._settings.authz_timeout_seconds
                )
                if not _is_decider(status):
                    raise CheckError(f"answered {status}; it does not have the API")
        return f"{url} answers"

    async def _loaded(self) -> QueryModel:
        if self._model is None:
            try:
                self._model = await open_query_model(self._settings)
            except PortalRagError as error:
                self._model = error
        if isinstance(self._model, PortalRagError):
            raise self._model
        return self._model


def _is_decider(status: int) -> bool:
    """Tell whether a request without a token, and by GET, was refused by what decides there."""
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return False
    return status == HTTPStatus.OK or status // 100 == 4  # noqa: PLR2004 (4xx)


@contextmanager
def _asked(url: str) -> Iterator[None]:
    """Say of a failure whom it concerns, and why nobody answered if nobody did."""
    try:
        yield
    except PortalRagError as error:
        raise CheckError(f"{url} {_failure(error)}") from error


def _failure(error: PortalRagError) -> str:
    if isinstance(error, UpstreamTimeoutError):
        return "did not answer in time"
    if isinstance(error.__cause__, httpx.HTTPError):
        return f"cannot be reached: {_reason(error.__cause__)}"
    if isinstance(error, UpstreamError) and error.system in ("identity provider", "authorization"):
        return error.message.removeprefix(f"{error.system}: ")
    return f"fails: {error.message}" if not isinstance(error, CheckError) else error.message


def _reason(failure: BaseException) -> str:
    innermost = _innermost(failure)
    match innermost:
        case gaierror():
            return "its host name is not found"
        case ConnectionRefusedError():
            return "connection refused, nothing listens there"
        case SSLError():
            return f"TLS failed ({innermost.reason or innermost})"
        case OSError(strerror=str(known)):
            return known
    return str(innermost) or type(innermost).__name__


def _innermost(failure: BaseException) -> BaseException:
    """Find what the system said; where several addresses were tried, of the first."""
    if isinstance(failure, BaseExceptionGroup):
        return _innermost(failure.exceptions[0])
    below = failure.__cause__ or failure.__context__
    return _innermost(below) if below else failure


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
