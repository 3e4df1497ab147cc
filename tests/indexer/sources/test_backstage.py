"""A running Backstage is read with the indexer's own token, over real HTTP."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.redacting import without_secrets
from indexer.sources.backstage import ENTITIES_AT_ONCE, BackstageSource
from indexer.sources.source import ABSENT, EVERYTHING_ANEW, Asked, Failure, Governing, Seen
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.techdocs import TechDocsClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError, UpstreamError
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.indexer.building import APP_URL

BUILT_AT = datetime(2026, 5, 5, tzinfo=UTC)
SHOP = "component:default/shop"
DOCUMENTED = {"backstage.io/techdocs-ref": "dir:."}
STATIC = "/api/techdocs/static/docs/default/component/shop/"


def page(title: str, text: str) -> str:
    heading = f'<h1 id="x">{title}<a class="headerlink" href="#x">¶</a></h1>'
    return f'<html><article class="md-content__inner">{heading}<p>{text}</p></article></html>'


def site(
    pages: Mapping[str, str], *, name: str | None = "Shop docs", is_marked: bool = True
) -> dict[str, str]:
    """Build a site of pages by location, with what TechDocs puts beside them."""
    docs = [{"location": location, "title": "In nav", "text": "¶"} for location in pages]
    sections = [{"location": f"{each}#x", "title": "Part", "text": "Indexed."} for each in pages]
    metadata: dict[str, Any] = {"site_name": name}
    if is_marked:
        metadata["build_timestamp"] = BUILT_AT.timestamp() * 1000
    return {
        "techdocs_metadata.json": json.dumps(metadata),
        "search/search_index.json": json.dumps({"docs": [*docs, *sections]}),
        **{f"{location}index.html": html for location, html in pages.items()},
    }


PAGES = {"": page("The shop", "It sells."), "ops/runbook/": page("Restart", "Slowly.")}


@pytest.fixture
def portal() -> Iterator[FakeBackstage]:
    entities = [
        make_json(
            "component:default/Shop",
            annotations=DOCUMENTED,
            relations={"ownedBy": ["group:default/team"]},
        ),
        make_json("group:default/team", spec={"type": "team"}),
        make_json("user:default/ann"),
    ]
    with FakeBackstage(entities=entities, sites={SHOP: site(PAGES)}) as backstage:
        yield backstage


@asynccontextmanager
async def opened(portal: FakeBackstage, **given: Any) -> AsyncIterator[BackstageSource]:
    async with BackstageTransport(portal.url, deadline_seconds=5) as transport:
        yield BackstageSource(
            catalog=CatalogClient(transport),
            techdocs=TechDocsClient(transport),
            app_url=APP_URL,
            **({"token": portal.service_token} | given),
        )


async def read(portal: FakeBackstage) -> tuple[dict[str, Document], list[Failure]]:
    async with opened(portal) as source:
        delivered = [each async for each in source.documents(EVERYTHING_ANEW)]
        assert source.entities() == ()
    documents = [each for each in delivered if isinstance(each, Document)]
    failures = [each for each in delivered if isinstance(each, Failure)]
    return {document.path: document for document in documents}, failures


async def test_entities_and_their_pages_become_documents(portal: FakeBackstage) -> None:
    documents, failures = await read(portal)
    assert failures == []
    assert {path: (each.source, each.title) for path, each in documents.items()} == {
        f"{SHOP}#entity": ("backstage/catalog", "Shop"),
        "group:default/team#entity": ("backstage/catalog", "team"),
        f"{SHOP}/": ("backstage/techdocs", "The shop"),
        f"{SHOP}/ops/runbook/": ("backstage/techdocs", "Restart"),
    }
    runbook = documents[f"{SHOP}/ops/runbook/"]
    assert (runbook.site_title, runbook.kind, runbook.modified_at) == (
        "Shop docs",
        "runbook",
        BUILT_AT,
    )
    assert runbook.url == "https://portal.example/docs/default/component/shop/ops/runbook/"
    assert documents[f"{SHOP}#entity"].sections[0].blocks[0].text == "Shop is a component."


async def test_the_crawl_is_slim_and_unordered(portal: FakeBackstage) -> None:
    await read(portal)
    crawls = [each for each in portal.requests if each.path.endswith("/by-query")]
    assert crawls
    for crawl in crawls:
        assert "orderField" not in str(crawl)
        assert "metadata.etag" in str(crawl)
        assert "spec" not in str(crawl)


async def test_an_entity_that_vanished_meanwhile_is_left_out(portal: FakeBackstage) -> None:
    body = json.dumps({"items": [None, None, None]}).encode()
    portal.answer("/api/catalog/entities/by-refs", body=body)
    assert await read(portal) == ({}, [])


async def test_docs_of_another_entity_are_read_once(portal: FakeBackstage) -> None:
    annotations = DOCUMENTED | {"backstage.io/techdocs-entity": SHOP}
    portal.put(make_json("component:eu/shop", annotations=annotations))
    documents, failures = await read(portal)
    assert failures == []
    assert [path for path in documents if path.startswith("component:eu/shop/")] == []


async def test_a_site_that_is_not_built_is_noted_and_no_failure(portal: FakeBackstage) -> None:
    portal.put(make_json("component:default/new", annotations=DOCUMENTED))
    async with opened(portal) as source:
        delivered = [each async for each in source.documents(EVERYTHING_ANEW)]
        notes = source.notes()
    assert not any(isinstance(each, Failure) for each in delivered)
    assert "1 " in notes[0]
    assert "component:default/new" in notes[0]


async def test_a_site_without_a_name_is_called_after_its_entity(portal: FakeBackstage) -> None:
    portal.sites[SHOP] = site(PAGES, name=None)
    documents, _ = await read(portal)
    assert documents[f"{SHOP}/"].site_title == "Shop"


async def test_a_missing_page_is_told_by_the_search_index(portal: FakeBackstage) -> None:
    built = site(PAGES)
    del built["ops/runbook/index.html"]
    portal.sites[SHOP] = built
    documents, failures = await read(portal)
    runbook = documents[f"{SHOP}/ops/runbook/"]
    assert failures == []
    assert runbook.title == "In nav"
    assert runbook.sections[0].blocks[0].text == "Indexed."


async def test_an_empty_page_is_told_by_the_search_index(portal: FakeBackstage) -> None:
    portal.sites[SHOP] = site({"": "<html><body></body></html>"})
    documents, _ = await read(portal)
    assert documents[f"{SHOP}/"].sections[0].title == "Part"


async def test_a_page_that_fails_is_reported_and_the_rest_is_read(portal: FakeBackstage) -> None:
    portal.answer(f"{STATIC}ops/", status=500)
    documents, [failure] = await read(portal)
    assert f"{SHOP}/" in documents
    assert (failure.scope, failure.is_outage) == (f"{SHOP}/ops/runbook/", True)


async def test_a_location_that_leads_out_of_the_site_is_reported(portal: FakeBackstage) -> None:
    portal.sites[SHOP] = site({"../other/": page("Other", "Text.")})
    documents, [failure] = await read(portal)
    assert f"{SHOP}#entity" in documents
    assert not failure.is_outage


@pytest.mark.parametrize(
    ("status", "body", "is_outage"),
    [(500, b"", True), (403, b"", True), (200, b"{not json", False), (200, b"[]", False)],
)
async def test_a_site_that_cannot_be_read_is_reported_as_a_whole(
    portal: FakeBackstage, status: int, body: bytes, is_outage: bool
) -> None:
    portal.answer("/api/techdocs/metadata/", status=status, body=body)
    documents, [failure] = await read(portal)
    assert len(documents) == 2
    assert (failure.scope, failure.is_outage) == (f"{SHOP}/", is_outage)


async def test_a_catalog_that_is_down_fails_the_source(portal: FakeBackstage) -> None:
    portal.answer("/api/catalog/", status=503)
    with pytest.raises(UpstreamError):
        await read(portal)


async def test_a_wrong_token_fails_the_source(portal: FakeBackstage) -> None:
    async with opened(portal, token="wrong") as source:
        with pytest.raises(AuthenticationError):
            [each async for each in source.documents(EVERYTHING_ANEW)]


async def test_a_token_that_may_read_nothing_fails_the_source(portal: FakeBackstage) -> None:
    portal.entities.clear()
    with pytest.raises(UpstreamError):
        await read(portal)


async def sweep(portal: FakeBackstage, asked: Asked) -> tuple[set[str], dict[str, Seen]]:
    """Read; gives the paths of what was delivered, and what was said of each scope."""
    portal.requests.clear()
    async with opened(portal) as source:
        delivered = [each async for each in source.documents(asked)]
    paths = {each.path for each in delivered if isinstance(each, Document)}
    seen = {each.scope: each for each in delivered if isinstance(each, Seen)}
    return paths, {scope: each for scope, each in seen.items() if each.mark != ABSENT}


def known_after(seen: Mapping[str, Seen]) -> Asked:
    return Asked(known={scope: each.mark for scope, each in seen.items()})


async def test_a_second_reading_fetches_nothing_but_what_tells_changes(
    portal: FakeBackstage,
) -> None:
    paths, seen = await sweep(portal, EVERYTHING_ANEW)
    assert len(paths) == 4
    again, kept = await sweep(portal, known_after(seen))
    assert again == set()
    assert kept.keys() == seen.keys()
    assert all(each.is_unchanged for each in kept.values())
    assert [request.path for request in portal.requests] == [
        "/api/catalog/entities/by-query",
        "/api/techdocs/metadata/techdocs/default/component/shop",
    ]


async def test_only_an_entity_with_another_etag_is_fetched(portal: FakeBackstage) -> None:
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    portal.put(make_json("group:default/team", spec={"type": "tribe"}))
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {"group:default/team#entity"}
    assert portal.asked("/api/catalog/entities/by-refs") == 1
    assert portal.asked("/api/techdocs/static/") == 0


async def governing(portal: FakeBackstage, asked: Asked) -> dict[str, Governing]:
    portal.requests.clear()
    async with opened(portal) as source:
        delivered = [each async for each in source.documents(asked)]
    return {str(each.ref): each for each in delivered if isinstance(each, Governing)}


async def test_every_entity_that_is_read_says_what_governs_with_it(portal: FakeBackstage) -> None:
    said = await governing(portal, EVERYTHING_ANEW)
    assert said.keys() == {SHOP, "group:default/team", "user:default/ann"}
    assert {
        "kind=component",
        "owner=group:default/team",
        "annotation:backstage.io/techdocs-ref=dir:.",
        "metadata:name=shop",
    } <= said[SHOP].predicates


async def test_sites_that_were_built_again_bring_their_unchanged_entities_at_once(
    portal: FakeBackstage,
) -> None:
    cart = "component:default/cart"
    portal.put(make_json(cart, annotations=DOCUMENTED))
    portal.sites[cart] = site(PAGES, name=None)
    first = await governing(portal, EVERYTHING_ANEW)
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    assert await governing(portal, known_after(seen)) == {}
    for ref in (SHOP, cart):
        metadata = {"site_name": None, "etag": "other"}
        portal.sites[ref] |= {"techdocs_metadata.json": json.dumps(metadata)}
    said = await governing(portal, known_after(seen))
    assert said == {ref: first[ref] for ref in (SHOP, cart)}
    assert portal.asked("/api/catalog/entities/by-refs") == 1


async def test_a_site_whose_entity_vanished_meanwhile_is_read_without_it(
    portal: FakeBackstage,
) -> None:
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    metadata = {"site_name": None, "etag": "other"}
    portal.sites[SHOP] |= {"techdocs_metadata.json": json.dumps(metadata)}
    portal.answer("/api/catalog/entities/by-refs", body=b'{"items": [null]}')
    assert await governing(portal, known_after(seen)) == {}
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {f"{SHOP}/", f"{SHOP}/ops/runbook/"}


async def test_only_a_site_that_was_built_again_is_fetched(portal: FakeBackstage) -> None:
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    metadata = {"site_name": None, "etag": "other"}
    built = site(PAGES) | {"techdocs_metadata.json": json.dumps(metadata)}
    portal.sites[SHOP] = built
    async with opened(portal) as source:
        delivered = [each async for each in source.documents(known_after(seen))]
    documents = [each for each in delivered if isinstance(each, Document)]
    assert {each.path for each in documents} == {f"{SHOP}/", f"{SHOP}/ops/runbook/"}
    assert documents[0].site_title == "Shop"


async def test_a_site_that_does_not_say_when_it_was_built_is_fetched_each_time(
    portal: FakeBackstage,
) -> None:
    portal.sites[SHOP] = site(PAGES, is_marked=False)
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {f"{SHOP}/", f"{SHOP}/ops/runbook/"}


@pytest.mark.parametrize("prefix", [f"{STATIC}ops/", f"{STATIC}search/", "/api/techdocs/metadata/"])
async def test_a_site_that_was_not_read_whole_is_read_again(
    portal: FakeBackstage, prefix: str
) -> None:
    portal.answer(prefix, status=500)
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    portal.mend()
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {f"{SHOP}/", f"{SHOP}/ops/runbook/"}


async def test_a_site_that_is_built_later_is_found(portal: FakeBackstage) -> None:
    built = portal.sites.pop(SHOP)
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    portal.sites[SHOP] = built
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {f"{SHOP}/", f"{SHOP}/ops/runbook/"}


async def test_a_site_is_not_forgotten_when_the_catalog_fails_after_its_entity(
    portal: FakeBackstage,
) -> None:
    many = [make_json(f"component:default/part-{number}") for number in range(ENTITIES_AT_ONCE)]
    for entity in many:
        portal.put(entity)
    seen: dict[str, Seen] = {}

    async def read_until_it_fails(source: BackstageSource) -> None:
        async for each in source.documents(EVERYTHING_ANEW):
            if isinstance(each, Seen):
                seen[each.scope] = each
                portal.answer("/api/catalog/entities/by-refs", status=400)

    async with opened(portal) as source:
        with pytest.raises(UpstreamError):
            await read_until_it_fails(source)
    portal.mend()
    assert (f"{SHOP}/" in seen) == (f"{SHOP}#" in seen)
    paths, _ = await sweep(portal, known_after(seen))
    assert {f"{SHOP}/", f"{SHOP}/ops/runbook/"} <= paths


async def test_a_new_title_is_taken_over_by_a_site_without_a_name(portal: FakeBackstage) -> None:
    portal.sites[SHOP] = site(PAGES, name=None)
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    portal.put(make_json("component:default/Shop", title="Store", annotations=DOCUMENTED))
    paths, _ = await sweep(portal, known_after(seen))
    assert paths == {f"{SHOP}#entity", f"{SHOP}/", f"{SHOP}/ops/runbook/"}


async def test_one_entity_is_read_with_its_site_and_without_a_crawl(portal: FakeBackstage) -> None:
    _, seen = await sweep(portal, EVERYTHING_ANEW)
    only = EntityRef.parse(SHOP)
    paths, _ = await sweep(portal, Asked(known=known_after(seen).known, only=only))
    assert paths == {f"{SHOP}#entity", f"{SHOP}/", f"{SHOP}/ops/runbook/"}
    assert portal.asked("/api/catalog/entities/by-query") == 0


async def test_one_entity_that_is_gone_is_no_failure(portal: FakeBackstage) -> None:
    only = EntityRef.parse("component:default/gone")
    assert await sweep(portal, Asked(known={}, only=only)) == (set(), {})


async def test_an_entity_of_any_depth_and_text_is_described() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    entities = [
        make_json("component:default/deep", spec={"x": deep}, description="a\0\u202eb"),
        make_json("component:default/turned\u202e"),
    ]
    with FakeBackstage(entities=entities) as backstage:
        documents, [failure] = await read(backstage)
    [document] = documents.values()
    clean, _ = without_secrets(document)
    assert clean.sections[0].blocks[0].text.endswith("is a component. ab.")
    assert failure.reason == "component:default/turned\\u202e#: no name that can be stored"


@pytest.mark.parametrize(
    "index", ["[" * 100_000, '{"docs": ' + "[" * 100_000 + "]" * 100_000 + "}"]
)
async def test_a_search_index_of_any_depth_is_a_failure_of_its_site(index: str) -> None:
    entities = [make_json("component:default/shop", annotations=DOCUMENTED)]
    files = site(PAGES) | {"search/search_index.json": index}
    with FakeBackstage(entities=entities, sites={SHOP: files}) as backstage:
        documents, [failure] = await read(backstage)
    assert list(documents) == [f"{SHOP}#entity"]
    assert failure.scope == f"{SHOP}/"
