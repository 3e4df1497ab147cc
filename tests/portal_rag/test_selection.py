import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Selection
from portal_rag.understanding.naming import Naming, Wanted
from portal_rag.understanding.selection import Chosen, read_selection
from portal_rag.understanding.vocabulary import Vocabularies
from portal_rag.understanding.words import unread_words
from tests.factories import make_entity
from tests.fakes.portal import FakePortal

WEB = make_entity("group:default/team-web", title="Web Team")
RETAIL = make_entity("domain:default/retail")
TILLS = make_entity("system:default/tills")
WORLD = (
    make_entity(
        "component:default/cart",
        tags=["go", "tier-1", "Java"],
        spec={"type": "service", "lifecycle": "production"},
    ),
    make_entity("component:default/site", spec={"type": "website", "lifecycle": "beta"}),
    make_entity("resource:default/rabbit", spec={"type": "message-broker"}),
    make_entity("api:default/cart-api", spec={"type": "graphql"}),
    WEB,
    RETAIL,
    TILLS,
)
LISTED_BY = Wanted(kinds=frozenset({"group", "user", "system", "domain"}), is_loose=False)
SERVICE = {"kinds": frozenset({"component"}), "types": frozenset({"service"})}


async def chosen(text: str, *, complete: bool = True) -> Chosen:
    naming = await Naming.of(FakePortal(WORLD, complete=complete), Vocabularies())
    named = await naming.named(text, LISTED_BY)
    return read_selection(text, naming.listing.entities if complete else (), named)


def one(*values: str) -> frozenset[str]:
    return frozenset(values)


def ref(text: str) -> frozenset[EntityRef]:
    return frozenset({EntityRef.parse(text)})


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("list all services", Selection(**SERVICE)),
        ("how many microservices do we have", Selection(**SERVICE)),
        ("total number of APIs", Selection(kinds=one("api"))),
        ("our graphql apis?", Selection(kinds=one("api"), types=one("graphql"))),
        ("which teams are there", Selection(kinds=one("group"))),
        ("what templates are there?", Selection(kinds=one("template"))),
        ("message brokers", Selection(kinds=one("resource"), types=one("message-broker"))),
        ("list the caches", Selection(kinds=one("resource"), types=one("cache"))),
        ("components of type website", Selection(kinds=one("component"), types=one("website"))),
        ("production services", Selection(**SERVICE, lifecycles=one("production"))),
        ("retired services", Selection(**SERVICE, lifecycles=one("deprecated"))),
        ("beta services", Selection(**SERVICE, lifecycles=one("beta"))),
        ("services written in Go", Selection(**SERVICE, tags=one("go"))),
        ("go services", Selection(**SERVICE, tags=one("go"))),
        ("java services tagged tier-1", Selection(**SERVICE, tags=one("java", "tier-1"))),
        ("tier 1 services", Selection(**SERVICE, tags=one("tier-1"))),
        ("anything tagged pci?", Selection(tags=one("pci"))),
        ("do we have any elixir services", Selection(**SERVICE, tags=one("elixir"))),
        ("services written in rust", Selection(**SERVICE, tags=one("rust"))),
        (
            "services owned by team-web",
            Selection(**SERVICE, owners=ref("group:default/team-web")),
        ),
        ("the web team's services", Selection(**SERVICE, owners=ref("group:default/team-web"))),
        (
            "systems of the retail domain",
            Selection(kinds=one("system"), domains=ref("domain:default/retail")),
        ),
        ("services in the tills system", Selection(**SERVICE, systems=ref("system:default/tills"))),
        ("services without an owner", Selection(**SERVICE, without_owner=True)),
        ("unowned services", Selection(**SERVICE, without_owner=True)),
        ("services that don't have a runbook", Selection(**SERVICE, without_docs=True)),
        ("which services have no docs", Selection(**SERVICE, without_docs=True)),
        ("hello", Selection()),
    ],
)
async def test_a_list_is_asked_for_in_words(text: str, selection: Selection) -> None:
    found = await chosen(text)
    assert (found.selection, found.unknown) == (selection, None)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("services owned by ghosts", "ghosts"),
        ("services of the ghost team", "ghost"),
        ("services of team-ghost", None),
        ("services in the ghost system", "ghost"),
        ("services of my team", None),
        ("which team's services", None),
    ],
)
async def test_a_team_or_system_that_is_not_there_is_unknown(
    text: str, unknown: str | None
) -> None:
    assert (await chosen(text)).unknown == unknown


async def test_words_that_select_nothing_stay_unread() -> None:
    text = "Which Java services are quick?"
    assert unread_words(text, (await chosen(text)).read) == ("quick",)


async def test_in_a_portal_too_large_to_list_words_mean_what_they_usually_do() -> None:
    found = await chosen("production services tagged pci", complete=False)
    assert found.selection == Selection(**SERVICE, lifecycles=one("production"), tags=one("pci"))


@settings(deadline=None, max_examples=40)
@given(st.text(st.sampled_from("ago -s./'?in"), max_size=300))
async def test_any_text_can_be_read(text: str) -> None:
    for start, end in (await chosen(text)).read:
        assert 0 <= start < end <= len(text)
