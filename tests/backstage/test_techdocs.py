import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.backstage.techdocs import IndexedSection, SiteMetadata, TechDocsClient, file_of
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError, NotAllowedError, NotFoundError, UpstreamError
from tests.backstage.conftest import SITE
from tests.fakes.backstage import FakeBackstage, entity

CHECKOUT = EntityRef("Component", "Default", "Checkout")
HIDDEN = EntityRef.parse("component:default/fraudscorer")
METADATA = "/api/techdocs/metadata"
STATIC = "/api/techdocs/static"


@pytest.fixture
def techdocs(transport: BackstageTransport) -> TechDocsClient:
    return TechDocsClient(transport)


async def test_the_metadata_of_a_site_are_read(techdocs: TechDocsClient, token: str) -> None:
    assert await techdocs.metadata(CHECKOUT, token=token) == SiteMetadata(
        site_name="Checkout docs",
        site_description=None,
        etag=None,
        built_at=datetime(2026, 1, 1, tzinfo=UTC),
        files=(),
    )


@pytest.mark.parametrize(
    ("timestamp", "built_at"),
    [
        (1767225600500, datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("1767225600000", None),
        (True, None),
        (None, None),
        (1e300, None),
        (float("nan"), None),
        (10**30, None),
    ],
)
async def test_everything_about_a_site_is_optional(
    techdocs: TechDocsClient,
    token: str,
    portal: FakeBackstage,
    timestamp: Any,
    built_at: datetime | None,
) -> None:
    json_object = {"build_timestamp": timestamp, "etag": 7, "files": ["a", 7], "site_name": None}
    portal.answer(METADATA, body=json.dumps(json_object).encode())
    found = await techdocs.metadata(CHECKOUT, token=token)
    assert (found.site_name, found.etag, found.files) == (None, None, ("a",))
    assert found.built_at == built_at


async def test_metadata_that_are_no_object_are_an_error(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(METADATA, body=b"[]")
    with pytest.raises(UpstreamError):
        await techdocs.metadata(CHECKOUT, token=token)


async def test_hidden_missing_and_unbuilt_sites_look_the_same(
    techdocs: TechDocsClient, token: str
) -> None:
    messages = set()
    for ref in (HIDDEN, EntityRef.parse("component:default/cart"), EntityRef("a", "b", "c")):
        with pytest.raises(NotFoundError) as raised:
            await techdocs.metadata(ref, token=token)
        messages.add(raised.value.message)
        with pytest.raises(NotFoundError):
            await techdocs.page(ref, "", token)
        with pytest.raises(NotFoundError):
            await techdocs.search_index(ref, token)
    assert len(messages) == 1
    assert "/srv" not in messages.pop()


async def test_the_files_are_not_found_under_an_entity_that_only_points_to_them(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage
) -> None:
    annotations = {"backstage.io/techdocs-entity": "component:default/checkout"}
    portal.put(entity("Component:eu/checkout", is_public=True, annotations=annotations))
    with pytest.raises(NotFoundError):
        await techdocs.page(EntityRef.parse("component:eu/checkout"), "", token)


async def test_a_token_that_cannot_be_delegated_is_not_enough(
    techdocs: TechDocsClient, portal: FakeBackstage
) -> None:
    with pytest.raises(NotAllowedError):
        await techdocs.metadata(CHECKOUT, token=portal.tokens.restricted_token)


async def test_sections_are_read_with_whatever_they_have(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage
) -> None:
    docs = [
        {"location": "", "title": "Home", "text": "All of it", "tags": ["a", 7]},
        {"location": "#slo", "title": 7, "text": None, "boost": 2},
        {"title": "nowhere"},
        {"location": 7},
        "text",
    ]
    index = json.dumps({"config": {}, "docs": docs})
    portal.sites["component:default/checkout"] = {**SITE, "search/search_index.json": index}
    assert await techdocs.search_index(CHECKOUT, token) == (
        IndexedSection(location="", title="Home", text="All of it", tags=("a",)),
        IndexedSection(location="#slo", title="", text="", tags=()),
    )


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"docs":{}}'])
async def test_an_index_without_a_list_is_an_error(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage, body: bytes
) -> None:
    portal.answer(STATIC, body=body)
    with pytest.raises(UpstreamError):
        await techdocs.search_index(CHECKOUT, token)


@pytest.mark.parametrize(
    ("location", "html"),
    [
        ("", "<p>Checkout</p>"),
        ("#slo", "<p>Checkout</p>"),
        ("ops/run%20book/", "<p>Restart it</p>"),
        ("ops/run book", "<p>Restart it</p>"),
        ("ops/run%20book/#restart", "<p>Restart it</p>"),
        ("flat.html#a", "<p>Flat</p>"),
    ],
)
async def test_a_page_is_read_by_its_location(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage, location: str, html: str
) -> None:
    assert await techdocs.page(CHECKOUT, location, token) == html
    assert portal.requests[0].path.startswith(
        "/api/techdocs/static/docs/default/component/checkout/"
    )


async def test_a_page_that_is_too_large_is_refused(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(STATIC, body=b" " * 5_000_001)
    with pytest.raises(UpstreamError):
        await techdocs.page(CHECKOUT, "", token)


@pytest.mark.parametrize(
    "location",
    [
        "../fraudscorer/",
        "a/../../b/",
        "%2e%2e/fraudscorer/",
        "a/%2E%2E/b",
        "..%2ffraudscorer/",
        "..\\x",
        "a%5c..%5cb",
        "/etc/",
        "//host/x/",
        "a//b/",
        "./a/",
        "https://host/x/",
        "file:x/",
        "javascript:alert(1)",
        "a%00b/",
        "a%0d%0ab/",
    ],
)
async def test_a_location_that_leads_elsewhere_is_not_asked_for(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage, location: str
) -> None:
    with pytest.raises(InputError):
        await techdocs.page(CHECKOUT, location, token)
    assert portal.requests == []


@pytest.mark.parametrize("name", ["..", "."])
async def test_an_entity_whose_name_is_a_path_trick_is_not_asked_for(
    techdocs: TechDocsClient, token: str, portal: FakeBackstage, name: str
) -> None:
    with pytest.raises(InputError):
        await techdocs.metadata(EntityRef("component", "default", name), token=token)
    assert portal.requests == []


@given(st.text(alphabet="ab./\\%2eEfF#:?\x00 ", max_size=15))
def test_no_location_leaves_its_site(location: str) -> None:
    try:
        segments = file_of(location)
    except InputError:
        return
    assert segments[-1].endswith(".html")
    assert not any({"/", "\\", "\x00"} & set(segment) for segment in segments)
    assert not {"", ".", ".."} & set(segments)
