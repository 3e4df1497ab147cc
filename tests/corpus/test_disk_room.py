"""An embedded index on a disk that is nearly full."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from portal_rag.corpus.disk_room import RESERVE_BYTES, Disk, used_bytes
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.edge_writer import EdgeWriter
from portal_rag.errors import UpstreamError
from tests.corpus.stores import EMBEDDER, LATER_RUN, EdgeFolder, embed, make_manifest, publish
from tests.factories import make_chunk

ROOMY = 1 << 40


def open_writer(directory: Path, free: Callable[[Path], int]) -> EdgeWriter:
    return open_edge_writer(
        directory, fingerprint=EMBEDDER.fingerprint, dimensions=EMBEDDER.dimensions, free=free
    )


async def test_a_run_does_not_begin_to_write_where_a_copy_would_not_fit(tmp_path: Path) -> None:
    folder = EdgeFolder(tmp_path / "index")
    await publish(folder, make_chunk())
    size = used_bytes(tmp_path / "index" / "generations" / "1" / "shard")
    writer = open_writer(folder.directory, lambda _: RESERVE_BYTES + size - 1)
    with pytest.raises(UpstreamError, match=r"nearly full: .* make room there and run again"):
        await writer.upsert(embed(make_chunk("new", ordinal=1)), run=LATER_RUN)
    await writer.close()
    assert (await folder.reader().manifest()).chunk_count == 1


@pytest.mark.parametrize("change", ["upsert", "rewrite_metadata", "delete", "publish"])
async def test_a_disk_that_fills_ends_the_run_before_the_engine_is_asked(
    tmp_path: Path, change: str
) -> None:
    folder = EdgeFolder(tmp_path / "index")
    await publish(folder, make_chunk())
    left = ROOMY
    writer = open_writer(folder.directory, lambda _: left)
    await writer.upsert(embed(make_chunk("new", ordinal=1)), run=LATER_RUN)
    left = RESERVE_BYTES - 1
    calls = {
        "upsert": writer.upsert(embed(make_chunk("newer", ordinal=2)), run=LATER_RUN),
        "rewrite_metadata": writer.rewrite_metadata([make_chunk()], run=LATER_RUN),
        "delete": writer.delete([make_chunk().id]),
        "publish": writer.publish(make_manifest(2), entities=()),
    }
    call = calls.pop(change)
    for other in calls.values():
        other.close()
    with pytest.raises(UpstreamError, match=r"63 MiB are free; .* \(what was published is still"):
        await call
    await writer.close()
    assert (await folder.reader().manifest()).chunk_count == 1
    await publish(folder, make_chunk())


def test_room_is_what_the_disk_says_and_holes_take_none(tmp_path: Path) -> None:
    Disk(tmp_path, free=lambda _: RESERVE_BYTES).check_room()
    assert Disk(tmp_path).free(tmp_path) > 0
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
        file.write(b"x")
    assert 0 < used_bytes(tmp_path) < 1 << 20


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room there"), (errno.EROFS, "see that it can be written to")],
)
def test_what_the_disk_refuses_says_what_to_do(tmp_path: Path, number: int, remedy: str) -> None:
    with pytest.raises(UpstreamError, match=remedy), Disk(tmp_path).errors():
        raise OSError(number, "refused")
