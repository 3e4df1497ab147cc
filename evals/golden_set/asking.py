"""Puts questions to a running service, each as the user whom its case names."""

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from evals.golden_set.cases import Case

_ROUTE = "/api/portal-rag/v1/questions"
_HEALTH = "/.backstage/health/v1/readiness"
_SECONDS = 60
_UNAUTHORIZED = 401
_TOKEN_SECONDS = 60

TokenOf = Callable[[str], str | None]
"""Signs in a user, given as a reference; None where nobody signs in."""


class AskingError(Exception):
    """The service does not answer, or a user cannot be signed in; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of a question; `answer` is None where there was none, and `problem` says why."""

    answer: Mapping[str, Any] | None
    problem: str
    seconds: float
    at: datetime


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks a service; tokens are kept, and replaced once when the service refuses one."""

    client: httpx.Client
    token_of: TokenOf
    default_asker: str
    clock: Callable[[], datetime]
    timer: Callable[[], float]
    _tokens: dict[str, str | None] = field(default_factory=dict)

    def check(self) -> None:
        """See whether the service is ready.

        Raises:
            AskingError: it is not.
        """
        try:
            response = self.client.get(_HEALTH)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AskingError(f"{self.client.base_url} does not answer: {error}") from error
        if not response.is_success:
            raise AskingError(f"{self.client.base_url} is not ready: {response.text[:200]}")

    def ask(self, case: Case) -> Asked:
        """Ask one question; the time is that of the answer alone.

        Raises:
            AskingError: the asker cannot be signed in.
        """
        user = case.asker or self.default_asker
        asked = self._post(case, self._token(user))
        if asked.problem.startswith(str(_UNAUTHORIZED)) and self._tokens.pop(user, None):
            asked = self._post(case, self._token(user))
        return asked

    def _token(self, user: str) -> str | None:
        if user not in self._tokens:
            self._tokens[user] = self.token_of(user)
        return self._tokens[user]

    def _post(self, case: Case, token: str | None) -> Asked:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        at, started = self.clock(), self.timer()
        try:
            response = self.client.post(_ROUTE, json=_body(case), headers=headers)
            problem = "" if response.is_success else f"{response.status_code} {_message(response)}"
            answer = response.json() if response.is_success else None
        except (httpx.HTTPError, ValueError) as error:
            answer, problem = None, f"no answer: {type(error).__name__}: {error}"
        return Asked(answer=answer, problem=problem, seconds=self.timer() - started, at=at)


def open_asker(url: str, token_of: TokenOf, default_asker: str) -> Asker:
    """Make an asker of the service at `url`; whoever opened it closes its client."""
    try:
        client = httpx.Client(base_url=url.rstrip("/"), timeout=_SECONDS, trust_env=False)
    except httpx.InvalidURL as error:
        raise AskingError(f"{url} is no URL: {error}") from error
    return Asker(
        client=client,
        token_of=token_of,
        default_asker=default_asker,
        clock=lambda: datetime.now(UTC),
        timer=time.perf_counter,
    )


def nobody_signs_in(_: str) -> None:
    """Stand for the sign-in of a service that has none."""


def token_command(template: str) -> TokenOf:
    """Sign in users by a command that prints a token, such as `deploy/…/token.sh {user}`.

    `{user}` becomes the name, `{ref}` the whole reference. No shell is involved.

    Raises:
        AskingError: (when used) the command fails or prints nothing.
    """

    def token_of(user: str) -> str:
        names = {"{user}": user.rpartition("/")[2], "{ref}": user}
        words = [_filled(word, names) for word in shlex.split(template)]
        try:
            ended = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=_TOKEN_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AskingError(f"the token command for {user} failed: {error}") from error
        token = ended.stdout.strip()
        if ended.returncode or not token:
            said = ended.stderr.strip()[-300:]
            raise AskingError(f"no token for {user}: exit code {ended.returncode}. {said}")
        return token

    return token_of


def _filled(word: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(name, value)
    return word


def _body(case: Case) -> Mapping[str, Any]:
    return {
        "question": case.question,
        **({"entityRef": case.entity_ref} if case.entity_ref else {}),
        "history": [{"role": turn.role, "content": turn.content} for turn in case.history],
    }


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
