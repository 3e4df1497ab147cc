"""The embedded store: a run writes its own generation of the index, readers follow the pointer."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal_rag.corpus.constraints import Nothing
from portal_rag.corpus.disk_room import Disk, FreeBytes, free_bytes
from portal_rag.corpus.edge_generations import (
    Generation,
    current_generation,
    discard_leftovers,
    lock_for_writing,
    pointer_stamp,
)
from portal_rag.corpus.edge_shard import Shard
from portal_rag.corpus.edge_writer import EdgeWriter
from portal_rag.corpus.schema import check_continuable, check_readable
from portal_rag.corpus.selection import counted, salted, select
from portal_rag.corpus.store import DenseVector, Hit, Manifest, SparseVector
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
        opened = self._current()
        salt = opened.manifest.salt
        return opened.shard.search(
            vector,
            among=salted(among, salt),
            counted=salted(counted(visible_to), salt),
            limit=limit,
        )

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
