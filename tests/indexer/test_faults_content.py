"""Docs that are broken, and things that change on the way: what the index is afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.factories import make_json
from tests.indexer.faulty_world import (
    DOCUMENTED,
    NOW,
    SHOP,
    STATIC,
    World,
    change_texts,
    make_world,
    page,
    paths,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path / "index") as world:
        yield world


def test_a_page_that_is_too_large_is_reported_and_left_as_it_was(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.answer(f"{STATIC}ops/", body=b"x" * 5_000_001)
    code, source = world.run()
    assert (code, source["state"]) == (0, "ok")
    assert "larger than" in source["failures"][0]["reason"]
    assert before < world.index()


def test_a_page_of_invalid_utf_8_is_indexed_without_its_broken_letters(world: World) -> None:
    change_texts(world)
    body = page("Drain BROKEN slowly.").encode().replace(b"BROKEN", b"\xff")
    world.portal.answer(f"{STATIC}ops/", body=body)
    assert world.run()[0] == 0
    assert any("Drain \ufffd slowly." in text for _, text in world.index())


def test_metadata_of_a_site_that_is_no_json_leaves_the_site(world: World) -> None:
    before = world.index()
    world.portal.answer("/api/techdocs/metadata/", body=b"<html>")
    code, source = world.run()
    assert (code, source["state"], len(source["failures"])) == (0, "ok", 1)
    assert world.index() == before


def test_a_new_case_of_a_name_is_the_same_entity(world: World) -> None:
    before = world.index()
    world.portal.put(make_json("component:default/Shop", annotations=DOCUMENTED))
    code, source = world.run()
    assert (code, source["embedded"], source["deleted"]) == (0, 1, 0)
    assert paths(world.index()) == paths(before)


def test_an_entity_that_is_restricted_during_a_run_loses_its_docs_now_and_itself_next(
    world: World,
) -> None:
    hold = world.portal.hold("/api/techdocs/metadata/")
    process = world.start()
    assert hold.reached.wait(60)
    world.portal.remove(SHOP)
    world.portal.mend()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert paths(world.index()) == {f"{SHOP}#entity", "group:default/team#entity"}
    assert world.run()[0] == 0
    assert paths(world.index()) == {"group:default/team#entity"}


def test_a_clock_that_goes_backwards_harms_nothing(world: World) -> None:
    change_texts(world)
    world.now = NOW - timedelta(days=400)
    assert world.run()[0] == 0
    assert f"{SHOP}/new/" in paths(world.index())
    code, source = world.run()
    assert (code, source["embedded"], source["deleted"]) == (0, 0, 0)


def test_a_page_that_redirects_to_itself_is_asked_once_and_left_as_it_was(world: World) -> None:
    before = world.index()
    change_texts(world)
    ops = f"{STATIC}ops/"
    world.portal.answer(ops, status=302, headers={"location": f"{world.portal.url}{ops}"})
    asked = world.portal.asked(ops)
    code, source = world.run()
    assert (code, source["state"]) == (0, "ok")
    assert [each["reason"] for each in source["failures"]] == [
        f"{SHOP}/ops/: techdocs: Backstage answered 302"
    ]
    assert world.portal.asked(ops) == asked + 1
    assert before < world.index()


def test_a_page_that_is_not_served_in_time_is_left_as_it_was(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.hold(f"{STATIC}ops/")
    code, source = world.run(PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS="2")
    world.portal.mend()
    assert (code, source["state"]) == (3, "partial")
    (failure,) = source["failures"]
    assert "in time" in failure["reason"]
    assert before < world.index()
    assert world.run()[0] == 0
    assert any("queue" in text for _, text in world.index())


def test_of_a_page_of_100_mb_only_what_may_be_read_is_taken(world: World) -> None:
    before = world.index()
    change_texts(world)
    endless = world.portal.answer_at_length(f"{STATIC}ops/", size=100_000_000)
    code, source = world.run()
    assert (code, source["state"]) == (0, "ok")
    assert "larger than" in source["failures"][0]["reason"]
    assert endless.sent < 30_000_000
    assert before < world.index()


@pytest.mark.parametrize("body", [b'{"docs": [', b"[]", b'{"docs": {}}'])
def test_a_search_index_that_is_broken_leaves_the_site_as_it_was(world: World, body: bytes) -> None:
    before = world.index()
    change_texts(world)
    world.portal.answer(f"{STATIC}search/", body=body)
    code, source = world.run()
    assert (code, source["state"], source["deleted"]) == (0, "ok", 0)
    assert len(source["failures"]) == 1
    assert world.index() == before
    world.portal.mend()
    assert world.run()[0] == 0
    assert f"{SHOP}/new/" in paths(world.index())
