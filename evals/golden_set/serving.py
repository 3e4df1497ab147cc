"""What is asked: a service at a URL, one over a folder of files, or one over a real Backstage."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from evals.backstage import Portal, run_portal
from evals.golden_set.asking import Asker, TokenOf, nobody_signs_in, open_asker
from evals.golden_set.cases import Case
from evals.leakage.worlds import listed
from evals.serving import PATIENCE, run_indexer, serve

_GUEST = "user:default/guest"
_NO_MORE: Mapping[str, str] = {}
_PORT = re.compile(r"(?<=//127\.0\.0\.1:)\d+")


class ServingError(Exception):
    """What should be asked could not be started; the message says what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A service to ask, and what is known of it.

    `askers` are those as whom it can be asked, None if anybody; `audit_log` tells what it
    understood, where it can be read; `visible_to` lists what the portal itself shows to a user.
    """

    asker: Asker
    settings: Mapping[str, str] = field(default_factory=dict)
    index: Path | None = None
    audit_log: Path | None = None
    askers: Collection[str] | None = None
    visible_to: Callable[[str], Collection[str]] | None = None

    def cannot_ask(self, case: Case) -> str:
        """Say why a case cannot be asked here; nothing if it can."""
        if self.askers is None or case.asker is None or case.asker in self.askers:
            return ""
        return f"without a portal nobody can be asked as {case.asker}, who sees less than all"


@contextmanager
def served_at(url: str, token_of: TokenOf, audit_log: Path | None) -> Iterator[Served]:
    """Ask a service that runs already."""
    asker = open_asker(url, token_of, _GUEST)
    with asker.client:
        asker.check()
        yield Served(asker=asker, settings={"url": url}, audit_log=audit_log)


@contextmanager
def served_from_files(
    content: Path,
    folder: Path,
    sees_all: Collection[str] | None,
    settings: Mapping[str, str] = _NO_MORE,
) -> Iterator[Served]:
    """Index a portal of files and serve it without sign-in; all is visible to whoever asks.

    With None anybody may be asked as, as if they saw all. An index in `folder` is brought up to
    date. `settings` are more of them for the service.
    """
    environ = _environ(folder) | {"PORTAL_RAG_AUTH": "none", **settings}
    _index(environ, "--source", "files", "--path", str(content))
    with _served(environ, folder, nobody_signs_in, sees_all) as served:
        yield served


@contextmanager
def served_from_backstage(
    content: Path, folder: Path, settings: Mapping[str, str] = _NO_MORE
) -> Iterator[Served]:
    """Start a real Backstage over a portal of files, index it, and ask as each user."""
    with (
        run_portal(content, folder / "run") as portal,
        served_over(portal, folder, settings) as served,
    ):
        yield served


@contextmanager
def served_over(
    portal: Portal, folder: Path, settings: Mapping[str, str] = _NO_MORE
) -> Iterator[Served]:
    """Index a Backstage that runs already, and ask as each of its users."""
    environ = _environ(folder) | {"PORTAL_RAG_BACKSTAGE_URL": portal.url, **settings}
    token = {"PORTAL_INDEX_BACKSTAGE_TOKEN": portal.service_token}
    _index(environ | token, "--source", "backstage")

    def token_of(user: str) -> str:
        return portal.user_token(user.rpartition("/")[2])

    @cache
    def visible_to(user: str) -> Collection[str]:
        return frozenset(listed(portal.url, token_of(user)))

    with _served(environ, folder, token_of, None) as served:
        yield replace(served, visible_to=visible_to)


@contextmanager
def _served(
    environ: Mapping[str, str], folder: Path, token_of: TokenOf, askers: Collection[str] | None
) -> Iterator[Served]:
    with ExitStack() as stack:
        asker = open_asker(stack.enter_context(serve(environ)), token_of, _GUEST)
        stack.enter_context(asker.client)
        yield Served(
            asker=asker,
            settings={name: _lasting(value, folder) for name, value in environ.items()},
            index=folder / "index",
            audit_log=folder / "audit.jsonl",
            askers=askers,
        )


def _lasting(value: str, folder: Path) -> str:
    """Leave out of a setting what is another one in each run: the folder, and ports."""
    return _PORT.sub("…", value.replace(str(folder), "…"))


def _environ(folder: Path) -> dict[str, str]:
    return {
        **PATIENCE,
        "PORTAL_RAG_INDEX_DIR": str(folder / "index"),
        "PORTAL_RAG_AUDIT_LOG": str(folder / "audit.jsonl"),
    }


def _index(environ: Mapping[str, str], *words: str) -> None:
    if code := run_indexer(environ, "run", *words):
        raise ServingError(f"portal-index run {' '.join(words)} ended with exit code {code}")
