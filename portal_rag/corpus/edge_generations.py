"""The folders of an embedded index: immutable generations, and the pointer to the current one.

- `CURRENT`: the number of the published generation.
- `writer.lock`: held by the one run that writes.
- `last-run.json`: what the last run did, whether or not it published something.
- `generations/<number>/`: `shard/`, `manifest.json`, `state.json` (what the sources were when it
  was made) and, of a files-only index, `entities.jsonl`.
- `generations/.unpublished/`: the run in progress, or what a killed run left.
"""

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from portal_rag.corpus.schema import manifest_from_json, manifest_to_json
from portal_rag.corpus.source_state import from_json, to_json
from portal_rag.corpus.store import NO_STATE, Manifest, SourceState
from portal_rag.errors import ConfigurationError, IndexBusyError, IndexUnavailableError

_NUMBER = re.compile(r"[1-9][0-9]*")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Generation:
    """One state of the index; a published one is never changed."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.name)

    @property
    def shard(self) -> Path:
        return self.path / "shard"

    @property
    def _manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def _entities(self) -> Path:
        return self.path / "entities.jsonl"

    def read_manifest(self) -> Manifest:
        """Say what this generation is.

        Raises:
            IndexUnavailableError: the manifest is missing or cannot be understood.
        """
        try:
            encoded = json.loads(self._manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            encoded = None
        return manifest_from_json(encoded)

    def write_manifest(self, manifest: Manifest) -> None:
        text = json.dumps(manifest_to_json(manifest), indent=2)
        self._manifest.write_text(text, encoding="utf-8")

    def read_state(self) -> SourceState:
        """Read what was left to the next run; empty if it cannot be understood."""
        try:
            return from_json((self.path / "state.json").read_bytes())
        except OSError:
            return NO_STATE

    def write_state(self, state: SourceState) -> None:
        (self.path / "state.json").write_bytes(to_json(state))

    def read_entities(self) -> list[dict[str, Any]]:
        """Read the catalog snapshot.

        Raises:
            IndexUnavailableError: it is missing or cannot be read.
        """
        try:
            with self._entities.open(encoding="utf-8") as lines:
                return [json.loads(line) for line in lines]
        except (OSError, ValueError) as error:
            raise IndexUnavailableError(
                f"The catalog snapshot {self._entities} cannot be read; run `portal-index run`"
            ) from error

    def write_entities(self, entities: Iterable[Mapping[str, Any]]) -> None:
        with self._entities.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(entity) + "\n" for entity in entities)


def pointer_stamp(directory: Path) -> tuple[int, int] | None:
    """Tell two publications apart, cheaply; None if nothing was published yet."""
    try:
        status = _pointer(directory).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def current_generation(directory: Path) -> Generation | None:
    """Find the published generation; None if nothing was published yet.

    Raises:
        IndexUnavailableError: the pointer is damaged, or may not be read.
    """
    pointer = _pointer(directory)
    try:
        number = pointer.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(pointer, error) from error
    generation = Generation(directory / "generations" / number)
    if not _NUMBER.fullmatch(number) or not _is_there(generation.path):
        raise IndexUnavailableError(
            f"{pointer} points to nothing; restore the index or run `portal-index run --rebuild`"
        )
    return generation


def lock_for_writing(directory: Path) -> IO[str]:
    """Become the one writer until the returned file is closed or this process ends.

    Raises:
        IndexBusyError: another process writes; the text names it.
        ConfigurationError: the folder cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "writer.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise ConfigurationError(
            f"The index cannot be written to {directory} ({error.strerror});"
            " set PORTAL_RAG_INDEX_DIR to a folder that can be"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "(unknown)"
        lock.close()
        raise IndexBusyError(
            f"Process {holder} is writing the index in {directory}; wait until it ends, or stop it"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def discard_leftovers(directory: Path, *, current: Generation | None) -> None:
    """Remove what killed runs left; only the holder of the lock may."""
    shutil.rmtree(_unpublished(directory).path, ignore_errors=True)
    for generation in _numbered(directory):
        if current and generation.number > current.number:
            shutil.rmtree(generation.path)


def begin_generation(directory: Path, *, based_on: Generation | None) -> Generation:
    """Make the folder of a run, with a copy of the shard that it starts from."""
    unpublished = _unpublished(directory)
    unpublished.path.mkdir(parents=True)
    if based_on:
        copy_sparsely(based_on.shard, unpublished.shard)
    return unpublished


def publish_generation(
    directory: Path, unpublished: Generation, *, previous: Generation | None
) -> Generation:
    """Make a finished run current; it and `previous` are kept, for readers may still open that."""
    numbers = [generation.number for generation in _numbered(directory)]
    published = Generation(unpublished.path.with_name(str(max(numbers, default=0) + 1)))
    _sync_tree(unpublished.path)
    unpublished.path.rename(published.path)
    _sync(published.path.parent)
    _point_to(directory, published)
    for generation in _numbered(directory):
        if generation not in (published, previous):
            shutil.rmtree(generation.path)
    return published


def copy_sparsely(source: Path, target: Path) -> None:
    """Copy a folder without its holes: the engine's files are mostly space that it reserved."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        else:
            _copy_file_sparsely(path, copy)


def _copy_file_sparsely(source: Path, target: Path) -> None:
    """Copy what the file system says is data; it is to be believed after the file was synced."""
    with source.open("rb", buffering=0) as original, target.open("wb", buffering=0) as copy:
        size = os.fstat(original.fileno()).st_size
        copy.truncate(size)
        for start, end in _data_extents(original.fileno(), size):
            original.seek(start)
            copy.seek(start)
            while original.tell() < end:
                copy.write(original.read(min(_BLOCK, end - original.tell())))


def _data_extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def recorded_run(directory: Path) -> Mapping[str, Any] | None:
    """Say what the last run did; None if that is not known."""
    try:
        recorded = json.loads((directory / "last-run.json").read_bytes())
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None


def record_run(directory: Path, run: Mapping[str, Any]) -> None:
    """Replace the record of the last run; only the holder of the lock may."""
    temporary = directory / ".last-run.json"
    temporary.write_text(json.dumps(run, indent=2), encoding="utf-8")
    temporary.replace(directory / "last-run.json")


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: Path, error: OSError) -> IndexUnavailableError:
    return IndexUnavailableError(
        f"{path} cannot be read: {error.strerror}; let this account read all of it, or set"
        " PORTAL_RAG_INDEX_DIR to another folder"
    )


def _pointer(directory: Path) -> Path:
    return directory / "CURRENT"


def _unpublished(directory: Path) -> Generation:
    return Generation(directory / "generations" / ".unpublished")


def _numbered(directory: Path) -> Sequence[Generation]:
    folders = (directory / "generations").glob("[1-9]*")
    return [Generation(folder) for folder in folders if _NUMBER.fullmatch(folder.name)]


def _point_to(directory: Path, generation: Generation) -> None:
    temporary = directory / ".CURRENT"
    temporary.write_text(f"{generation.number}\n", encoding="ascii")
    _sync(temporary)
    temporary.replace(_pointer(directory))
    _sync(directory)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
