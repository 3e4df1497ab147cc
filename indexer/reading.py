"""Reads one source and compares each document, as it comes, with what is stored of it."""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from indexer.changes import Changes, Comparison, NewTexts, scopes_of
from indexer.chunking import split
from indexer.redacting import legible, without_secrets
from indexer.report import ReportedSecret
from indexer.sources.source import (
    ABSENT,
    EVERYTHING,
    Asked,
    Delivered,
    Failure,
    Governing,
    Seen,
    Source,
)
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes, hashed
from portal_rag.corpus.redaction import SecretFound
from portal_rag.corpus.store import StoredMark
from portal_rag.errors import (
    AuthenticationError,
    NotAllowedError,
    PortalRagError,
    UpstreamError,
)

Stored = Mapping[str, Mapping[str, StoredMark]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of reading one source.

    `stored` is what the index held of it, by part and chunk id; `marks` are to be told to the next
    run, by scope. `governed` is what it said of entities.
    """

    source: Source
    stored: Stored
    documents: int
    chunks: int
    changes: Changes
    failures: tuple[Failure, ...]
    secrets: tuple[ReportedSecret, ...]
    has_failed: bool
    marks: Mapping[str, str]
    governed: Mapping[EntityRef, PredicateHashes]
    seconds: float

    @property
    def held(self) -> Iterator[StoredMark]:
        """Go through all that the index held of it."""
        return itertools.chain.from_iterable(marks.values() for marks in self.stored.values())

    @property
    def is_whole(self) -> bool:
        return not (self.has_failed or any(failure.is_outage for failure in self.failures))


async def read(
    source: Source,
    asked: Asked,
    *,
    stored: Stored,
    salt: str,
    seconds: Callable[[], float],
    put: Callable[[NewTexts], Awaitable[None]],
) -> Reading:
    """Read what is asked for; a source that fails on the way gives what it delivered until then.

    `put` is given each document with new texts as it comes.
    """
    started = seconds()
    taking = _Taking(asked, stored, salt)
    has_failed = False
    try:
        async for each in source.documents(asked):
            if new := taking.take(each):
                await put(new)
    except PortalRagError as error:
        has_failed = True
        taking.take(Failure(scope=EVERYTHING, reason=_advised(error)))
    return Reading(
        source=source,
        stored=stored,
        documents=len(taking.paths),
        chunks=taking.chunks,
        changes=taking.changes(),
        failures=tuple(taking.failures),
        secrets=tuple(taking.secrets),
        has_failed=has_failed,
        marks=taking.marks(is_whole_source=not has_failed),
        governed=taking.governed,
        seconds=seconds() - started,
    )


def _advised(error: PortalRagError) -> str:
    """Say which setting to look at, where a portal is not reached or lets nobody in."""
    match error:
        case AuthenticationError() | NotAllowedError():
            return f"{error.message}; check PORTAL_INDEX_BACKSTAGE_TOKEN"
        case UpstreamError(is_transient=True, upstream_status=None):
            return f"{error.message}; check PORTAL_RAG_BACKSTAGE_URL, and that it answers"
    return error.message


class _Taking:
    """Takes what a source delivers; holds no text that did not change."""

    def __init__(self, asked: Asked, stored: Stored, salt: str) -> None:
        self._asked = asked
        self._salt = salt
        self._comparison = Comparison(stored)
        self._seen: dict[str, str] = {}
        self._unread = Unread()
        self.paths: set[tuple[str, str]] = set()
        self.failures: list[Failure] = []
        self.secrets: list[ReportedSecret] = []
        self.governed: dict[EntityRef, PredicateHashes] = {}
        self.chunks = 0

    def take(self, delivered: Delivered) -> NewTexts | None:
        """Take one; gives what is new in the texts of a document."""
        match delivered:
            case Document():
                return self._take_document(delivered)
            case Failure():
                self.failures.append(delivered)
                self._unread.add(delivered)
            case Governing(ref=ref, predicates=predicates):
                self.governed[ref] = hashed(predicates, salt=self._salt)
            case Seen():
                self._seen[delivered.scope] = delivered.mark
                if delivered.is_unchanged:
                    self._comparison.keep(delivered.scope)
        return None

    def changes(self) -> Changes:
        return self._comparison.changes(was_unread=self._was_unread)

    def marks(self, *, is_whole_source: bool) -> Mapping[str, str]:
        """Say what is known now; what was not looked at is as it was known before."""
        before = {
            scope: mark
            for scope, mark in self._asked.known.items()
            if not (is_whole_source and self._asked.includes(scope))
        }
        known = before | self._seen
        return {scope: mark for scope, mark in known.items() if mark != ABSENT}

    def _take_document(self, document: Document) -> NewTexts | None:
        key = (document.source, document.path)
        if key in self.paths or not self._asked.includes(document.path):
            return None
        self.paths.add(key)
        clean, found = without_secrets(document)
        self.secrets.extend(_reported(document.path, found))
        chunks = split(clean)
        self.chunks += len(chunks)
        return self._comparison.see(clean.source, clean.path, chunks)

    def _was_unread(self, path: str) -> bool:
        return not self._asked.includes(path) or self._unread.covers(path)


class Unread:
    """What failures cover, looked up by document path however many they are."""

    def __init__(self) -> None:
        self._scopes: set[str] = set()
        self._documents: set[str] = set()

    def add(self, failure: Failure) -> None:
        """Take a failure; stored paths are legible, those that a source gives need not be."""
        scope = legible(failure.scope)
        self._documents.add(scope)
        if not failure.is_exact:
            self._scopes.add(scope)

    def covers(self, path: str) -> bool:
        if path in self._documents or EVERYTHING in self._scopes:
            return True
        return any(scope in self._scopes or scope[:-1] in self._scopes for scope in scopes_of(path))


def _reported(path: str, found: Sequence[SecretFound]) -> Iterator[ReportedSecret]:
    """Count what was taken out of one document, by rule; the values are gone."""
    for rule, count in sorted(Counter(each.rule for each in found).items()):
        yield ReportedSecret(document=path, rule=rule, count=count)
