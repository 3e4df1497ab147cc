"""The embedded store: generations, their pointer, the one writer, and what a killed run leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal_rag.corpus.constraints import Everything
from portal_rag.corpus.edge_generations import copy_sparsely
from portal_rag.corpus.edge_shard import Shard
from portal_rag.corpus.store import DenseVector, EmbeddedChunk, IndexReader, SparseVector
from portal_rag.corpus.visibility import GateDecides
from portal_rag.errors import (
    ConfigurationError,
    IndexBusyError,
    IndexUnavailableError,
    UpstreamError,
)
from tests.corpus.stores import (
    EMBEDDER,
    LATER_RUN,
    RUN,
    EdgeFolder,
    embed,
    make_manifest,
    publish,
)
from tests.factories import make_chunk, make_json
from tests.fakes.embedding import HashingEmbedder

FIRST, SECOND = make_chunk("first"), make_chunk("second", ordinal=1)
OTHER = HashingEmbedder(32)


@pytest.fixture
def store(tmp_path: Path) -> EdgeFolder:
    return EdgeFolder(tmp_path / "index")


async def texts(reader: IndexReader) -> set[str]:
    hits = await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=100)
    return {hit.stored.chunk.text for hit in hits}


def generations(store: EdgeFolder) -> set[str]:
    return {path.name for path in (store.directory / "generations").iterdir()}


async def test_unpublished_work_is_seen_by_no_reader_and_discarded_at_the_end(
    store: EdgeFolder,
) -> None:
    await publish(store, FIRST)
    reader = store.reader()
    writer = await store.writer()
    await writer.upsert(embed(SECOND), run=RUN)
    assert await texts(reader) == {"first"}
    assert ".unpublished" in generations(store)
    await writer.close()
    assert await texts(reader) == {"first"}
    assert generations(store) == {"1"}
    await reader.close()


async def test_a_running_reader_changes_over_and_the_last_two_generations_are_kept(
    store: EdgeFolder,
) -> None:
    reader = store.reader()
    seen: set[str] = set()
    for ordinal in range(4):
        text = f"text {ordinal}"
        await publish(store, make_chunk(text, ordinal=ordinal))
        seen.add(text)
        assert await texts(reader) == seen
    assert generations(store) == {"3", "4"}
    assert (store.directory / "CURRENT").read_text() == "4\n"
    await reader.close()


async def test_a_reader_notices_an_index_that_was_removed_and_built_anew(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    reader = store.reader()
    assert await texts(reader) == {"first"}
    shutil.rmtree(store.directory)
    with pytest.raises(IndexUnavailableError):
        await texts(reader)
    await publish(store, SECOND)
    assert generations(store) == {"1"}
    assert await texts(reader) == {"second"}
    await reader.close()


async def test_a_reader_that_was_closed_opens_again_when_asked(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    reader = store.reader()
    await reader.close()
    assert await texts(reader) == {"first"}
    await reader.close()
    await reader.close()


async def test_what_a_killed_run_left_is_removed_by_the_next(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    folder = store.directory / "generations"
    shutil.copytree(folder / "1", folder / "2")  # renamed, but the pointer was not moved
    (folder / ".unpublished" / "shard").mkdir(parents=True)
    (folder / ".unpublished" / "shard" / "half").write_text("")
    await publish(store, SECOND)
    assert generations(store) == {"1", "2"}
    reader = store.reader()
    assert await texts(reader) == {"first", "second"}
    await reader.close()


RUNNING = """
import asyncio, sys
from pathlib import Path
from tests.corpus.stores import EdgeFolder, RUN, embed
from tests.factories import make_chunk

async def main():
    writer = await EdgeFolder(Path(sys.argv[1])).writer()
    await writer.upsert(embed(make_chunk("never published", ordinal=9)), run=RUN)
    print("working", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
def running(store: EdgeFolder) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNING, str(store.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with process:
        yield process
        process.kill()


async def test_a_run_killed_in_the_middle_leaves_the_index_as_it_was(
    store: EdgeFolder, request: pytest.FixtureRequest
) -> None:
    await publish(store, FIRST)
    running: subprocess.Popen[str] = request.getfixturevalue("running")
    assert running.stdout
    assert running.stdout.readline() == "working\n"

    with pytest.raises(IndexBusyError, match=f"Process {running.pid} is writing"):
        await store.writer()
    reader = store.reader()
    assert await texts(reader) == {"first"}

    running.send_signal(signal.SIGKILL)
    running.wait()
    assert ".unpublished" in generations(store)
    assert await texts(reader) == {"first"}
    await publish(store, SECOND)
    assert await texts(reader) == {"first", "second"}
    assert generations(store) == {"1", "2"}
    await reader.close()


async def test_a_second_writer_in_the_same_process_is_refused_until_the_first_ends(
    store: EdgeFolder,
) -> None:
    writer = await store.writer()
    with pytest.raises(IndexBusyError, match=f"Process {os.getpid()} is writing"):
        await store.writer()
    await writer.close()
    await (await store.writer()).close()


async def test_nothing_published_says_which_command_publishes(store: EdgeFolder) -> None:
    with pytest.raises(IndexUnavailableError, match=r"Nothing is published .*portal-index run"):
        await store.reader().manifest()


@pytest.mark.parametrize("pointer", ["7", "", "../..", "\udcff"])
async def test_a_pointer_to_nothing_is_refused_and_a_rebuild_repairs_it(
    store: EdgeFolder, pointer: str
) -> None:
    await publish(store, FIRST)
    (store.directory / "CURRENT").write_bytes(os.fsencode(pointer))
    with pytest.raises(IndexUnavailableError, match=r"points to nothing.*--rebuild"):
        await store.reader().manifest()
    with pytest.raises(IndexUnavailableError, match="--rebuild"):
        await store.writer()
    await publish(store, SECOND, rebuild=True)
    reader = store.reader()
    assert await texts(reader) == {"second"}
    assert generations(store) == {"2"}
    await reader.close()


async def test_a_pointer_that_cannot_be_read_is_refused(store: EdgeFolder) -> None:
    (store.directory / "CURRENT").mkdir(parents=True)
    with pytest.raises(IndexUnavailableError, match="cannot be read"):
        await store.reader().manifest()


@pytest.mark.parametrize("manifest", [None, "", "{}", "[1]", '{"schema_version": "x"}'])
async def test_a_generation_without_a_readable_manifest_is_refused(
    store: EdgeFolder, manifest: str | None
) -> None:
    await publish(store, FIRST)
    file = store.directory / "generations" / "1" / "manifest.json"
    file.unlink()
    if manifest is not None:
        file.write_text(manifest)
    with pytest.raises(IndexUnavailableError, match=r"manifest .*--rebuild"):
        await store.reader().manifest()


async def test_an_index_of_another_schema_is_refused_to_readers_and_writers(
    store: EdgeFolder,
) -> None:
    await publish(store, FIRST)
    file = store.directory / "generations" / "1" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 99}))
    with pytest.raises(IndexUnavailableError, match="schema version 99"):
        await store.reader().manifest()
    with pytest.raises(ConfigurationError, match="--rebuild"):
        await store.writer()


async def test_another_embedding_needs_a_rebuild(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    with pytest.raises(ConfigurationError, match=r"hashing@64.*hashing@32.*--rebuild"):
        await store.writer(embedder=OTHER)
    writer = await store.writer(embedder=OTHER, rebuild=True)
    item = embed(FIRST)[0]
    other = EmbeddedChunk(chunk=FIRST, dense=OTHER.embed_query("first"), lexical=item.lexical)
    await writer.upsert([other], run=LATER_RUN)
    await writer.publish(make_manifest(1, embedder=OTHER), entities=())
    await writer.close()
    reader = store.reader(embedder=OTHER)
    assert (await reader.manifest()).dimensions == 32
    await reader.close()


async def test_a_shard_that_is_damaged_is_an_unavailable_index(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    shutil.rmtree(store.directory / "generations" / "1" / "shard" / "segments")
    (store.directory / "generations" / "1" / "shard" / "edge_config.json").unlink()
    with pytest.raises(IndexUnavailableError, match=r"cannot be opened .*--rebuild"):
        await texts(store.reader())


async def test_entities_of_a_files_only_index_are_kept_and_read_once(store: EdgeFolder) -> None:
    snapshot = [make_json("component:default/shop", title="Größe"), make_json("group:default/a")]
    writer = await store.writer()
    await writer.publish(make_manifest(0), entities=snapshot)
    await writer.publish(make_manifest(0, run=LATER_RUN), entities=snapshot[:1])
    reader = store.reader()
    assert reader.entities() == snapshot[:1]
    assert reader.entities() is reader.entities()
    await writer.publish(make_manifest(0), entities=snapshot)
    await writer.close()
    assert reader.entities() == snapshot
    await reader.close()


async def test_entities_are_neither_kept_nor_given_if_a_source_was_not_files(
    store: EdgeFolder,
) -> None:
    writer = await store.writer()
    manifest = make_manifest(0, built_from_files=False)
    await writer.publish(manifest, entities=[make_json("component:default/shop")])
    await writer.close()
    reader = store.reader()
    with pytest.raises(IndexUnavailableError, match="not built from files alone"):
        reader.entities()
    assert not (store.directory / "generations" / "1" / "entities.jsonl").exists()
    await reader.close()


async def test_a_damaged_snapshot_is_an_unavailable_index(store: EdgeFolder) -> None:
    await publish(store, FIRST)
    (store.directory / "generations" / "1" / "entities.jsonl").write_text("{")
    reader = store.reader()
    with pytest.raises(IndexUnavailableError, match=r"snapshot .* cannot be read"):
        reader.entities()
    await reader.close()


async def test_a_folder_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(ConfigurationError, match="PORTAL_RAG_INDEX_DIR"):
        await EdgeFolder(tmp_path / "index").writer()


async def test_a_disk_that_fails_is_named(store: EdgeFolder) -> None:
    store.directory.mkdir()
    (store.directory / "generations").write_text("a file")
    writer = await store.writer()
    with pytest.raises(UpstreamError, match="cannot write to"):
        await writer.count()
    await writer.close()


async def test_a_vector_of_another_size_is_an_error_of_the_engine(store: EdgeFolder) -> None:
    writer = await store.writer()
    wrong = EmbeddedChunk(chunk=FIRST, dense=DenseVector((1.0,)), lexical=SparseVector((), ()))
    with pytest.raises(UpstreamError, match="Qdrant Edge"):
        await writer.upsert([wrong], run=RUN)
    await writer.close()


async def test_a_private_copy_reads_the_same_and_leaves_the_original_alone(
    store: EdgeFolder,
) -> None:
    await publish(store, FIRST)
    folder = store.directory / "generations" / "1" / "shard"

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    before = state()
    shard = Shard.open_copy(folder)
    everything = Everything()
    hits = shard.search(EMBEDDER.embed_query("x"), among=everything, counted=everything, limit=5)
    assert [hit.stored.chunk for hit in hits] == [FIRST]
    shard.close()
    assert state() == before


def set_modes(top: Path, *, folders: int, files: int) -> None:
    top.chmod(0o755)
    for path in [*top.rglob("*")]:
        path.chmod(folders if path.is_dir() else files)
    top.chmod(folders)


READING = """
import asyncio, os, sys
from pathlib import Path
from tests.corpus.stores import EMBEDDER, EdgeFolder
from portal_rag.corpus.visibility import GateDecides

async def main():
    if os.getuid() == 0:
        os.setuid(65534)
    reader = EdgeFolder(Path(sys.argv[1])).reader()
    hits = await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=5)
    await reader.close()
    print(*(hit.stored.chunk.text for hit in hits))

asyncio.run(main())
"""


async def test_an_index_that_the_reader_may_not_write_to_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = EdgeFolder(Path(directory) / "index")
        await publish(folder, FIRST)
        set_modes(Path(directory), folders=0o555, files=0o444)
        done = subprocess.run(  # noqa: ASYNC221 (our own interpreter and script)
            [sys.executable, "-c", READING, str(folder.directory)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        set_modes(Path(directory), folders=0o755, files=0o644)
    assert (done.stdout, done.returncode) == ("first\n", 0), done.stderr


def test_a_sparse_copy_has_the_same_bytes_and_no_more_blocks(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "empty").touch()
    with (source / "holes").open("wb") as file:
        file.write(b"head")
        file.seek(40_000_000)
        file.write(b"middle" * 1000)
        file.truncate(80_000_000)
    with (source / "only a hole").open("wb") as file:
        file.truncate(1_000_000)
    (source / "dense").write_bytes(os.urandom(3_000_001))
    copy_sparsely(source, tmp_path / "copy")
    for path in source.iterdir():
        copy = tmp_path / "copy" / path.name
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_blocks <= path.stat().st_blocks
