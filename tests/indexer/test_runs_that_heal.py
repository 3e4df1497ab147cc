"""Whatever went wrong on the way, the next run of a portal in order makes the index right."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.reading import Unread
from indexer.remembering import state_after, still_true
from indexer.sources.source import UNMARKED, Failure
from indexer.sources.territory import Territories
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.indexer.faulty_world import World, paths, site

SHOP, ZOO = "component:default/shop", "component:default/zoo"
DOCUMENTED = {"backstage.io/techdocs-ref": "dir:."}
ELSEWHERE = {**DOCUMENTED, "backstage.io/techdocs-entity": ZOO}
STATIC = "/api/techdocs/static/docs/default/component/shop/"
INDEX = "search/search_index.json"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    entities = [make_json(SHOP, annotations=DOCUMENTED), make_json(ZOO)]
    pages = {"": "It sells.", "ops/": "Drain the broker.", "old/": "To be removed."}
    with FakeBackstage(entities=entities, sites={SHOP: site(pages, "1")}) as portal:
        world = World(portal, tmp_path / "index")
        assert world.run()[0] == 0
        yield world


def test_a_site_that_is_only_half_uploaded_loses_nothing_and_is_read_again(world: World) -> None:
    before = world.index()
    new = site({"": "It sells more.", "ops/": "Drain the queue."}, "2")
    world.portal.sites[SHOP] = {name: text for name, text in new.items() if name != INDEX}
    code, source = world.run()
    assert (code, len(source["failures"])) == (0, 1)
    assert world.index() == before
    world.portal.sites[SHOP] = new
    assert world.run()[0] == 0
    assert {text for path, text in world.index() if path.startswith(f"{SHOP}/")} == {
        "It sells more.",
        "Drain the queue.",
    }


def test_a_page_that_is_missing_in_the_upload_stays_as_it_was_and_is_read_later(
    world: World,
) -> None:
    before = world.index()
    new = site({"": "It sells.", "ops/": "Drain the queue.", "old/": "To be removed."}, "2")
    world.portal.sites[SHOP] = {
        name: text for name, text in new.items() if name != "ops/index.html"
    }
    assert world.run()[0] == 0
    assert world.index() == before
    world.portal.sites[SHOP] = new
    assert world.run()[0] == 0
    assert (f"{SHOP}/ops/", "Drain the queue.") in world.index()


def test_a_page_that_the_search_index_stands_in_for_is_read_again(world: World) -> None:
    new = site({"": "It sells.", "ops/": "Drain the queue."}, "2")
    listed = json.loads(new[INDEX])
    for doc in listed["docs"]:
        doc["text"] = "As the search index has it."
    half = {**new, INDEX: json.dumps(listed)}
    del half["ops/index.html"]
    world.portal.sites[SHOP] = half
    world.run()
    assert (f"{SHOP}/ops/", "As the search index has it.") in world.index()
    world.portal.sites[SHOP] = new
    world.run()
    assert (f"{SHOP}/ops/", "Drain the queue.") in world.index()


def test_docs_that_an_entity_gave_up_go_even_if_that_run_fails_later(world: World) -> None:
    others = [make_json(f"component:default/other-{number}") for number in range(450)]
    for other in others:
        world.portal.put(other)
    world.portal.put(make_json(SHOP, annotations=ELSEWHERE))
    world.portal.answer("/api/catalog/entities/by-refs", status=500, after=1)
    assert world.run()[0] == 3
    world.portal.mend()
    assert world.run()[0] == 0
    assert not any(path.startswith(f"{SHOP}/") for path in paths(world.index()))


def test_pages_that_were_removed_go_although_the_home_page_cannot_be_read(world: World) -> None:
    before = world.index()
    new = site({"": "It sells.", "ops/": "Drain the broker."}, "2")
    world.portal.sites[SHOP] = {**new, "index.html": "<ul>" * 20_000}
    code, source = world.run()
    assert (code, len(source["failures"])) == (0, 1)
    assert paths(world.index()) == paths(before) - {f"{SHOP}/old/"}


@pytest.mark.parametrize("location", ["ops\u00ad/", "ops\u200b/", "my\u00a0page/", "手\u3000册/"])
def test_odd_locations_stay_the_same_documents_and_survive_a_failure(
    world: World, location: str
) -> None:
    world.portal.sites[SHOP] = site({"": "It sells.", location: "Odd."}, "2")
    world.run()
    before = world.index()
    assert any(text == "Odd." for _, text in before)
    world.portal.sites[SHOP] = site({"": "It sells.", location: "Odd."}, "3")
    code, source = world.run()
    assert (code, source["embedded"], source["deleted"]) == (0, 0, 0)
    world.portal.sites[SHOP] = site({"": "It sells.", location: "Odd."}, "4")
    world.portal.answer(STATIC + location, status=403)
    code, source = world.run()
    assert (source["deleted"], world.index()) == (0, before)


def test_an_entity_that_was_removed_alone_and_comes_back_as_it_was_is_indexed(
    tmp_path: Path,
) -> None:
    with FakeBackstage(entities=[make_json(SHOP)]) as portal:
        world = World(portal, tmp_path / "index")
        world.run()
        before = world.index()
        entity = portal.entities.pop(SHOP)
        assert world.run("--entity", SHOP)[1]["deleted"] == 1
        portal.entities[SHOP] = entity
        world.run()
        assert world.index() == before


def test_a_listing_that_never_ends_fails_the_source(world: World) -> None:
    before = world.index()
    empty = {"items": [], "pageInfo": {"nextCursor": "next"}}
    for number in range(50):
        body = json.dumps({**empty, "pageInfo": {"nextCursor": f"next-{number}"}}).encode()
        world.portal.answer("/api/catalog/entities/by-query", body=body, times=1)
    code, source = world.run()
    assert (code, source["state"]) == (3, "failed")
    assert "round in circles" in source["failures"][0]["reason"]
    assert world.index() == before


def test_marks_made_under_other_rules_say_nothing_of_an_index_that_is_not_finished() -> None:
    before = {"backstage": {f"{SHOP}#": "a", f"{SHOP}/": "b", "shape": "1"}}
    same = state_after(before, {"backstage": {f"{SHOP}#": "a", f"{SHOP}/": "c"}}, shape="1")
    assert still_true(before, same)["backstage"] == {
        f"{SHOP}#": "a",
        f"{SHOP}/": UNMARKED,
        "shape": "1",
    }
    other = state_after(before, {"backstage": {f"{SHOP}#": "a", f"{SHOP}/": "b"}}, shape="2")
    assert still_true(before, other)["backstage"] == {
        f"{SHOP}#": UNMARKED,
        f"{SHOP}/": UNMARKED,
        "shape": "2",
    }


PARTS = st.lists(st.sampled_from(["a", "b", "a/", "b#", "/", "#"]), max_size=5).map("".join)


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=6), PARTS)
def test_what_failures_cover_is_looked_up_as_each_of_them_says(
    scopes: list[tuple[str, bool]], path: str
) -> None:
    failures = [Failure(scope=scope, reason="", is_exact=exact) for scope, exact in scopes]
    unread = Unread()
    for failure in failures:
        unread.add(failure)
    assert unread.covers(path) == any(failure.covers(path) for failure in failures)


def test_a_folder_thousands_of_levels_down_has_a_ground(tmp_path: Path) -> None:
    territories = Territories(tmp_path)
    territories.claim(tmp_path / "shop" / "catalog-info.yaml")
    deep = tmp_path / "shop" / "/".join(["x"] * 3_000)
    assert territories.is_own(deep, tmp_path / "shop" / "catalog-info.yaml")
    assert not territories.is_own(deep, tmp_path / "zoo" / "catalog-info.yaml")
