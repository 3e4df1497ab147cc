"""The two ways in which a portal is seen: by a user's token, and in the files of this machine."""

from collections.abc import Iterator

import pytest

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import ONLY_CATALOG
from portal_rag.backstage.permission import PermissionClient
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.backstage_portal import MOST_LISTED, BackstagePortal
from portal_rag.clients.credentials import ForwardedToken, UserCache
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import CountedAmong, GateDecides, OnlyResources
from portal_rag.domain import Listing
from portal_rag.principals import PortalUser
from tests.factories import make_json
from tests.fakes.backstage import FakeBackstage
from tests.portal_rag.world import ENTITIES, PUBLIC

SHOP = EntityRef.parse("component:default/shop")
SCORER = EntityRef.parse("component:default/scorer")


@pytest.fixture
def backstage() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as portal:
        yield portal


class Ticking:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def user(backstage: FakeBackstage, name: str) -> PortalUser:
    ref = f"user:default/{name}"
    return PortalUser(user_ref=EntityRef.parse(ref), token=backstage.user_token(ref))


Listings = UserCache[Listing]


def view(
    transport: BackstageTransport, who: PortalUser, listings: Listings | None = None
) -> BackstagePortal:
    return BackstagePortal(
        ForwardedToken(who),
        catalog=CatalogClient(transport),
        permission=PermissionClient(transport),
        search=SearchClient(transport),
        document_permissions=ONLY_CATALOG,
        listings=listings or Listings(Ticking(), seconds=60.0),
        allowances=UserCache(Ticking(), seconds=30.0),
    )


async def test_the_gate_lets_pass_what_the_user_may_read(backstage: FakeBackstage) -> None:
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        seen = {
            name: await view(transport, user(backstage, name)).readable([SHOP, SCORER])
            for name in ("guest", "dave", "carol")
        }
    assert seen == {"guest": {SHOP}, "dave": {SHOP, SCORER}, "carol": {SHOP, SCORER}}


async def test_the_gate_lets_nothing_pass_that_is_not_there(backstage: FakeBackstage) -> None:
    backstage.remove(str(SCORER))
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        assert await view(transport, user(backstage, "carol")).readable([SHOP, SCORER]) == {SHOP}


async def test_the_gate_asks_each_time_and_for_nothing_not_at_all(backstage: FakeBackstage) -> None:
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        portal = view(transport, user(backstage, "carol"))
        assert await portal.readable([]) == frozenset()
        assert backstage.asked("/api/permission") == 0
        for times in (1, 2):
            await portal.readable([SHOP])
            assert backstage.asked("/api/permission") == times


async def test_a_listing_is_kept_for_a_minute_for_one_token_alone(backstage: FakeBackstage) -> None:
    timer = Ticking()
    listings = Listings(timer, seconds=60.0)
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        first = user(backstage, "dave")
        listed = await view(transport, first, listings).listing()
        assert SCORER in {entity.ref for entity in listed.entities}
        assert await view(transport, first, listings).listing() is listed
        guest = await view(transport, user(backstage, "guest"), listings).listing()
        assert SCORER not in {entity.ref for entity in guest.entities}
        other_token = PortalUser(user_ref=first.user_ref, token=user(backstage, "guest").token)
        narrower = await view(transport, other_token, listings).listing()
        assert SCORER not in {entity.ref for entity in narrower.entities}
        timer.now = 60.0
        assert await view(transport, first, listings).listing() is not listed


async def test_of_more_than_can_be_listed_words_are_counted_among_what_is_listed(
    backstage: FakeBackstage,
) -> None:
    for number in range(MOST_LISTED):
        backstage.put(make_json(f"component:default/part-{number}", labels=PUBLIC))
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        seen = await view(transport, user(backstage, "guest")).visibility()
    assert isinstance(seen, CountedAmong)
    assert seen.found == GateDecides()
    assert isinstance(seen.by, OnlyResources)
    assert len(seen.by.refs) == MOST_LISTED
    assert SCORER not in seen.by.refs


def test_only_so_many_listings_are_kept() -> None:
    listings = Listings(Ticking(), seconds=60.0)
    users = [
        ForwardedToken(PortalUser(user_ref=EntityRef("user", "default", f"u{n}"), token="t"))
        for n in range(501)
    ]
    for each in users:
        listings.put(each, Listing(entities=(), complete=True))
    assert listings.get(users[0]) is None
    assert listings.get(users[-1]) is not None


def test_a_token_never_shows_when_a_user_is_printed() -> None:
    assert "s3cret" not in repr(PortalUser(user_ref=SHOP, token="s3cret"))


async def test_files_are_read_anew_when_another_snapshot_is_published() -> None:
    snapshots = [[make_json("component:default/a", title="First")], [make_json("group:default/b")]]
    current = snapshots[0]
    portal = LocalPortal(lambda: current)
    (found,) = await portal.find(["first"])
    assert found.ref == EntityRef.parse("component:default/a")
    assert await portal.readable([found.ref, SHOP]) == {found.ref}
    current = snapshots[1]
    assert await portal.find(["A"]) == []
    assert [str(entity.ref) for entity in (await portal.listing()).entities] == ["group:default/b"]
