"""A portal that is down, slow, broken or incomplete, and what the index is after a run over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import make_json
from tests.indexer.faulty_world import (
    CATALOG,
    LISTING,
    SHOP,
    STATIC,
    World,
    change_texts,
    make_world,
    paths,
    site,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path / "index") as world:
        yield world


def test_a_source_that_is_down_from_the_start_keeps_everything(world: World) -> None:
    before = world.index()
    code, source = world.run(PORTAL_RAG_BACKSTAGE_URL="http://127.0.0.1:9")
    assert (code, source["state"], source["deleted"]) == (3, "failed", 0)
    assert world.index() == before


@pytest.mark.parametrize(
    ("status", "headers"),
    [(500, {}), (429, {"retry-after": "60"}), (302, {"location": CATALOG + "entities/by-query"})],
)
def test_a_catalog_that_refuses_fails_the_source(
    world: World, status: int, headers: dict[str, str]
) -> None:
    before = world.index()
    world.portal.answer(CATALOG, status=status, headers=headers)
    code, source = world.run()
    assert (code, source["state"]) == (3, "failed")
    assert f"Backstage answered {status}" in source["failures"][0]["reason"]
    assert world.index() == before


def test_a_catalog_that_asks_to_wait_is_waited_for(world: World) -> None:
    world.portal.answer(CATALOG, status=429, headers={"retry-after": "0"}, times=1)
    assert world.run()[0] == 0


def test_a_catalog_that_answers_no_json_fails_the_source(world: World) -> None:
    before = world.index()
    world.portal.answer(CATALOG, body=b'{"items": [')
    code, source = world.run()
    assert (code, source["state"], source["failures"][0]["reason"]) == (
        3,
        "failed",
        "catalog: the answer is not JSON",
    )
    assert world.index() == before


def test_a_slow_catalog_fails_the_source_at_its_deadline(world: World) -> None:
    before = world.index()
    world.portal.hold(CATALOG)
    code, source = world.run(PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS="0.3")
    world.portal.mend()
    assert (code, source["state"]) == (3, "failed")
    assert "in time" in source["failures"][0]["reason"]
    assert world.index() == before


def test_docs_that_fail_in_the_middle_stay_and_the_rest_is_updated(world: World) -> None:
    before = world.index()
    change_texts(world)
    world.portal.put(make_json("group:default/team", spec={"type": "tribe"}))
    world.portal.answer(f"{STATIC}ops/", status=500)
    code, source = world.run()
    after = world.index()
    assert (code, source["state"]) == (3, "partial")
    assert paths(after) == paths(before) | {f"{SHOP}/new/"}
    assert any(path == f"{SHOP}/ops/" and "broker" in text for path, text in after)
    assert any(path.startswith("group:") and "tribe" in text for path, text in after)
    world.portal.mend()
    assert world.run()[0] == 0
    assert any("queue" in text for _, text in world.index())


def test_half_of_the_entities_are_kept_until_somebody_says_that_they_are_gone(
    world: World,
) -> None:
    refs = [f"component:default/part-{number}" for number in range(40)]
    for ref in refs:
        world.portal.put(make_json(ref))
    world.run()
    before = world.index()
    for ref in refs[:20]:
        world.portal.remove(ref)
    code, source = world.run()
    assert (code, source["state"], source["deleted"]) == (3, "refused", 0)
    assert world.index() == before
    assert world.run("--allow-mass-delete")[0] == 0
    assert len(world.index()) == len(before) - 20


def test_a_site_that_shrinks_from_50_pages_to_2_is_refused_each_time_until_allowed(
    world: World,
) -> None:
    pages = {f"p{number}/": f"Page {number}." for number in range(50)}
    world.portal.sites[SHOP] = site(pages, "2")
    world.run()
    before = world.index()
    world.portal.sites[SHOP] = site(dict(list(pages.items())[:2]), "3")
    for _ in range(2):
        code, source = world.run()
        assert (code, source["state"], source["deleted"]) == (3, "refused", 0)
        assert world.index() == before
    assert world.run("--allow-mass-delete")[0] == 0
    assert len(world.index()) == len(before) - 48
    assert world.run()[1]["unchanged"] == len(before) - 48


def put_many(world: World) -> None:
    """Fill more than one page of the catalog's listing."""
    for number in range(600):
        world.portal.put(make_json(f"component:default/part-{number}"))


@pytest.fixture
def large(world: World) -> World:
    """Index 600 more entities, then change one of them and lose another."""
    put_many(world)
    assert world.run()[0] == 0
    world.portal.put(make_json("component:default/part-7", spec={"type": "library"}))
    world.portal.remove("component:default/part-8")
    return world


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"", "catalog: Backstage answered 500"),
        (200, b'{"items": [', "catalog: the answer is not JSON"),
    ],
)
def test_a_catalog_that_fails_in_the_middle_of_its_listing_loses_nothing(
    large: World, status: int, body: bytes, reason: str
) -> None:
    before = large.index()
    large.portal.answer(LISTING, status=status, body=body, after=1)
    code, source = large.run()
    assert (code, source["state"], source["deleted"]) == (3, "failed", 0)
    assert source["failures"][0]["reason"] == reason
    assert large.index() == before
    large.portal.mend()
    assert large.run()[1]["deleted"] == 1
    assert paths(large.index()) == paths(before) - {"component:default/part-8#entity"}


def test_a_catalog_that_hangs_up_in_the_middle_of_an_answer_fails_the_source(large: World) -> None:
    before = large.index()
    large.portal.drop(LISTING, after=1)
    code, source = large.run()
    assert (code, source["state"], source["deleted"]) == (3, "failed", 0)
    assert source["failures"][0]["reason"].startswith("catalog: Backstage could not be reached;")
    assert large.index() == before


def test_an_answer_that_broke_off_once_is_asked_for_again(large: World) -> None:
    large.portal.drop(LISTING, after=1, times=1)
    code, source = large.run()
    assert (code, source["state"], source["deleted"]) == (0, "ok", 1)


def test_a_catalog_that_asks_to_wait_in_the_middle_is_waited_for(large: World) -> None:
    large.portal.answer(LISTING, status=429, headers={"retry-after": "1"}, after=1, times=1)
    code, source = large.run()
    assert (code, source["state"], source["deleted"]) == (0, "ok", 1)
    assert source["seconds"] >= 1


def test_a_catalog_that_redirects_to_itself_is_asked_once(world: World) -> None:
    before = world.index()
    world.portal.answer(CATALOG, status=302, headers={"location": f"{world.portal.url}{LISTING}"})
    asked = world.portal.asked(CATALOG)
    code, source = world.run()
    assert (code, source["state"]) == (3, "failed")
    assert source["failures"][0]["reason"] == "catalog: Backstage answered 302"
    assert world.portal.asked(CATALOG) == asked + 1
    assert world.index() == before
