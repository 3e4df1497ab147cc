"""The way of a document.

read     each source delivers documents, or says what it could not read
redact   secrets leave the text, and are counted
split    a document becomes chunks
compare  with what is stored: new, changed, moved, gone, unchanged
write    first who may see it and where it is, then new texts, embedded
prune    what is gone, where the source could tell
publish  readers see the whole run at once
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from indexer.changes import Changes, compare
from indexer.chunking import split
from indexer.progress import RunProgress
from indexer.pruning import prune
from indexer.redacting import for_snapshot, without_secrets
from indexer.report import ReportedFailure, ReportedSecret, RunReport, SourceReport, State
from indexer.sources.source import EVERYTHING, Failure, Source
from indexer.writing import rewrite_metadata, write_texts
from portal_rag.corpus.documents import Chunk, Document
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.redaction import SecretFound, redact
from portal_rag.corpus.store import SCHEMA_VERSION, IndexWriter, Manifest, Run, StoredMark
from portal_rag.errors import PortalRagError, UpstreamError

_Snapshot = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with; `seconds` is a monotonic clock.

    `starts_over` says that the writer holds nothing of the index that it is going to replace.
    """

    writer: IndexWriter
    embedder: Embedder
    run: Run
    clock: Callable[[], datetime]
    seconds: Callable[[], float]
    progress: RunProgress
    starts_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What came of reading one source."""

    source: Source
    documents: int
    chunks: tuple[Chunk, ...]
    secrets: tuple[ReportedSecret, ...]
    failures: tuple[Failure, ...]
    has_failed: bool
    seconds: float

    @property
    def state(self) -> State:
        if self.has_failed:
            return "failed"
        return "partial" if any(failure.is_outage for failure in self.failures) else "ok"

    def was_unread(self, document_path: str) -> bool:
        return any(failure.covers(document_path) for failure in self.failures)


async def index(sources: Sequence[Source], tools: Tools) -> RunReport:
    """Bring the index up to date with the sources; one that fails keeps what it had there.

    Raises:
        UpstreamError: starting over, a source failed whose part of the old index would be lost.
        PortalRagError: the store failed; what was published before is still what readers see.
    """
    started = tools.seconds()
    readings = [await _read(source, tools) for source in sources]
    if tools.starts_over:
        _check_whole(readings)
    changes = [await _compare(reading, tools.writer) for reading in readings]
    before = await tools.writer.manifest()
    snapshot = [for_snapshot(e) for reading in readings for e in reading.source.entities()]
    is_changed = _is_changed(before, changes, snapshot)
    after, embedding_seconds = before, 0.0
    if is_changed:
        embedding_seconds = await _write(changes, tools)
        await prune(tools.writer, [chunk_id for each in changes for chunk_id in each.to_delete])
        after = await _manifest(before, readings, snapshot, tools)
        await tools.writer.publish(after, entities=snapshot)
    return RunReport(
        run_id=tools.run.id,
        started_at=tools.run.started_at,
        seconds=tools.seconds() - started,
        embedding_seconds=embedding_seconds,
        published=is_changed,
        chunk_count=after.chunk_count if after else 0,
        sources=tuple(map(_report, readings, changes)),
    )


async def _read(source: Source, tools: Tools) -> _Reading:
    started = tools.seconds()
    tools.progress.reading(source.name)
    documents: dict[tuple[str, str], Document] = {}
    failures: list[Failure] = []
    has_failed = False
    try:
        async for read in source.documents():
            if isinstance(read, Failure):
                failures.append(read)
            else:
                documents.setdefault((read.source, read.path), read)
    except PortalRagError as error:
        has_failed = True
        failures.append(Failure(scope=EVERYTHING, reason=error.message))
    tools.progress.read(source.name, len(documents))
    redacted = [without_secrets(document) for document in documents.values()]
    return _Reading(
        source=source,
        documents=len(documents),
        chunks=tuple(chunk for document, _ in redacted for chunk in split(document)),
        secrets=tuple(secret for each in redacted for secret in _secrets(*each)),
        failures=tuple(failures),
        has_failed=has_failed,
        seconds=tools.seconds() - started,
    )


def _secrets(document: Document, found: Sequence[SecretFound]) -> Iterator[ReportedSecret]:
    for rule, count in sorted(Counter(each.rule for each in found).items()):
        yield ReportedSecret(document=document.path, rule=rule, count=count)


async def _compare(reading: _Reading, writer: IndexWriter) -> Changes:
    stored: dict[str, StoredMark] = {}
    for part in reading.source.parts:
        stored |= await writer.stored(part)
    return compare(reading.chunks, stored, was_unread=reading.was_unread)


def _check_whole(readings: Sequence[_Reading]) -> None:
    for reading in readings:
        if reading.state != "ok":
            reason = next(failure.reason for failure in reading.failures)
            raise UpstreamError(
                reading.source.name, f"the index is not rebuilt without it: {reason}"
            )


def _is_changed(before: Manifest | None, changes: Sequence[Changes], snapshot: _Snapshot) -> bool:
    if not all(each.is_nothing for each in changes):
        return True
    return before is not None and bool(snapshot) and before.catalog_hash != _hash(snapshot)


async def _write(changes: Sequence[Changes], tools: Tools) -> float:
    """Write all changes; gives the seconds that embedding and writing the new texts took."""
    moved = [chunk for each in changes for chunk in each.to_rewrite]
    await rewrite_metadata(tools.writer, moved, run=tools.run)
    texts = [chunk for each in changes for chunk in each.to_embed]
    tools.progress.embedding(len(texts))
    started = tools.seconds()
    await write_texts(
        tools.writer, tools.embedder, texts, run=tools.run, written=tools.progress.embedded
    )
    return tools.seconds() - started if texts else 0.0


async def _manifest(
    before: Manifest | None, readings: Sequence[_Reading], snapshot: _Snapshot, tools: Tools
) -> Manifest:
    contributed = [reading.source for reading in readings if reading.chunks]
    parts = {part for source in contributed for part in source.parts}
    return Manifest(
        schema_version=SCHEMA_VERSION,
        embedding_fingerprint=tools.embedder.fingerprint,
        dimensions=tools.embedder.dimensions,
        sources=tuple(sorted(parts | set(before.sources if before else ()))),
        built_from_files=(before is None or before.built_from_files)
        and all(source.reads_files for source in contributed),
        chunk_count=await tools.writer.count(),
        run_id=tools.run.id,
        published_at=tools.clock(),
        catalog_hash=_hash(snapshot),
    )


def _hash(snapshot: _Snapshot) -> str:
    return hashlib.sha256(json.dumps(snapshot).encode()).hexdigest()[:32]


def _report(reading: _Reading, changes: Changes) -> SourceReport:
    return SourceReport(
        name=reading.source.name,
        state=reading.state,
        documents=reading.documents,
        chunks=len(reading.chunks),
        embedded=len(changes.to_embed),
        rewritten=len(changes.to_rewrite),
        deleted=len(changes.to_delete),
        unchanged=changes.unchanged,
        seconds=reading.seconds,
        failures=tuple(
            ReportedFailure(scope=failure.scope, reason=redact(failure.reason).text)
            for failure in reading.failures
        ),
        notes=tuple(reading.source.notes()),
        secrets=reading.secrets,
    )
