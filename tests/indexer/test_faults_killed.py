"""Runs that are killed at a random moment, and what readers find then."""

import os
import random
import signal
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.fakes.qdrant import FakeQdrant
from tests.indexer.faulty_world import (
    SHOP,
    ForkedRuns,
    Index,
    World,
    long_page,
    make_world,
    open_forked_runs,
    site_of,
)

SEEDS = range(10)
OLD = {
    "": long_page("old", 2),
    **{f"shrinks-{n}/": long_page("old", 6) for n in range(7)},
    **{f"grows-{n}/": long_page("old", 2) for n in range(7)},
    "stays/": long_page("same", 3),
}
NEW = {
    "": long_page("new", 2),
    **{f"shrinks-{n}/": long_page("new", 2) for n in range(7)},
    **{f"grows-{n}/": long_page("new", 8) for n in range(7)},
    "stays/": long_page("same", 3),
    "comes/": long_page("new", 4),
}


def publish_old(world: World) -> Index:
    world.portal.sites[SHOP] = site_of(OLD, "old")
    assert world.run("--allow-mass-delete")[0] == 0
    return world.index()


def publish_new(world: World) -> Index:
    world.portal.sites[SHOP] = site_of(NEW, "new")
    assert world.run()[0] == 0
    return world.index()


def by_document(index: Index) -> dict[str, set[str]]:
    documents = defaultdict(set)
    for path, text in index:
        documents[path].add(text)
    return documents


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    with open_forked_runs(tmp_path_factory.mktemp("forked")) as runs:
        yield runs


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("embedded") / "index") as world:
        yield world


@pytest.fixture(scope="module")
def events(runs: ForkedRuns, world: World) -> dict[str, int]:
    """Count what happens in a run that is let live."""
    publish_old(world)
    world.portal.sites[SHOP] = site_of(NEW, "new")
    runs.start(world)
    assert runs.ended() == 0
    counted = runs.counted()
    assert set(counted) == {"embed", "engine", "change", "rename"}
    return counted


@pytest.mark.parametrize("seed", SEEDS)
def test_an_embedded_index_is_as_before_or_after_whenever_the_run_is_killed(
    runs: ForkedRuns, events: dict[str, int], world: World, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    event = chance.choice(sorted(events))
    before = publish_old(world)
    world.portal.sites[SHOP] = site_of(NEW, "new")
    runs.start(world, f"{event}:{chance.randint(1, events[event])}")
    assert runs.ended() == -signal.SIGKILL
    killed = world.index()
    after = publish_new(world)
    assert killed in (before, after)
    assert not (world.directory / "generations" / ".unpublished").exists()


@pytest.fixture(scope="module")
def on_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, FakeQdrant]]:
    directory = tmp_path_factory.mktemp("server") / "index"
    with FakeQdrant() as qdrant, make_world(directory, qdrant) as world:
        yield world, qdrant
    assert qdrant.violations == []


@pytest.fixture(scope="module")
def writing(runs: ForkedRuns, on_server: tuple[World, FakeQdrant]) -> range:
    """Look which requests of a run that is let live come from its first to its last write."""
    world, qdrant = on_server
    publish_old(world)
    world.portal.sites[SHOP] = site_of(NEW, "new")
    asked_before = len(qdrant.requests)
    runs.start(world)
    assert runs.ended() == 0
    requests = qdrant.requests[asked_before:]
    writes = [n for n, each in enumerate(requests) if each.path.endswith("/points/batch")]
    return range(writes[0], writes[-1] + 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_on_a_server_each_document_is_whole_whenever_the_run_is_killed(
    runs: ForkedRuns, writing: range, on_server: tuple[World, FakeQdrant], seed: int
) -> None:
    world, qdrant = on_server
    before = publish_old(world)
    world.portal.sites[SHOP] = site_of(NEW, "new")
    hold = qdrant.hold_one(after=random.Random(seed).choice(writing))  # noqa: S311
    killed = runs.start(world)
    assert hold.reached.wait(60)
    os.kill(killed, signal.SIGKILL)
    assert runs.ended() == -signal.SIGKILL
    seen = [world.index()]
    hold.release()  # the server does what was asked, and nobody listens
    seen.append(world.index())
    old, new = by_document(before), by_document(publish_new(world))
    for documents in map(by_document, seen):
        assert set(old) <= set(documents) <= set(new)
        for path, texts in documents.items():
            assert texts in (old.get(path), new[path])
