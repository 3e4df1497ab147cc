import json
from typing import Any

import pytest

from portal_rag.backstage.permission import ASK, Conditional, PermissionClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import (
    AuthenticationError,
    NotAllowedError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from tests.backstage.conftest import ALICE
from tests.fakes.backstage import ADMINS, FakeBackstage
from tests.fakes.backstage_permission import OwnerOrPublic

AUTHORIZE = "/api/permission/authorize"
CART = EntityRef.parse("component:default/cart")
CHECKOUT = EntityRef.parse("Component:default/Checkout")
HIDDEN = EntityRef.parse("component:default/fraudscorer")
MISSING = EntityRef.parse("component:default/nope")
ALL = [CART, CHECKOUT, HIDDEN, MISSING]


@pytest.fixture
def permission(transport: BackstageTransport) -> PermissionClient:
    return PermissionClient(transport)


async def test_only_what_backstage_allows_is_readable(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    assert await permission.readable(ALL, token=token) == {CART, CHECKOUT}
    assert json.loads(portal.requests[0].body) == {
        "items": [
            {
                "id": "1",
                "permission": {
                    "type": "resource",
                    "name": "catalog.entity.read",
                    "attributes": {"action": "read"},
                    "resourceType": "catalog-entity",
                },
                "resourceRef": sorted(map(str, ALL)),
            }
        ]
    }


async def test_one_verdict_for_all_is_for_all_even_for_what_does_not_exist(
    permission: PermissionClient, portal: FakeBackstage
) -> None:
    admin = portal.user_token("user:default/carol", ownership=["user:default/carol", ADMINS])
    assert await permission.readable(ALL, token=admin) == set(ALL)


async def test_one_refusal_for_all_is_for_all(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    portal.answer(AUTHORIZE, body=b'{"items":[{"id":"1","result":"DENY"}]}')
    assert await permission.readable(ALL, token=token) == frozenset()


async def test_no_references_are_no_question(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    assert await permission.readable([], token=token) == frozenset()
    assert portal.requests == []


async def test_each_question_is_asked_anew(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    assert await permission.readable([CHECKOUT], token=token) == {CHECKOUT}
    portal.remove(str(CHECKOUT))
    assert await permission.readable([CHECKOUT], token=token) == frozenset()


async def test_another_permission_may_be_asked_for(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    await permission.readable([CART], token=token, permission="adr.read")
    assert json.loads(portal.requests[0].body)["items"][0]["permission"]["name"] == "adr.read"


async def test_several_permissions_are_asked_for_at_once_and_each_gets_its_own_answer(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    portal.permissions.policies["adr.read"] = lambda _user, _own, entity: (
        entity == portal.entities[str(CART)]
    )
    portal.permissions.denied.add("never.read")
    wanted = {"catalog.entity.read": ALL, "adr.read": [CHECKOUT, CART], "never.read": [CART]}
    assert await permission.readable_by(wanted, token=token) == {
        "catalog.entity.read": {CART, CHECKOUT},
        "adr.read": {CART},
        "never.read": frozenset(),
    }
    (request,) = portal.requests
    assert [item["id"] for item in json.loads(request.body)["items"]] == ["1", "2", "3"]


async def test_several_permissions_share_the_limits_of_a_request(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    many = [EntityRef("component", "default", f"x{number}") for number in range(1_400)]
    wanted = {"a.read": [*many, CART], "b.read": many, "c.read": [CART]}
    allowed = await permission.readable_by(wanted, token=token)
    assert allowed == {"a.read": {CART}, "b.read": frozenset(), "c.read": {CART}}
    bodies = [request.body for request in portal.requests]
    assert len(bodies) == 3
    for body in bodies:
        assert len(body) <= 60_000
        assert sum(len(item["resourceRef"]) for item in json.loads(body)["items"]) <= 1_000


@pytest.mark.parametrize(
    "items",
    [
        [("2", ["ALLOW"]), ("1", ["ALLOW", "ALLOW"])],
        [("1", ["ALLOW", "ALLOW"]), ("1", ["ALLOW"])],
        [("1", ["ALLOW", "ALLOW"])],
        [("1", ["ALLOW", "ALLOW"]), ("2", ["ALLOW"]), ("3", ["ALLOW"])],
        [("1", ["ALLOW"]), ("2", ["ALLOW", "ALLOW"])],
        [("1", "ALLOW"), ("2", "MAYBE")],
    ],
)
async def test_answers_that_cannot_be_told_apart_allow_nothing(
    permission: PermissionClient, token: str, portal: FakeBackstage, items: Any
) -> None:
    answer = {"items": [{"id": id_, "result": result} for id_, result in items]}
    portal.answer(AUTHORIZE, body=json.dumps(answer).encode())
    with pytest.raises(UpstreamError):
        await permission.readable_by({"a.read": [CART, CHECKOUT], "b.read": [CART]}, token=token)


@pytest.mark.parametrize("name", ["x{}", "long-enough-to-reach-the-limit-of-bytes-before-items-{}"])
async def test_many_references_are_asked_for_in_parts_that_fit(
    permission: PermissionClient, token: str, portal: FakeBackstage, name: str
) -> None:
    many = [EntityRef("component", "default", name.format(number)) for number in range(2_500)]
    assert await permission.readable([*many, CART], token=token) == {CART}
    bodies = [request.body for request in portal.requests]
    sent = [ref for body in bodies for ref in json.loads(body)["items"][0]["resourceRef"]]
    assert sorted(sent) == sorted(map(str, [*many, CART]))
    for body in bodies:
        assert len(body) <= 60_000
        (item,) = json.loads(body)["items"]
        assert len(item["resourceRef"]) <= 1_000


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"items": []},
        {"items": {}},
        {"items": [{"id": "1"}]},
        {"items": [{"id": "2", "result": ["ALLOW", "ALLOW"]}]},
        {"items": [{"id": "1", "result": ["ALLOW"]}]},
        {"items": [{"id": "1", "result": ["ALLOW", "ALLOW", "ALLOW"]}]},
        {"items": [{"id": "1", "result": []}]},
        {"items": [{"id": "1", "result": ["ALLOW", "allow"]}]},
        {"items": [{"id": "1", "result": ["ALLOW", None]}]},
        {"items": [{"id": "1", "result": ["ALLOW", {}]}]},
        {"items": [{"id": "1", "result": ["ALLOW", True]}]},
        {"items": [{"id": "1", "result": "CONDITIONAL", "conditions": {}}]},
        {"items": [{"id": "1", "result": "Allow"}]},
        {"items": [{"id": "1", "result": True}]},
        {"items": [{"id": "1", "result": {"0": "ALLOW", "1": "ALLOW"}}]},
        {"items": [{"id": "1", "result": "ALLOW"}, {"id": "1", "result": "ALLOW"}]},
    ],
)
async def test_an_answer_that_is_not_plainly_a_verdict_for_each_allows_nothing(
    permission: PermissionClient, token: str, portal: FakeBackstage, answer: Any
) -> None:
    portal.answer(AUTHORIZE, body=json.dumps(answer).encode())
    with pytest.raises(UpstreamError):
        await permission.readable([CART, CHECKOUT], token=token)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationError),
        (403, NotAllowedError),
        (404, UpstreamError),
        (413, UpstreamError),
        (500, UpstreamError),
    ],
)
async def test_a_failure_allows_nothing(
    permission: PermissionClient,
    token: str,
    portal: FakeBackstage,
    status: int,
    error: type[PortalRagError],
) -> None:
    portal.answer(AUTHORIZE, status=status)
    with pytest.raises(error):
        await permission.readable([CART], token=token)


async def test_a_failure_after_the_first_part_allows_nothing(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    many = [EntityRef("component", "default", f"x{number}") for number in range(1_001)]
    allowed = {"items": [{"id": "1", "result": "ALLOW"}]}
    portal.answer(AUTHORIZE, body=json.dumps(allowed).encode(), times=1)
    portal.answer(AUTHORIZE, status=400)
    with pytest.raises(UpstreamError):
        await permission.readable(many, token=token)


async def test_a_service_may_not_ask(permission: PermissionClient, portal: FakeBackstage) -> None:
    with pytest.raises(NotAllowedError):
        await permission.readable([CART], token=portal.service_token)


async def test_the_policy_answers_even_where_permissions_are_off(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    portal.permissions.enabled = False
    assert await permission.readable([HIDDEN], token=token) == frozenset()


def for_user(portal: FakeBackstage, *ownership: str) -> str:
    """What a plugin sends for a user."""
    proof = portal.tokens.limited(portal.user_token(ALICE, ownership=(ALICE, *ownership)))
    return portal.tokens.plugin("search", "permission", obo=proof)


async def test_a_plugin_is_told_the_conditions_for_its_user(
    permission: PermissionClient, portal: FakeBackstage
) -> None:
    decision = await permission.decide(token=for_user(portal, "group:default/x"))
    assert isinstance(decision, Conditional)
    assert decision.conditions == OwnerOrPublic().conditions((ALICE, "group:default/x"))
    assert json.loads(portal.requests[-1].body)["items"][0].keys() == {"id", "permission"}


async def test_an_administrator_is_allowed_without_conditions(
    permission: PermissionClient, portal: FakeBackstage
) -> None:
    assert await permission.decide(token=for_user(portal, ADMINS)) == "ALLOW"


async def test_what_is_denied_outright_is_denied(
    permission: PermissionClient, portal: FakeBackstage
) -> None:
    portal.answer(AUTHORIZE, body=b'{"items":[{"id":"1","result":"DENY"}]}')
    assert await permission.decide(token=for_user(portal)) == "DENY"


async def test_a_users_own_token_is_told_no_conditions(
    permission: PermissionClient, token: str
) -> None:
    with pytest.raises(UpstreamError):
        await permission.decide(token=token)


CONDITIONAL = {
    "id": "1",
    "result": "CONDITIONAL",
    "pluginId": "catalog",
    "resourceType": "catalog-entity",
    "conditions": {"rule": "IS_ENTITY_KIND"},
}


@pytest.mark.parametrize(
    "item",
    [
        {**CONDITIONAL, "conditions": None},
        {**CONDITIONAL, "conditions": {}},
        {**CONDITIONAL, "conditions": []},
        {**CONDITIONAL, "pluginId": "scaffolder"},
        {**CONDITIONAL, "resourceType": "scaffolder-template"},
        {**CONDITIONAL, "id": "2"},
        {"id": "1", "result": "CONDITIONAL"},
        {"id": "1", "result": ["ALLOW"]},
        {"id": "1", "result": "allow"},
        {"id": "1"},
        None,
    ],
)
async def test_what_is_not_plainly_a_decision_is_none(
    permission: PermissionClient, portal: FakeBackstage, item: Any
) -> None:
    portal.answer(AUTHORIZE, body=json.dumps({"items": [item]}).encode())
    with pytest.raises(UpstreamError):
        await permission.decide(token=for_user(portal))


async def test_a_permission_that_is_about_no_entity_is_asked_for_by_name(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    assert await permission.allows(ASK, token=token, deadline_seconds=5)
    (item,) = json.loads(portal.requests[-1].body)["items"]
    assert item["permission"] == {
        "type": "basic",
        "name": "portal-rag.ask",
        "attributes": {"action": "read"},
    }
    portal.permissions.denied.add(ASK)
    assert not await permission.allows(ASK, token=token, deadline_seconds=5)


@pytest.mark.parametrize(
    "result", ["CONDITIONAL", "allow", "", None, True, ["ALLOW", "ALLOW"], [], {}]
)
async def test_what_is_not_plainly_a_verdict_on_a_permission_is_none(
    permission: PermissionClient, token: str, portal: FakeBackstage, result: Any
) -> None:
    body = {"items": [{"id": "1", "result": result}]}
    portal.answer(AUTHORIZE, body=json.dumps(body).encode())
    with pytest.raises(UpstreamError):
        await permission.allows(ASK, token=token, deadline_seconds=5)


async def test_a_permission_is_waited_for_no_longer_than_said(
    permission: PermissionClient, token: str, portal: FakeBackstage
) -> None:
    hold = portal.hold(AUTHORIZE)
    with pytest.raises(UpstreamTimeoutError):
        await permission.allows(ASK, token=token, deadline_seconds=0.05)
    hold.release()
