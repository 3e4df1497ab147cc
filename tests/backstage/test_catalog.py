import json
from collections.abc import AsyncIterator

import pytest

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError, NotFoundError, UpstreamError
from tests.backstage.conftest import ALICE, TLS
from tests.fakes.backstage import FakeBackstage, entity

BY_QUERY = "/api/catalog/entities/by-query"
BY_REFS = "/api/catalog/entities/by-refs"
SLIM = ("metadata.etag",)


@pytest.fixture
def catalog(transport: BackstageTransport) -> CatalogClient:
    return CatalogClient(transport)


@pytest.fixture
async def old_catalog(
    portal: FakeBackstage,
) -> AsyncIterator[tuple[FakeBackstage, CatalogClient, str]]:
    entities = portal.entities.values()
    with FakeBackstage(entities=entities, is_old=True) as old:
        async with BackstageTransport(old.url, deadline_seconds=5, verify=TLS) as transport:
            yield old, CatalogClient(transport), old.user_token(ALICE)


def ref(text: str) -> EntityRef:
    return EntityRef.parse(text)


async def test_references_are_asked_for_in_lower_case(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    found = await catalog.by_refs([EntityRef("Component", "Default", "Checkout")], token=token)
    assert [each.title for each in found.values()] == ["Checkout Service"]
    assert json.loads(portal.requests[0].body)["entityRefs"] == ["component:default/checkout"]


async def test_hidden_and_missing_entities_are_absent_alike(
    catalog: CatalogClient, token: str
) -> None:
    wanted = [ref(f"component:default/{name}") for name in ("fraudscorer", "nope", "cart")]
    assert set(await catalog.by_refs(wanted, token=token)) == {ref("component:default/cart")}


async def test_a_service_sees_everything(catalog: CatalogClient, portal: FakeBackstage) -> None:
    wanted = [ref("component:default/fraudscorer")]
    assert list(await catalog.by_refs(wanted, token=portal.service_token)) == wanted


async def test_without_references_nothing_is_asked(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    assert await catalog.by_refs([], token=token) == {}
    assert await catalog.named(["", "  "], token=token) == []
    assert portal.requests == []


async def test_many_references_are_asked_for_in_parts_that_fit(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    names = [f"{'long' * 14}-{number}" for number in range(1_500)]
    wanted = [ref(f"component:default/{name}") for name in names] + [ref("component:default/cart")]
    assert list(await catalog.by_refs(wanted, token=token, fields=SLIM)) == wanted[-1:]
    bodies = [request.body for request in portal.requests]
    assert len(bodies) == 2
    assert all(len(body) <= 92_000 for body in bodies)
    assert sum(len(json.loads(body)["entityRefs"]) for body in bodies) == len(wanted)


async def test_what_identifies_an_entity_comes_along_with_any_fields(
    catalog: CatalogClient, token: str
) -> None:
    found = await catalog.by_refs([ref("component:default/cart")], token=token, fields=[])
    assert [dict(each.json) for each in found.values()] == [
        {"kind": "Component", "metadata": {"namespace": "default", "name": "cart"}}
    ]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"items":null}', b'{"items":[]}', b'{"items":[null,null]}']
)
async def test_an_answer_without_one_item_for_each_reference_is_an_error(
    catalog: CatalogClient, token: str, portal: FakeBackstage, body: bytes
) -> None:
    portal.answer(BY_REFS, body=body)
    with pytest.raises(UpstreamError):
        await catalog.by_refs([ref("component:default/cart")], token=token)


async def test_an_entity_that_was_not_asked_for_is_not_taken(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    other = {"items": [entity("Component:default/FraudScorer")]}
    portal.answer(BY_REFS, body=json.dumps(other).encode())
    assert await catalog.by_refs([ref("component:default/cart")], token=token) == {}


async def test_a_crawl_goes_through_every_page_without_an_order(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    for number in range(7):
        portal.put(entity(f"API:default/api-{number}", is_public=True))
    found = [each async for each in catalog.crawl(token=token, fields=SLIM, limit=2)]
    assert {each.ref for each in found} == {
        ref(name) for name in portal.entities if name != "component:default/fraudscorer"
    }
    assert len(found) == 10
    assert len(portal.requests) == 5
    assert not any("order" in request.query for request in portal.requests)


async def test_a_page_tells_where_the_next_one_starts(catalog: CatalogClient, token: str) -> None:
    first = await catalog.page(token=token, fields=None, limit=2)
    assert first.next_cursor is not None
    second = await catalog.page(token=token, fields=None, limit=2, cursor=first.next_cursor)
    assert second.next_cursor is None
    assert len({each.ref for each in first.entities + second.entities}) == 3


async def test_filters_are_alternatives_of_conditions_that_all_hold(
    catalog: CatalogClient, portal: FakeBackstage
) -> None:
    filters = [{"kind": "component", "metadata.title": "CHECKOUT service"}, {"kind": "user"}]
    page = await catalog.page(token=portal.service_token, fields=SLIM, filters=filters)
    assert {each.ref for each in page.entities} == {
        ref("component:default/checkout"),
        ref("user:default/alice"),
    }


async def test_a_filter_holds_on_every_page(catalog: CatalogClient, portal: FakeBackstage) -> None:
    crawl = catalog.crawl(
        token=portal.service_token, fields=SLIM, limit=1, filters=[{"kind": "component"}]
    )
    assert sorted([each.name async for each in crawl]) == ["Checkout", "FraudScorer", "cart"]


@pytest.mark.parametrize("field", ["", "$not", "kind=api", "kind,metadata.name", " kind", "a b"])
async def test_a_filter_on_what_is_no_field_is_refused(
    catalog: CatalogClient, token: str, portal: FakeBackstage, field: str
) -> None:
    with pytest.raises(InputError):
        await catalog.page(token=token, fields=None, filters=[{field: "x"}])
    with pytest.raises(InputError):
        await catalog.page(token=token, fields=None, filters=[{}])
    assert portal.requests == []


async def test_an_older_portal_that_cannot_skip_counting_is_asked_without(
    old_catalog: tuple[FakeBackstage, CatalogClient, str],
) -> None:
    portal, catalog, token = old_catalog
    crawl = catalog.crawl(token=token, fields=SLIM, limit=2)
    assert len([each async for each in crawl]) == 3
    assert ["totalItems" in request.query for request in portal.requests] == [True, False, False]


async def test_a_bad_request_for_another_reason_stays_an_error(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    with pytest.raises(UpstreamError) as raised:
        await catalog.page(token=token, fields=None, cursor="!")
    assert raised.value.upstream_status == 400
    await catalog.page(token=token, fields=None)
    assert "totalItems=exclude" in portal.requests[-1].query


async def test_an_outage_is_not_taken_for_an_older_portal(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(BY_QUERY, status=503)
    with pytest.raises(UpstreamError):
        await catalog.page(token=token, fields=None)
    assert all("totalItems=exclude" in request.query for request in portal.requests)


async def test_paging_in_circles_is_an_error(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(BY_QUERY, body=b'{"items":[],"pageInfo":{"nextCursor":"again"}}')
    with pytest.raises(UpstreamError):
        _ = [each async for each in catalog.crawl(token=token, fields=None)]
    assert len(portal.requests) == 2


@pytest.mark.parametrize(
    "body", [b"{}", b"7", b'{"items":[]}', b'{"items":[],"pageInfo":{"nextCursor":7}}']
)
async def test_a_page_that_does_not_say_whether_there_is_more_is_an_error(
    catalog: CatalogClient, token: str, portal: FakeBackstage, body: bytes
) -> None:
    portal.answer(BY_QUERY, body=body)
    with pytest.raises(UpstreamError):
        await catalog.page(token=token, fields=None)


async def test_what_is_no_entity_is_left_out_of_a_page(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(BY_QUERY, body=b'{"items":[{"kind":"API"},null],"pageInfo":{}}')
    assert (await catalog.page(token=token, fields=None)).entities == ()


@pytest.mark.parametrize(
    "name", ["checkout", "CHECKOUT", " Checkout ", "checkout service", "CHECKOUT SERVICE"]
)
async def test_an_entity_is_found_by_name_or_title_in_any_case(
    catalog: CatalogClient, token: str, name: str
) -> None:
    found = await catalog.named([name], token=token)
    assert [each.ref for each in found] == [ref("component:default/checkout")]


async def test_an_entity_that_fits_twice_is_found_once(catalog: CatalogClient, token: str) -> None:
    found = await catalog.named(["checkout", "Checkout Service", "cart"], token=token, fields=SLIM)
    assert sorted(each.name for each in found) == ["Checkout", "cart"]


async def test_a_name_is_found_in_every_namespace(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    portal.put(entity("Component:eu/cart", is_public=True))
    found = await catalog.named(["cart"], token=token)
    assert {each.namespace for each in found} == {"default", "eu"}


async def test_a_hidden_name_is_not_found(catalog: CatalogClient, token: str) -> None:
    assert await catalog.named(["FraudScorer", "nope"], token=token) == []


async def test_a_title_with_a_comma_is_found_too(catalog: CatalogClient, token: str) -> None:
    found = await catalog.named(["cart, THE one", "nope"], token=token, fields=SLIM)
    assert [each.name for each in found] == ["cart"]
    assert len(await catalog.named(["cart, the one"], token=token)) == 1


async def test_a_comma_in_a_name_adds_no_condition(catalog: CatalogClient, token: str) -> None:
    assert await catalog.named(["x,kind=component", "cart,kind=component"], token=token) == []


async def test_an_older_portal_is_not_asked_for_commas_but_for_the_rest(
    old_catalog: tuple[FakeBackstage, CatalogClient, str],
) -> None:
    _, catalog, token = old_catalog
    found = await catalog.named(["Cart, the one", "Checkout"], token=token)
    assert [each.name for each in found] == ["Checkout"]
    with pytest.raises(NotFoundError):
        await catalog.page(token=token, fields=None, filters=[{"metadata.title": "a, b"}])


async def test_a_name_with_control_characters_is_not_asked_for(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    assert await catalog.named(["a\x00b", "a\nb", "\ud800"], token=token) == []
    assert portal.requests == []


async def test_many_names_are_asked_for_in_addresses_that_fit(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    names = [f"naïve & {'long' * 10} {number}" for number in range(200)]
    found = await catalog.named([*names, "cart"], token=token)
    assert [each.name for each in found] == ["cart"]
    assert max(len(request.query) for request in portal.requests) < 6_000


async def test_two_users_do_not_see_each_others_entities(
    catalog: CatalogClient, portal: FakeBackstage
) -> None:
    bob = portal.user_token("user:default/bob")
    alice = portal.user_token(ALICE)
    seen = [
        {each.name async for each in catalog.crawl(token=token, fields=None)}
        for token in (alice, bob)
    ]
    assert seen == [{"alice", "cart", "Checkout"}, {"alice", "cart"}]


async def test_one_of_several_values_of_a_field_is_enough(
    catalog: CatalogClient, token: str, portal: FakeBackstage
) -> None:
    for values, method in ((("checkout", "cart"), "GET"), (("checkout", "a,b", "cart"), "POST")):
        page = await catalog.page(
            token=token, fields=SLIM, filters=[{"kind": "component", "metadata.name": values}]
        )
        assert {each.ref.name for each in page.entities} == {"checkout", "cart"}
        assert portal.requests[-1].method == method


async def test_a_filter_without_any_value_is_refused(catalog: CatalogClient, token: str) -> None:
    with pytest.raises(InputError, match="filter is empty"):
        await catalog.page(token=token, fields=SLIM, filters=[{"kind": ()}])
