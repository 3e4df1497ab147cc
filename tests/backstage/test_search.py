import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.backstage.search import (
    LONGEST_TERM,
    MOST_TEXT,
    SearchClient,
    SearchHit,
    cut_term,
    parse_hit,
)
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import (
    AuthenticationError,
    NotAllowedError,
    NotFoundError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from tests.backstage.conftest import TLS
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_search import SearchIndex, described, page

QUERY = "/api/search/query"
CART = EntityRef.parse("component:default/cart")
DOCUMENT = {"title": "Runbook", "text": "Restart it", "location": "/docs/default/component/cart/"}


@pytest.fixture
def index(portal: FakeBackstage) -> SearchIndex:
    """Give the portal a Search over two readable documents and a hidden one."""
    assert portal.search
    portal.search.documents = [
        page("component:default/cart", "runbook/#restart", "Restart the cart", title="Restart"),
        described("Component:default/cart", "Sells in a cart"),
        page("component:default/fraudscorer", "", "Restart the scorer", title="Scorer"),
    ]
    return portal.search


@pytest.fixture
def search(transport: BackstageTransport) -> SearchClient:
    return SearchClient(transport)


@pytest.mark.usefixtures("index")
async def test_hits_are_what_the_owner_of_the_token_may_see(
    search: SearchClient, token: str
) -> None:
    assert await search.query("restart", token=token) == (
        SearchHit(
            type="techdocs",
            title="Restart",
            site_title="cart",
            text="Restart the cart",
            location="/docs/default/component/cart/runbook/#restart",
            entity_ref=CART,
        ),
    )


@pytest.mark.usefixtures("index")
async def test_an_entity_without_a_name_is_known_by_its_page(
    search: SearchClient, token: str
) -> None:
    (hit,) = await search.query("sells", token=token)
    assert (hit.type, hit.entity_ref) == ("software-catalog", CART)


@pytest.mark.usefixtures("index")
async def test_only_some_types_and_only_so_many_are_asked_for(
    search: SearchClient, token: str, portal: FakeBackstage
) -> None:
    found = await search.query("cart", token=token, types=("software-catalog",), most=7)
    assert [hit.type for hit in found] == ["software-catalog"]
    assert "pageLimit=7" in portal.requests[-1].query
    assert len(await search.query("cart", token=token, most=1)) == 1
    assert len(await search.query("cart", token=token, most=5_000)) == 2


@pytest.mark.usefixtures("index")
async def test_a_long_question_is_cut_behind_a_word_and_no_word_is_not_asked(
    search: SearchClient, token: str, portal: FakeBackstage
) -> None:
    assert await search.query("restart " + "and more " * 200, token=token)
    assert await search.query("  \ud800 ", token=token) == ()
    assert await search.query("x" * 101, token=token) == ()
    assert portal.asked(QUERY) == 1


@given(st.text(max_size=300))
def test_whatever_is_asked_for_is_as_short_as_backstage_takes_it(text: str) -> None:
    cut = cut_term(text)
    assert len(cut.encode("utf-16-le")) // 2 <= LONGEST_TERM
    assert cut.split() == text.encode("utf-8", "ignore").decode().split()[: len(cut.split())]


async def test_without_search_nothing_is_there(
    token: str, search: SearchClient, portal: FakeBackstage
) -> None:
    portal.answer(QUERY, status=404)
    with pytest.raises(NotFoundError):
        await search.query("cart", token=token)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UpstreamError),
        (401, AuthenticationError),
        (403, NotAllowedError),
        (500, UpstreamError),
    ],
)
async def test_failures_are_told_as_those_of_other_plugins(
    token: str,
    search: SearchClient,
    portal: FakeBackstage,
    status: int,
    error: type[PortalRagError],
) -> None:
    portal.answer(QUERY, status=status, body=b"secret words")
    with pytest.raises(error) as raised:
        await search.query("cart", token=token)
    assert "secret" not in str(raised.value)


@pytest.mark.usefixtures("index")
async def test_a_search_that_does_not_answer_in_time_is_given_up(
    token: str, portal: FakeBackstage
) -> None:
    held = portal.hold(QUERY)
    async with BackstageTransport(portal.url, deadline_seconds=0.2, verify=TLS) as hasty:
        with pytest.raises(UpstreamTimeoutError):
            await SearchClient(hasty).query("cart", token=token)
    held.release()


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"results": {}}', b'{"results": null}', b"no"])
async def test_an_answer_without_results_is_a_failure(
    token: str, search: SearchClient, portal: FakeBackstage, body: bytes
) -> None:
    portal.answer(QUERY, body=body)
    with pytest.raises(UpstreamError):
        await search.query("cart", token=token)


async def test_an_answer_that_is_too_large_is_a_failure(
    token: str, search: SearchClient, portal: FakeBackstage
) -> None:
    portal.answer_at_length(QUERY, size=21_000_000)
    with pytest.raises(UpstreamError, match="larger than"):
        await search.query("cart", token=token)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "hit",
        {"type": "techdocs"},
        {"type": None, "document": DOCUMENT},
        {"type": "techdocs", "document": "text"},
        *({"type": "techdocs", "document": DOCUMENT | {key: 7}} for key in DOCUMENT),
        *(
            {"type": "techdocs", "document": {k: v for k, v in DOCUMENT.items() if k != key}}
            for key in DOCUMENT
        ),
    ],
)
async def test_malformed_hits_are_left_out_and_the_others_stay(
    token: str, search: SearchClient, portal: FakeBackstage, result: Any
) -> None:
    good = {"type": "techdocs", "document": DOCUMENT}
    portal.answer(QUERY, body=json.dumps({"results": [result, good]}).encode())
    (hit,) = await search.query("cart", token=token)
    assert hit.title == "Runbook"


def parsed(**document: Any) -> SearchHit:
    hit = parse_hit({"type": "any", "document": DOCUMENT | document})
    assert hit
    return hit


@pytest.mark.parametrize(
    ("document", "ref"),
    [
        ({"kind": "API", "name": "Pay"}, "api:default/pay"),
        ({"kind": "API", "name": "Pay", "namespace": "shop"}, "api:shop/pay"),
        ({"kind": "API", "name": "not a name", "location": "/docs/default/api/pay"}, None),
        ({"kind": "API", "location": "/catalog/shop/API/Pay"}, "api:shop/pay"),
        ({"location": "https://portal.example/x/docs/default/api/pay/a/b?c#d"}, "api:default/pay"),
        ({"location": "/catalog/default/api"}, None),
        ({"location": "/tools/1"}, None),
        ({"location": "http://[broken/docs/a/b/c"}, None),
        ({"location": "/docs/a%20b/c/d"}, None),
        ({"location": ""}, None),
        ({"location": "/tools/1", "kind": 7, "name": 8}, None),
    ],
)
def test_the_entity_is_read_from_fields_or_page_or_is_unknown(
    document: Any, ref: str | None
) -> None:
    assert parsed(**document).entity_ref == (ref and EntityRef.parse(ref))


def test_texts_are_plain_and_not_without_end() -> None:
    html = "Steps ¶ <p class='x'>Restart <code>List<T></code></p><br/> a < b > c"
    assert parsed(text=html).text.split() == "Steps Restart List<T> a < b > c".split()
    assert len(parsed(text="<p " * MOST_TEXT).text) == MOST_TEXT
