"""A portal with a public, an owned and a hidden component, and the transport to it."""

import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from portal_rag.backstage.jwks import JwksCache
from portal_rag.backstage.tokens import TokenVerifier
from portal_rag.backstage.transport import BackstageTransport
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage, entity
from tests.fakes.backstage_search import SearchIndex

TLS = ssl.create_default_context()  # slow to make, and not used on loopback
ALICE = "user:default/alice"
CALLER = "mcp-actions"
OWN_ID = "portal-rag"
PAYMENTS = "group:default/team-payments"
SITE = {
    "index.html": "<p>Checkout</p>",
    "ops/run book/index.html": "<p>Restart it</p>",
    "flat.html": "<p>Flat</p>",
    "techdocs_metadata.json": '{"site_name": "Checkout docs", "build_timestamp": 1767225600000}',
    "search/search_index.json": '{"docs": []}',
}


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def portal(clock: Ticking) -> Iterator[FakeBackstage]:
    entities = [
        entity("User:default/alice", is_public=True, relations={"memberOf": [PAYMENTS]}),
        entity("Component:default/cart", title="Cart, the one", is_public=True),
        entity("Component:default/Checkout", title="Checkout Service", owner=PAYMENTS),
        entity("Component:default/FraudScorer", owner="group:default/team-risk"),
    ]
    sites = {"component:default/checkout": SITE, "component:default/fraudscorer": SITE}
    with FakeBackstage(entities=entities, sites=sites, clock=clock, search=SearchIndex()) as portal:
        yield portal


@pytest.fixture
def token(portal: FakeBackstage) -> str:
    """What alice sends."""
    return portal.user_token(ALICE)


@pytest.fixture
async def transport(portal: FakeBackstage) -> AsyncIterator[BackstageTransport]:
    async with BackstageTransport(portal.url, deadline_seconds=5, verify=TLS) as transport:
        yield transport


@pytest.fixture
def verifier(transport: BackstageTransport, clock: Ticking) -> TokenVerifier:
    return TokenVerifier(
        jwks=JwksCache(transport, timer=clock),
        clock=clock.now,
        own_plugin_id=OWN_ID,
        allowed_callers=frozenset({CALLER}),
    )
