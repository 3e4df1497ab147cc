import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Listing
from portal_rag.understanding.naming import Named, Naming, Wanted
from portal_rag.understanding.slips import misspelled, nearest, slips_between
from portal_rag.understanding.vocabulary import ALIASES, Vocabularies, Vocabulary
from portal_rag.understanding.words import is_identifier, names_nothing, stem, words_of
from tests.factories import make_entity
from tests.fakes.portal import FakePortal

GATEWAY = make_entity("component:default/pay-gateway", title="Payment Gateway")
PAY_API = make_entity("api:default/pay-api")
LIBRARY = make_entity(
    "component:default/plib", title="Pay Client Library", spec={"type": "library"}
)
TILL = make_entity("component:default/till-service", spec={"type": "service"})
BROKER = make_entity(
    "resource:default/rabbit-east", tags=["amqp", "staging"], spec={"type": "message-broker"}
)
STORE = make_entity("system:default/store")
WEB_STORE = make_entity("component:default/web-store", spec={"type": "website"})
SCORER = make_entity("component:default/RiskScorer", annotations={ALIASES: "Oracle, fraud brain"})
PAY = make_entity("group:default/team-pay", title="Pay Team")
DOCS = make_entity("component:default/docs")
WORLD = (GATEWAY, PAY_API, LIBRARY, TILL, BROKER, STORE, WEB_STORE, SCORER, PAY, DOCS)

OWNED = Wanted(kinds=frozenset({"component", "api", "resource", "system"}))
RUNNING = Wanted(kinds=frozenset({"component", "api", "resource"}), is_loose=False)
TEAMS = Wanted(kinds=frozenset({"group"}))


async def named(text: str, wanted: Wanted = OWNED) -> tuple[Named, ...]:
    naming = await Naming.of(FakePortal(WORLD), Vocabularies())
    return await naming.named(text, wanted)


async def entities(text: str, wanted: Wanted = OWNED) -> list[Entity]:
    return [entity for one in await named(text, wanted) for entity in one.entities]


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Who owns the payment gateways?", GATEWAY),
        ("Who owns the gateway?", GATEWAY),
        ("Who owns PCL?", LIBRARY),
        ("Who owns the till?", TILL),
        ("Who owns tills?", TILL),
        ("Who owns the Oracle?", SCORER),
        ("Who owns the fraud brain?", SCORER),
        ("Who owns the risk scorers?", SCORER),
        ("Who owns the east rabbit?", BROKER),
        ("Who owns the staging rabbit?", BROKER),
        ("Who owns the pay API?", PAY_API),
        ("Who owns DEFAULT/Pay-Api?", PAY_API),
        ("Who owns docs?", DOCS),
        ("Where is the runbook of docs?", DOCS),
    ],
)
async def test_a_name_may_be_part_of_one_in_the_plural_an_alias_or_an_ordinary_word(
    text: str, entity: Entity
) -> None:
    assert await entities(text) == [entity]


async def test_an_ordinary_word_is_a_name_only_where_one_must_stand() -> None:
    assert await entities("Where are the docs?") == []
    assert await entities("Where are the docs of the till?") == [TILL]


async def test_the_intent_tells_which_of_two_kinds_is_meant() -> None:
    assert await entities("Who is in pay?", TEAMS) == [PAY]
    assert await entities("How do I roll back the store?", RUNNING) == [WEB_STORE]
    assert await entities("Who owns the store?") == [STORE]


async def test_a_word_for_a_kind_beside_a_name_tells_which_is_meant() -> None:
    assert await entities("Who is in the pay team?", OWNED) == [PAY]
    assert await entities("Who owns the till API?") == []
    assert await entities("Who owns the gateway library?") == []


async def test_a_thing_of_a_kind_is_no_name() -> None:
    assert await entities("How do I close a till?", RUNNING) == []
    assert await entities("why are tills slow", RUNNING) == [TILL]


async def test_one_word_in_the_plural_is_no_part_of_a_longer_name() -> None:
    assert await entities("why are rabbits full", RUNNING) == []


async def test_a_written_name_is_never_taken_for_part_of_another() -> None:
    assert await entities("Who owns rabbit-service?") == []
    assert await entities("Who owns the rabbit?") == [BROKER]


async def test_a_misspelled_name_is_taken_and_said_to_be_assumed() -> None:
    (one,) = await named("Who owns pay-gatevay?")
    assert (one.words, one.entities, one.is_assumed) == ("pay-gatevay", (GATEWAY,), True)
    (two,) = await named("Who owns the paymnet gateway?")
    assert (two.entities, two.is_assumed) == ((GATEWAY,), True)


async def test_a_slip_is_looked_for_only_where_nothing_fits() -> None:
    (one,) = await named("Who owns the pay gateway?")
    assert not one.is_assumed
    assert await entities("how do i close the tyll", RUNNING) == []


async def test_a_reference_and_a_name_are_found_beside_each_other() -> None:
    found = await entities("Does component:default/till-service use rabbit-east?")
    assert found == [TILL, BROKER]


async def test_what_has_no_name_of_its_own_is_found_by_nothing() -> None:
    assert await entities("Who owns quantum-broker?") == []
    assert await entities("?!") == []
    assert await entities("Who owns a:/x and b:?") == []


def test_several_equally_near_names_settle_nothing() -> None:
    vocabulary = Vocabulary.of([make_entity(f"component:default/shop-{x}ide") for x in "stw"])
    assert len(misspelled(words_of("shop-xide"), vocabulary)) == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [("queue-2", "queue-1"), ("till", "tall"), ("shop-app", "shop-api"), ("x" * 70, "x" * 69)],
)
def test_digits_short_words_and_words_with_a_meaning_are_no_slips(text: str, name: str) -> None:
    vocabulary = Vocabulary.of([make_entity(f"component:default/{name}")])
    assert misspelled(words_of(text), vocabulary) == ()


def test_a_word_that_fits_too_many_names_is_none() -> None:
    vocabulary = Vocabulary.of([make_entity(f"component:default/shop-{x}") for x in "abcdefgh"])
    assert vocabulary.of_part(words_of("shop"), vocabulary.kinds(), is_loose=True) == ()


def test_near_names_share_words_or_nearly_all_letters() -> None:
    assert nearest("payment service", WORLD)[0] == GATEWAY
    assert nearest("zebra", WORLD) == ()
    assert nearest("quantum", WORLD) == ()


def test_a_vocabulary_is_kept_for_the_very_listing_alone() -> None:
    vocabularies = Vocabularies()
    listing = Listing(entities=WORLD, complete=True)
    kept = vocabularies.of(listing)
    assert vocabularies.of(listing) is kept
    assert vocabularies.of(Listing(entities=WORLD, complete=True)) is not kept
    for _ in range(20):
        vocabularies.of(Listing(entities=(), complete=False))
    assert vocabularies.of(listing) is not kept


def test_words_are_known_by_their_singular() -> None:
    singulars = {"APIs": "api", "libraries": "library", "gateways": "gateway", "redis": "redis"}
    assert {word: stem(word.lower()) for word in singulars} == singulars
    assert names_nothing("services")
    assert not names_nothing("tills")
    assert is_identifier("cart-service")
    assert not is_identifier("inc-12")


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_slips_are_those_of_the_definition(one: str, other: str) -> None:
    assert slips_between(one, other, 8) == _distance(one, other)
    assert slips_between(one, other, 1) == min(_distance(one, other), 2)


def _distance(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    changed = one[-1] != other[-1]
    ways = [
        _distance(one[:-1], other) + 1,
        _distance(one, other[:-1]) + 1,
        _distance(one[:-1], other[:-1]) + changed,
    ]
    if one[-2:] == other[-2:][::-1] and len(one) > 1:
        ways.append(_distance(one[:-2], other[:-2]) + 1)
    return min(ways)


@settings(deadline=None, max_examples=40)
@given(st.text(st.sampled_from("aBé1 -_./:'?,\n"), max_size=1_000))
async def test_any_text_can_be_looked_through(text: str) -> None:
    for one in await named(text):
        assert one.entities
        assert text[one.start : one.end] == one.words


async def test_a_name_inside_another_written_name_is_not_meant() -> None:
    assert await entities("Who owns docs-thing?") == []
    assert await entities("Who owns pay-gateway-library?") == []
    assert await entities("Who owns eu/till-service?") == []
    assert await entities("Who owns pay-gateway/pay-api?") == [GATEWAY, PAY_API]


async def test_an_instance_of_a_thing_is_taken_for_it_and_that_is_said() -> None:
    (one,) = await named("is pay-gateway-prod healthy?")
    assert (one.words, one.entities, one.is_assumed) == ("pay-gateway-prod", (GATEWAY,), True)
    (two,) = await named("who owns rabbit-east-2")
    assert (two.words, two.entities, two.is_assumed) == ("rabbit-east-2", (BROKER,), True)
