"""One run over the embedded store: it works on a copy of what is published, until it publishes."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from portal_rag.corpus.disk_room import Disk, used_bytes
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_generations import (
    Generation,
    begin_generation,
    discard_leftovers,
    publish_generation,
    record_run,
)
from portal_rag.corpus.edge_shard import Shard
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes
from portal_rag.corpus.schema import check_publishable
from portal_rag.corpus.store import (
    NO_STATE,
    EmbeddedChunk,
    Manifest,
    Run,
    SourceState,
    StoredMark,
)
from portal_rag.errors import IndexUnavailableError


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

    async def govern(self, predicates: Mapping[EntityRef, PredicateHashes], *, run: Run) -> None:
        self._working_shard().govern(predicates, run)

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
