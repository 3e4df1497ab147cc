"""The way of a document.

read      each source delivers documents, or says what it could not read or need not read
redact    secrets leave the text, and are counted
compare   split into chunks, with what is stored: new, changed, moved, gone, unchanged
embed     new texts, while the sources are still being read; they wait on disk
guard     a source that would lose suspiciously much keeps it
govern    which stored chunks do not say what is true now of the entity that governs them
restrict  first who may see it and where it is, and what is gone; published at once if it narrows
write     then the new texts, each document as a whole
publish   readers see the whole run at once
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from indexer.backlog import Backlog
from indexer.changes import Changes
from indexer.chunking import CHUNKING_VERSION
from indexer.contents import contents_of
from indexer.governing import Governance, compare, govern, salt_of
from indexer.progress import RunProgress
from indexer.pruning import MassDeleteGuard, explain, prune, withdraw
from indexer.reading import Reading, read
from indexer.redacting import for_snapshot
from indexer.remembering import known_of, state_after, still_true, unmark
from indexer.report import ReportedFailure, RunReport, SourceReport, State
from indexer.sources.source import Asked, Source, printable
from indexer.writing import rewrite_metadata, write_texts
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.redaction import redact
from portal_rag.corpus.store import (
    SCHEMA_VERSION,
    Content,
    IndexWriter,
    Manifest,
    Run,
    SourceState,
)
from portal_rag.errors import UpstreamError

_Snapshot = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with; `seconds` is a monotonic clock.

    `starts_over` says that the writer holds nothing of the index that it is going to replace.
    `shape` names the settings that shape documents: where it changed, everything is read anew.
    `only` limits the run to the documents of one entity. `new_salt` makes what a new index hashes
    predicates with.
    """

    writer: IndexWriter
    embedder: Embedder
    run: Run
    clock: Callable[[], datetime]
    seconds: Callable[[], float]
    progress: RunProgress
    shape: str
    new_salt: Callable[[], str]
    guard: MassDeleteGuard = field(default_factory=MassDeleteGuard)
    starts_over: bool = False
    only: EntityRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is to be done, and what it starts from.

    `snapshot` is the catalog as files describe it, None if no source read any.
    """

    readings: Sequence[Reading]
    before: Manifest | None
    state_before: SourceState
    state_after: SourceState
    snapshot: _Snapshot | None
    governance: Governance

    @property
    def changes(self) -> Sequence[Changes]:
        return [reading.changes for reading in self.readings]

    @property
    def is_nothing(self) -> bool:
        is_same_catalog = self.before is None or self.before.catalog_hash == self.catalog_hash
        is_same_state = self.before is None or self.state_after == self.state_before
        is_same = is_same_catalog and is_same_state and not self.governance.outdated
        return is_same and all(each.is_nothing for each in self.changes)

    @property
    def narrows_before_it_writes(self) -> bool:
        changes = self.changes
        narrows = bool(self.governance.outdated) or any(each.narrows for each in changes)
        return narrows and any(each.embedded for each in changes)

    @property
    def catalog_hash(self) -> str:
        if self.snapshot is None:
            return self.before.catalog_hash if self.before else ""
        return _hash(self.snapshot)

    @property
    def contents(self) -> Mapping[str, Content]:
        """Say how much of each part will be in the index."""
        contents = dict(self.before.contents) if self.before else {}
        for reading in self.readings:
            contents |= contents_of(reading.stored, reading.changes)
        return {part: content for part, content in contents.items() if content.chunks}


async def index(sources: Sequence[Source], tools: Tools) -> RunReport:
    """Bring the index up to date with the sources; one that fails keeps what it had there.

    Raises:
        UpstreamError: starting over, a source failed whose part of the old index would be lost.
        PortalRagError: the store failed; what was published before is still what readers see.
    """
    started = tools.seconds()
    async with Backlog(tools.embedder, seconds=tools.seconds) as backlog:
        work = await _look(sources, backlog, tools)
        after = work.before
        if not work.is_nothing:
            await _restrict(work, tools)
            await _write(work, backlog, tools)
            after = await _publish(work, work.state_after, tools)
    return RunReport(
        run_id=tools.run.id,
        started_at=tools.run.started_at,
        seconds=tools.seconds() - started,
        embedding_seconds=backlog.embedding_seconds,
        published=not work.is_nothing,
        chunk_count=after.chunk_count if after else 0,
        sources=tuple(_report(reading, tools.only) for reading in work.readings),
    )


async def _look(sources: Sequence[Source], backlog: Backlog, tools: Tools) -> _Work:
    """Read everything and find out what is to be done; the index is not touched."""
    state, before = await tools.writer.state(), await tools.writer.manifest()
    salt = await salt_of(tools.writer, before, tools.new_salt)
    found = [await _read(source, state, salt, backlog, tools) for source in sources]
    backlog.complete()
    readings, governance = await compare(found, before, salt=salt, writer=tools.writer)
    snapshot = [for_snapshot(e) for reading in readings for e in reading.source.entities()]
    marks = {reading.source.name: reading.marks for reading in readings}
    work = _Work(
        readings=readings,
        before=before,
        state_before=state,
        state_after=state_after(state, marks, shape=tools.shape),
        snapshot=snapshot or None,
        governance=governance,
    )
    if tools.starts_over:
        await _check_rebuilt(work, tools)
    return work


async def _read(
    source: Source, state: SourceState, salt: str, backlog: Backlog, tools: Tools
) -> Reading:
    tools.progress.reading(source.name)
    stored = {part: await tools.writer.stored(part) for part in source.parts}
    asked = Asked(known=known_of(state, source.name, shape=tools.shape), only=tools.only)
    reading = await read(
        source, asked, stored=stored, salt=salt, seconds=tools.seconds, put=backlog.put
    )
    tools.progress.read(source.name, reading.documents)
    changes = tools.guard.check(reading.changes)
    kept = {path for loss in changes.refused for path in loss.chunk_ids}
    return replace(reading, changes=changes, marks=unmark(reading.marks, kept))


async def _check_rebuilt(work: _Work, tools: Tools) -> None:
    _check_whole(work.readings)
    if replaced := await tools.writer.replaced():
        tools.guard.check_rebuilt(replaced.contents, work.contents)


def _check_whole(readings: Sequence[Reading]) -> None:
    for reading in readings:
        if not reading.is_whole:
            reason = next(failure.reason for failure in reading.failures)
            raise UpstreamError(
                reading.source.name, f"the index is not rebuilt without it: {reason}"
            )


async def _restrict(work: _Work, tools: Tools) -> None:
    """Bring up to date who may see what, and let readers see that before any text is embedded."""
    await govern(tools.writer, work.governance, work.governance.outdated, run=tools.run)
    for changes in work.changes:
        await prune(tools.writer, changes.gone)
        await withdraw(tools.writer, changes.to_withdraw)
    moved = [chunk for changes in work.changes for chunk in changes.to_rewrite]
    await rewrite_metadata(tools.writer, moved, run=tools.run)
    moved_to = {ref for changes in work.changes for ref in changes.moved_to}
    await govern(tools.writer, work.governance, moved_to, run=tools.run)
    if work.narrows_before_it_writes:
        await _publish(work, still_true(work.state_before, work.state_after), tools)


async def _write(work: _Work, backlog: Backlog, tools: Tools) -> None:
    if backlog.chunks:
        tools.progress.embedding(backlog.chunks)
    await write_texts(
        tools.writer,
        backlog.documents(),
        run=tools.run,
        governed=work.governance.of,
        written=tools.progress.embedded,
    )


async def _publish(work: _Work, state: SourceState, tools: Tools) -> Manifest:
    manifest = await _manifest(work, tools)
    await tools.writer.publish(manifest, entities=work.snapshot, state=state)
    return manifest


async def _manifest(work: _Work, tools: Tools) -> Manifest:
    before = work.before
    contributed = [reading.source for reading in work.readings if reading.chunks]
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
        catalog_hash=work.catalog_hash,
        contents=work.contents,
        salt=work.governance.salt,
        chunking_version=CHUNKING_VERSION,
    )


def _hash(snapshot: _Snapshot) -> str:
    return hashlib.sha256(json.dumps(snapshot).encode()).hexdigest()[:32]


def _state(reading: Reading) -> State:
    if reading.has_failed:
        return "failed"
    if reading.changes.refused:
        return "refused"
    return "ok" if reading.is_whole else "partial"


def _nowhere(reading: Reading, only: EntityRef | None) -> Sequence[str]:
    """Say so if the one entity that was asked for is neither in the source nor in the index."""
    changes = reading.changes
    is_found = reading.documents or changes.gone or changes.refused or not reading.is_whole
    return [f"{only} is neither in the source nor in the index"] if only and not is_found else []


def _report(reading: Reading, only: EntityRef | None) -> SourceReport:
    changes = reading.changes
    refusals = [ReportedFailure(scope=loss.part, reason=explain(loss)) for loss in changes.refused]
    return SourceReport(
        name=reading.source.name,
        state=_state(reading),
        documents=reading.documents,
        chunks=reading.chunks,
        embedded=changes.embedded,
        rewritten=len(changes.to_rewrite),
        deleted=len(changes.gone_ids) + len(changes.trimmed),
        unchanged=changes.unchanged,
        seconds=reading.seconds,
        failures=(
            *(
                ReportedFailure(
                    scope=redact(printable(each.scope)).text, reason=redact(each.reason).text
                )
                for each in reading.failures
            ),
            *refusals,
        ),
        notes=(*reading.source.notes(), *_nowhere(reading, only)),
        secrets=reading.secrets,
    )
