"""Runs that are killed, interrupted, doubled or out of room, and what the index is afterwards."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.faulty_world import (
    CATALOG,
    LISTING,
    SHOP,
    STATIC,
    World,
    change_texts,
    make_world,
    paths,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path / "index") as world:
        yield world


@pytest.mark.parametrize(
    ("moment", "is_published"),
    [
        ("embed:1", False),
        ("rename:1", False),  # the finished generation is not in its place
        ("rename:2", False),  # it is, but the pointer is not replaced
        ("rename:3", True),  # the record of the run is not written
    ],
)
def test_a_killed_run_leaves_the_index_before_or_after_it(
    world: World, moment: str, is_published: bool
) -> None:
    before = world.index()
    change_texts(world)
    process = world.start(moment)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    killed = world.index()
    assert world.run()[0] == 0
    after = world.index()
    assert paths(after) == paths(before) | {f"{SHOP}/new/"}
    assert killed == (after if is_published else before)
    assert not (world.directory / "generations" / ".unpublished").exists()


def test_a_run_that_is_killed_after_narrowing_has_narrowed(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.remove("group:default/team")
    process = world.start("embed:1")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert world.index() == {each for each in before if not each[0].startswith("group:")}
    assert world.run()[0] == 0
    assert paths(world.index()) == {f"{SHOP}{end}" for end in ("#entity", "/", "/ops/", "/new/")}


@pytest.mark.parametrize("prefix", [LISTING, STATIC])
def test_a_run_that_is_killed_while_it_reads_changes_nothing(world: World, prefix: str) -> None:
    before = world.index()
    change_texts(world)
    hold = world.portal.hold(prefix)
    process = world.start()
    assert hold.reached.wait(60)
    process.kill()
    process.communicate(timeout=60)
    world.portal.mend()
    assert world.index() == before
    assert world.run()[0] == 0
    assert paths(world.index()) == paths(before) | {f"{SHOP}/new/"}


def test_a_second_run_at_once_ends_with_a_message(world: World) -> None:
    before = world.index()
    hold = world.portal.hold(CATALOG)
    first = world.start()
    assert hold.reached.wait(60)
    code, second = world.run()
    assert (code, str(first.pid) in second["error"]) == (1, True)
    world.portal.mend()
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert world.index() == before


def test_watching_ends_cleanly_in_the_middle_of_a_run(world: World) -> None:
    before = world.index()
    change_texts(world)
    hold = world.portal.hold(STATIC)
    process = world.start(command="watch")
    assert hold.reached.wait(60)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    world.portal.mend()
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert world.index() == before
    assert not (world.directory / "generations" / ".unpublished").exists()


def test_an_interrupted_run_says_so_in_one_line_and_changes_nothing(world: World) -> None:
    before = world.index()
    change_texts(world)
    hold = world.portal.hold(STATIC)
    process = world.start()
    assert hold.reached.wait(60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    world.portal.mend()
    assert process.returncode == 130
    assert errors.splitlines()[1:] == ["interrupted; what was published before is still in force"]
    assert world.index() == before
    assert not (world.directory / "generations" / ".unpublished").exists()
    assert world.run()[0] == 0
    assert paths(world.index()) == paths(before) | {f"{SHOP}/new/"}


def test_a_disk_without_room_ends_the_run_with_one_line_and_changes_nothing(world: World) -> None:
    before = world.index()
    change_texts(world)
    process = world.start(TEST_MOST_BYTES_OF_A_FILE="1000000")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = (line for line in errors.splitlines() if line.startswith("error: "))
    assert line.endswith(
        f"cannot write to {world.directory}: File too large; make room there and run again"
        " (what was published is still in force)"
    )
    assert "Traceback" not in errors
    assert world.index() == before
    assert world.run()[0] == 0
    assert paths(world.index()) == paths(before) | {f"{SHOP}/new/"}


def test_a_first_run_without_room_publishes_nothing(world: World, tmp_path: Path) -> None:
    world.directory = tmp_path / "another"
    process = world.start(TEST_MOST_BYTES_OF_A_FILE="1000000")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = (line for line in errors.splitlines() if line.startswith("error: "))
    assert "File too large" in line
    assert "Traceback" not in errors
    assert world.run()[0] == 0
    assert world.index()
