"""The embedded store: a run writes its own generation of the index, readers follow the pointer."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from portal_rag.corpus.disk_room import Disk, FreeBytes, free_bytes, used_bytes
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_generations import (
    Generation,
    begin_generation,
    current_generation,
    discard_leftovers,
    lock_for_writing,
    pointer_stamp,
    publish_generation,
    record_run,
)
from portal_rag.corpus.edge_shard import Shard
from portal_rag.corpus.schema import (
    Nothing,
    check_continuable,
    check_publishable,
    check_readable,
    select,
)
from portal_rag.corpus.store import (
    NO_STATE,
    DenseVector,
    EmbeddedChunk,
    Hit,
    Manifest,
    Run,
    SourceState,
    SparseVector,
    StoredMark,
)
from portal_rag.corpus.visibility import Visibility
from portal_rag.errors import IndexUnavailableError


@dataclass(slots=True, kw_only=True)
class _Opened:
    stamp: tuple[int, int] | None
    generation: Generation
    manifest: Manifest
    shard: Shard
    entities: list[dict[str, Any]] | None = field(default=None)


class EdgeReader:
    """Searches the published generation, and changes over when another one is published.

    It belongs to one event loop. Each call looks at the pointer first, so no answer is older than
    what was published when the call began.
    """

    def __init__(self, directory: Path, embedder_fingerprint: str) -> None:
        self._directory = directory
        self._fingerprint = embedder_fingerprint
        self._opened: _Opened | None = None

    async def manifest(self) -> Manifest:
        return self._current().manifest

    async def search(
        self, vector: DenseVector | SparseVector, *, visible_to: Visibility, limit: int
    ) -> Sequence[Hit]:
        """Rank the visible chunks; a question that has no terms finds none."""
        among = select(visible_to)
        if isinstance(among, Nothing) or not vector.values:
            return ()
        return self._current().shard.search(vector, among=among, limit=limit)

    def entities(self) -> list[dict[str, Any]]:
        """Read the catalog snapshot; the same list until another generation is published.

        Raises:
            IndexUnavailableError: nothing is published, or not all of it came from files.
        """
        opened = self._current()
        if not opened.manifest.built_from_files:
            raise IndexUnavailableError(
                f"The index in {self._directory} was not built from files alone, so it may only be"
                " asked through a service that knows who asks (`portal-rag ask --url`); or index"
                " files into a folder of their own"
            )
        if opened.entities is None:
            opened.entities = opened.generation.read_entities()
        return opened.entities

    async def close(self) -> None:
        if self._opened:
            self._opened.shard.close()
            self._opened = None

    def _current(self) -> _Opened:
        stamp = pointer_stamp(self._directory)
        if self._opened is None or self._opened.stamp != stamp:
            opened = self._open(stamp)
            if self._opened:
                self._opened.shard.close()
            self._opened = opened
        return self._opened

    def _open(self, stamp: tuple[int, int] | None) -> _Opened:
        generation = current_generation(self._directory)
        if generation is None:
            raise IndexUnavailableError(
                f"Nothing is published in {self._directory}; run `portal-index run`"
            )
        manifest = generation.read_manifest()
        check_readable(manifest, fingerprint=self._fingerprint)
        shard = Shard.open_to_read(generation.shard)
        return _Opened(stamp=stamp, generation=generation, manifest=manifest, shard=shard)


class EdgeWriter:
    """One run: works on a copy of the published generation until `publish`.

    `publish` may be called several times; what follows starts from what was published last.
    """

    def __init__(
        self,
        *,
        directory: Path,
        lock: IO[str],
        base: Generation | None,
        published: Generation | None,
        fingerprint: str,
        dimensions: int,
        disk: Disk,
    ) -> None:
        """`base` is what the run starts from, `published` what readers see meanwhile."""
        self._directory = directory
        self._lock = lock
        self._base = base
        self._published = published
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._disk = disk
        self._started_from = base.read_manifest() if base else None
        self._generation: Generation | None = None
        self._shard: Shard | None = None

    async def manifest(self) -> Manifest | None:
        return self._started_from

    async def replaced(self) -> Manifest | None:
        try:
            return self._published.read_manifest() if self._published else None
        except IndexUnavailableError:
            return None

    async def stored(self, source: str) -> Mapping[str, StoredMark]:
        """List chunks; a run that only looks makes no copy of the generation."""
        if self._generation or not self._base:
            return self._working_shard().marks(source)
        with closing(Shard.open_to_read(self._base.shard)) as shard:
            return shard.marks(source)

    async def state(self) -> SourceState:
        return self._base.read_state() if self._base else NO_STATE

    async def upsert(
        self, chunks: Sequence[EmbeddedChunk], *, run: Run, trimmed: Sequence[str] = ()
    ) -> None:
        self._working_shard().upsert(chunks, run)
        await self.delete(trimmed)

    async def rewrite_metadata(self, chunks: Sequence[Chunk], *, run: Run) -> None:
        self._working_shard().rewrite_metadata(chunks, run)

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        if chunk_ids:
            self._working_shard().delete(chunk_ids)

    async def count(self) -> int:
        return self._working_shard().count()

    async def publish(
        self,
        manifest: Manifest,
        *,
        entities: Sequence[Mapping[str, Any]] | None,
        state: SourceState = NO_STATE,
    ) -> None:
        """Make the run's work current; entities are kept only if all sources were files.

        Raises:
            UpstreamError: what is on disk is not what the manifest says, or the disk failed;
                readers keep what they had.
        """
        shard = self._working_shard()
        self._disk.check_room(needed=used_bytes(self._working_generation().shard))
        shard.finish()
        self._shard = None
        check_publishable(
            manifest,
            fingerprint=self._fingerprint,
            dimensions=self._dimensions,
            held=await self.count(),  # of what is on disk, for the shard is opened again
        )
        self._close_shard()
        with self._disk.errors():
            self._base = self._published = self._put_in_place(manifest, entities, state)
        self._generation = None

    async def record(self, run: Mapping[str, Any]) -> None:
        with self._disk.errors():
            record_run(self._directory, run)

    async def close(self) -> None:
        """Discard what was not published, and let the next run begin."""
        self._close_shard()
        discard_leftovers(self._directory, current=self._published)
        self._lock.close()

    def _put_in_place(
        self, manifest: Manifest, entities: Sequence[Mapping[str, Any]] | None, state: SourceState
    ) -> Generation:
        generation = self._working_generation()
        generation.write_manifest(manifest)
        generation.write_state(state)
        if manifest.built_from_files:
            generation.write_entities(self._former_entities() if entities is None else entities)
        return publish_generation(self._directory, generation, previous=self._published)

    def _former_entities(self) -> Sequence[Mapping[str, Any]]:
        return self._base.read_entities() if self._base else ()

    def _close_shard(self) -> None:
        if self._shard:
            self._shard.close()
            self._shard = None

    def _working_shard(self) -> Shard:
        self._disk.check_room()
        if self._shard is None:
            folder = self._working_generation().shard
            self._shard = (
                Shard.open(folder)
                if folder.is_dir()
                else Shard.create(folder, dimensions=self._dimensions)
            )
        return self._shard

    def _working_generation(self) -> Generation:
        if self._generation is None:
            self._disk.check_room(needed=used_bytes(self._base.shard) if self._base else 0)
            with self._disk.errors():
                self._generation = begin_generation(self._directory, based_on=self._base)
        return self._generation


def open_edge_writer(
    directory: Path,
    *,
    fingerprint: str,
    dimensions: int,
    rebuild: bool = False,
    free: FreeBytes = free_bytes,
) -> EdgeWriter:
    """Begin a run; with `rebuild` it starts from nothing and replaces what is published.

    Raises:
        IndexBusyError: another run has not ended.
        ConfigurationError: the index was made with another model or schema, or the folder cannot
            be written to.
        IndexUnavailableError: the index is damaged; only a rebuild helps.
    """
    with ExitStack() as stack:
        lock = stack.enter_context(lock_for_writing(directory))
        published = _replaceable(directory) if rebuild else current_generation(directory)
        base = None if rebuild else published
        if base:
            check_continuable(base.read_manifest(), fingerprint=fingerprint)
        discard_leftovers(directory, current=published)
        writer = EdgeWriter(
            directory=directory,
            lock=lock,
            base=base,
            published=published,
            fingerprint=fingerprint,
            dimensions=dimensions,
            disk=Disk(directory, free),
        )
        stack.pop_all()
    return writer


def _replaceable(directory: Path) -> Generation | None:
    try:
        return current_generation(directory)
    except IndexUnavailableError:
        return None
