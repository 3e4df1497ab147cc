import pytest

from portal_rag.backstage.transport import BackstageTransport
from portal_rag.backstage.userinfo import UserInfoClient
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import AuthenticationError, NotFoundError, UpstreamError
from tests.backstage.conftest import ALICE, PAYMENTS
from tests.backstage.ticking import Ticking
from tests.fakes.backstage import FakeBackstage

USERINFO = "/api/auth/v1/userinfo"
ALICES = (EntityRef.parse(ALICE), EntityRef.parse(PAYMENTS))


@pytest.fixture
def timer() -> Ticking:
    return Ticking()


@pytest.fixture
def userinfo(transport: BackstageTransport, timer: Ticking) -> UserInfoClient:
    return UserInfoClient(transport, timer=timer)


async def test_users_own_through_themselves_and_their_groups(
    userinfo: UserInfoClient, token: str
) -> None:
    assert await userinfo.ownership_refs(token) == ALICES


async def test_a_limited_token_is_enough(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage
) -> None:
    assert await userinfo.ownership_refs(portal.tokens.limited(token)) == ALICES


async def test_an_answer_is_remembered_for_five_seconds(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage, timer: Ticking
) -> None:
    await userinfo.ownership_refs(token)
    timer.seconds += 4.9
    await userinfo.ownership_refs(token)
    assert portal.asked(USERINFO) == 1
    timer.seconds += 0.2
    await userinfo.ownership_refs(token)
    assert portal.asked(USERINFO) == 2


async def test_an_answer_is_remembered_for_its_token_alone(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage
) -> None:
    bob = portal.user_token("user:default/bob")
    assert await userinfo.ownership_refs(token) == ALICES
    assert await userinfo.ownership_refs(bob) == (EntityRef.parse("user:default/bob"),)


async def test_only_so_many_answers_are_remembered(
    transport: BackstageTransport, timer: Ticking, portal: FakeBackstage
) -> None:
    userinfo = UserInfoClient(transport, timer=timer, most_tokens=2)
    portal.answer(USERINFO, body=b'{"claims":{"ent":[]}}')
    for token in ("one", "two", "three", "three", "two", "one"):
        await userinfo.ownership_refs(token)
    assert [request.token for request in portal.requests] == ["one", "two", "three", "one"]


async def test_a_failure_is_not_remembered(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(USERINFO, status=404, times=1)
    with pytest.raises(NotFoundError):
        await userinfo.ownership_refs(token)
    assert await userinfo.ownership_refs(token) == ALICES


async def test_the_token_of_a_plugin_that_acts_for_a_user_is_not_enough(
    userinfo: UserInfoClient, portal: FakeBackstage
) -> None:
    with pytest.raises(NotFoundError):
        await userinfo.ownership_refs(portal.plugin_token("catalog", "auth", obo_user=ALICE))


async def test_a_service_is_nobody(userinfo: UserInfoClient, portal: FakeBackstage) -> None:
    with pytest.raises(UpstreamError):
        await userinfo.ownership_refs(portal.service_token)
    with pytest.raises(AuthenticationError):
        await userinfo.ownership_refs("garbage")


async def test_what_is_no_reference_is_left_out(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(USERINFO, body=b'{"claims":{"ent":["group:a/b","nonsense","group:a/b",7]}}')
    assert await userinfo.ownership_refs(token) == (EntityRef.parse("group:a/b"),)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"claims":{}}', b'{"claims":{"ent":"x"}}'])
async def test_an_answer_that_names_nobody_is_an_error(
    userinfo: UserInfoClient, token: str, portal: FakeBackstage, body: bytes
) -> None:
    portal.answer(USERINFO, body=body)
    with pytest.raises(UpstreamError):
        await userinfo.ownership_refs(token)
