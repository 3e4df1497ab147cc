"""Each user's questions to the whole portal, compared with a portal that holds only theirs."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from evals.leakage.battery import Try
from evals.leakage.judging import Leak, comparable, hidden_words, is_sure
from evals.leakage.worlds import Known, reduce_content, texts_of
from evals.serving import run_indexer, serve

_ROUTE = "/api/portal-rag/v1/questions"
_SECONDS = 60
_PATIENCE = {
    "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "10",
    "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "20",
    "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "40",
}
"""A slow machine must not look like a difference."""

Ask = Callable[[Try], Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one user's tries; `unsure` had a source that failed and were not compared."""

    user: str
    hidden: int
    tries: int = 0
    unsure: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)


def asking(client: httpx.Client, token: str | None) -> Ask:
    """Ask a service as the holder of a token, or without any."""
    headers = {"authorization": f"Bearer {token}"} if token else {}

    def ask(attempt: Try) -> Mapping[str, Any]:
        body = {
            "question": attempt.question,
            **({"entityRef": attempt.entity_ref} if attempt.entity_ref else {}),
            "history": [{"role": role, "content": text} for role, text in attempt.history],
        }
        response = client.post(_ROUTE, json=body, headers=headers)
        answer: Mapping[str, Any] = response.raise_for_status().json()
        return answer

    return ask


@contextmanager
def opened(url: str) -> Iterator[httpx.Client]:
    """Open connections to a service."""
    with httpx.Client(base_url=url, timeout=_SECONDS, trust_env=False) as client:
        yield client


@contextmanager
def reduced_service(
    content: Path, folder: Path, user: str, visible: Collection[str]
) -> Iterator[tuple[str, Path]]:
    """Serve a portal of files from which all else was removed; gives the URL and the files."""
    portal = folder / user
    reduce_content(content, portal, visible)
    environ = {
        "PORTAL_RAG_AUTH": "none",
        "PORTAL_RAG_INDEX_DIR": f"{portal}-index",
        "PORTAL_RAG_QUERY_MODEL_DIR": str(folder / "model"),
        **_PATIENCE,
    }
    run_indexer(environ, "run", "--source", "files", "--path", str(portal))
    with serve(environ) as url:
        yield url, portal


@contextmanager
def full_service(environ: Mapping[str, str], folder: Path, *, log: Path) -> Iterator[str]:
    """Index a Backstage and serve it; `environ` says which, and how it acts for users."""
    settings = {
        "PORTAL_RAG_INDEX_DIR": str(folder / "full-index"),
        "PORTAL_RAG_QUERY_MODEL_DIR": str(folder / "model"),
        **_PATIENCE,
        **environ,
    }
    token = "PORTAL_INDEX_BACKSTAGE_TOKEN"  # noqa: S105 (a name)
    run_indexer(settings, "run", "--source", "backstage")
    run_indexer(settings, "export-model")
    service = {name: value for name, value in settings.items() if name != token}
    with serve(service, log=log) as url:
        yield url


def judged(
    user: str,
    tries: Sequence[Try],
    *,
    ask: Ask,
    ask_reduced: Ask,
    hidden: Sequence[Known],
    phrases: Sequence[str],
    visible_content: Path,
) -> Outcome:
    """Put the same questions to both; any difference is a leak, as is a hidden word."""
    words = [*(label for each in hidden for label in each.labels), *phrases]
    visible = "\n".join(texts_of(visible_content)).lower()
    outcome = Outcome(user=user, hidden=len(hidden))
    for attempt in tries:
        answer, expected = ask(attempt), ask_reduced(attempt)
        outcome.tries += 1
        outcome.statuses[str(answer["status"])] += 1
        for word in hidden_words(answer, attempt, words, visible):
            outcome.leaks.append(Leak(user=user, attempt=attempt, what=f"says {word!r}"))
        if not (is_sure(answer) and is_sure(expected)):
            outcome.unsure += 1
        elif comparable(answer) != comparable(expected):
            outcome.leaks.append(Leak(user=user, attempt=attempt, what="differs"))
    return outcome
