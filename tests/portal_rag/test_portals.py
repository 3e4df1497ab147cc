"""The two ways in which a portal is seen: by a user's token, and in the files of this machine."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import ONLY_CATALOG
from portal_rag.backstage.permission import PermissionClient
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.backstage_portal import MOST_LISTED, MOST_SCANNED, BackstagePortal
from portal_rag.clients.credentials import ForwardedToken, UserCache
from portal_rag.clients.local_portal import LocalPortal
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import CountedAmong, GateDecides, OnlyResources
from portal_rag.domain import Listing, Selection
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
    transport: BackstageTransport,
    who: PortalUser,
    listings: Listings | None = None,
    most_scanned: int = MOST_SCANNED,
) -> BackstagePortal:
    return BackstagePortal(
        ForwardedToken(who),
        catalog=CatalogClient(transport),
        permission=PermissionClient(transport),
        search=SearchClient(transport),
        document_permissions=ONLY_CATALOG,
        listings=listings or Listings(Ticking(), seconds=60.0),
        allowances=UserCache(Ticking(), seconds=30.0),
        most_scanned=most_scanned,
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


TEAM = ("group:default/team-web", "group:default/team-risk")
WHOLES = ("system:default/retail", "domain:default/trade")


def drawn_entities() -> st.SearchStrategy[list[dict[str, object]]]:
    """Draw entities whose fields have few values, so that selections hit and miss."""
    one = st.builds(
        make_json,
        st.builds(
            "{}:default/{}".format,
            st.sampled_from(["component", "api", "resource"]),
            st.sampled_from(["a", "b", "c", "d", "e"]),
        ),
        spec=st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["service", "Library"]),
                "lifecycle": st.sampled_from(["production", "Deprecated"]),
            },
        ),
        relations=st.fixed_dictionaries(
            {},
            optional={
                "ownedBy": st.lists(st.sampled_from(TEAM), max_size=2),
                "partOf": st.lists(st.sampled_from(WHOLES), max_size=2),
            },
        ),
        tags=st.lists(st.sampled_from(["go", "java", "a,b"]), max_size=2),
        labels=st.sampled_from([PUBLIC, {}]),
        annotations=st.sampled_from([{}, {"backstage.io/techdocs-ref": "dir:."}]),
    )
    return st.lists(
        one, max_size=6, unique_by=lambda each: (each["kind"], each["metadata"]["name"])
    )


def drawn_selections() -> st.SearchStrategy[Selection]:
    def some(*values: object) -> st.SearchStrategy[frozenset[object]]:
        return st.frozensets(st.sampled_from(values), max_size=2)

    refs = {ref: EntityRef.parse(ref) for ref in (*TEAM, *WHOLES)}
    return st.builds(
        Selection,
        kinds=some("component", "api"),
        types=some("service", "library"),
        lifecycles=some("production", "deprecated"),
        tags=some("go", "a,b", "\x00"),
        owners=some(refs[TEAM[0]], refs[TEAM[1]]),
        systems=some(refs[WHOLES[0]]),
        domains=some(refs[WHOLES[1]]),
        without_owner=st.booleans(),
        without_docs=st.booleans(),
    )


def plainly_selected(entities: list[dict[str, Any]], wanted: Selection) -> list[str]:
    """Select by reading the JSON, one condition after the other."""
    found = []
    for each in entities:
        metadata, spec = each["metadata"], each["spec"]
        ends = [(relation["type"], relation["targetRef"]) for relation in each["relations"]]
        owners = [end for kind, end in ends if kind == "ownedBy"]
        wholes = [end for kind, end in ends if kind == "partOf"]
        pairs = [
            ([each["kind"].lower()], wanted.kinds),
            ([spec.get("type", "").lower()], wanted.types),
            ([spec.get("lifecycle", "").lower()], wanted.lifecycles),
            (metadata["tags"], wanted.tags),
            (owners, wanted.owners),
            (wholes, wanted.systems),
            (wholes, wanted.domains),
        ]
        if any(values and not {*map(str, values)} & {*got} for got, values in pairs):
            continue
        if (wanted.without_owner and owners) or (wanted.without_docs and metadata["annotations"]):
            continue
        found.append(f"{each['kind'].lower()}:default/{metadata['name']}")
    return sorted(found) if wanted != Selection() else []


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_selection_finds_the_same_in_files_as_whoever_reads_each_entity(
    data: st.DataObject,
) -> None:
    entities, wanted = data.draw(drawn_entities()), data.draw(drawn_selections())
    found = anyio.run(partial(LocalPortal(lambda: entities).matching, wanted, most=100))
    assert [str(each.ref) for each in found.entities] == plainly_selected(entities, wanted)
    assert found.complete


@pytest.fixture(scope="module")
def shared_backstage() -> Iterator[FakeBackstage]:
    with FakeBackstage() as portal:
        yield portal


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_backstage_is_asked_for_what_is_selected_with_the_rights_of_the_asker(
    shared_backstage: FakeBackstage, data: st.DataObject
) -> None:
    entities, wanted = data.draw(drawn_entities()), data.draw(drawn_selections())
    shared_backstage.entities.clear()
    for each in entities:
        shared_backstage.put(each)
    shown = [each for each in entities if each["metadata"]["labels"]]

    async def matching() -> Listing:
        async with BackstageTransport(shared_backstage.url, deadline_seconds=20) as transport:
            portal = view(transport, user(shared_backstage, "guest"))
            return await portal.matching(wanted, most=100)

    found = anyio.run(matching)
    assert [str(each.ref) for each in found.entities] == plainly_selected(shown, wanted)


async def test_nothing_selected_finds_nothing_and_asks_nobody(backstage: FakeBackstage) -> None:
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        found = await view(transport, user(backstage, "carol")).matching(Selection(), most=5)
    assert found == Listing(entities=(), complete=True)
    assert backstage.requests == []


async def test_of_more_than_is_wanted_the_first_by_reference_are_given(
    backstage: FakeBackstage,
) -> None:
    wanted = Selection(kinds=frozenset({"component"}))
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        portal = view(transport, user(backstage, "carol"))
        some = await portal.matching(wanted, most=2)
        exactly = await portal.matching(wanted, most=3)
    assert [each.ref.name for each in some.entities] == ["basket", "scorer"]
    assert not some.complete
    assert exactly.complete


async def test_a_portal_is_read_only_so_far(backstage: FakeBackstage) -> None:
    wanted = Selection(kinds=frozenset({"component"}))
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        carol = user(backstage, "carol")
        some = await view(transport, carol, most_scanned=2).matching(wanted, most=5)
        everything = await view(transport, carol, most_scanned=3).matching(wanted, most=5)
    assert (len(some.entities), some.complete) == (2, False)
    assert (len(everything.entities), everything.complete) == (3, True)


async def test_more_values_than_an_address_holds_are_compared_by_the_reader(
    backstage: FakeBackstage,
) -> None:
    owners = [EntityRef("group", "default", f"team-{number}") for number in range(300)]
    wanted = Selection(owners=frozenset({*owners, EntityRef.parse("group:default/team-risk")}))
    async with BackstageTransport(backstage.url, deadline_seconds=5) as transport:
        found = await view(transport, user(backstage, "carol")).matching(wanted, most=5)
    assert [each.ref for each in found.entities] == [SCORER]
    assert "filter" not in backstage.requests[-1].query
