"""The fake keeps the contract where it was recorded from a real backend, but no client shows it."""

from typing import Any

import httpx
import pytest

from tests.backstage.conftest import ALICE, TLS
from tests.fakes.backstage import ADMINS, FakeBackstage
from tests.fakes.backstage_tokens import SigningKey

READ = {
    "type": "resource",
    "name": "catalog.entity.read",
    "attributes": {"action": "read"},
    "resourceType": "catalog-entity",
}
CREATE = {"type": "basic", "name": "catalog.entity.create", "attributes": {"action": "create"}}


def ask(
    portal: FakeBackstage, path: str, token: str | None = None, body: Any = None
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    method = "GET" if body is None else "POST"
    return httpx.request(method, portal.url + path, headers=headers, json=body, verify=TLS)


def authorize(portal: FakeBackstage, token: str, *items: Any) -> httpx.Response:
    numbered = [{"id": str(number), **item} for number, item in enumerate(items)]
    return ask(portal, "/api/permission/authorize", token, {"items": numbered})


def results(response: httpx.Response) -> list[Any]:
    return [item["result"] for item in response.json()["items"]]


def test_an_error_says_what_was_asked(portal: FakeBackstage, token: str) -> None:
    answer = ask(portal, "/api/catalog/entities/by-name/component/default/nope?x=1", token)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "name": "NotFoundError",
            "message": "No entity named 'nope' found, with kind 'component' in namespace 'default'",
        },
        "request": {"method": "GET", "url": "/entities/by-name/component/default/nope?x=1"},
        "response": {"statusCode": 404},
    }


def test_what_is_not_routed_is_an_empty_404(portal: FakeBackstage) -> None:
    answer = ask(portal, "/api/nope")
    assert (answer.status_code, answer.content) == (404, b"")
    assert "content-type" not in answer.headers
    assert ask(portal, "/api/nope/.backstage/auth/v1/jwks.json").status_code == 404


def test_it_is_ready_as_soon_as_it_runs(portal: FakeBackstage) -> None:
    assert ask(portal, "/.backstage/health/v1/readiness").json() == {"status": "ok"}


def test_a_plugin_acting_for_a_user_is_told_the_conditions(portal: FakeBackstage) -> None:
    token = portal.plugin_token("search", "permission", obo_user=ALICE)
    (item,) = authorize(portal, token, {"permission": READ}).json()["items"]
    assert item["result"] == "CONDITIONAL"
    assert item["conditions"]["anyOf"][0]["params"]["claims"][0] == ALICE


def test_a_user_must_name_resources(portal: FakeBackstage, token: str) -> None:
    assert authorize(portal, token, {"permission": READ}).status_code == 400


def test_an_admin_is_allowed_everything(portal: FakeBackstage) -> None:
    admin = portal.user_token("user:default/carol", ownership=[ADMINS])
    obo = portal.tokens.plugin("search", "permission", obo=admin)
    assert results(authorize(portal, obo, {"permission": READ}, {"permission": CREATE})) == [
        "ALLOW",
        "ALLOW",
    ]


def test_letter_case_counts_in_references(portal: FakeBackstage, token: str) -> None:
    refs = ["component:default/checkout", "component:default/Checkout"]
    answer = authorize(
        portal,
        token,
        {"permission": READ, "resourceRef": refs},
        {"permission": READ, "resourceRef": refs[0]},
        {"permission": CREATE},
    )
    assert results(answer) == [["ALLOW", "DENY"], "ALLOW", "DENY"]


def test_many_items_are_too_much_where_one_with_many_references_is_not(
    portal: FakeBackstage, token: str
) -> None:
    refs = [f"component:default/x{number}" for number in range(300)]
    single = [{"permission": READ, "resourceRef": ref} for ref in refs]
    assert authorize(portal, token, *single).status_code == 413
    assert authorize(portal, token, {"permission": READ, "resourceRef": refs}).status_code == 200
    assert (
        authorize(portal, token, {"permission": READ, "resourceRef": refs * 20}).status_code == 413
    )


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"permission": {"type": "resource", "name": "x", "resourceType": "y"}},
        {"permission": {**CREATE, "attributes": {"action": "use"}}},
        {"permission": READ, "resourceRef": []},
        {"permission": READ, "resourceRef": [7]},
        {"permission": {**READ, "resourceType": None}, "resourceRef": "a:b/c"},
    ],
)
def test_a_malformed_question_is_a_bad_request(
    portal: FakeBackstage, token: str, item: Any
) -> None:
    assert authorize(portal, token, item).status_code == 400


def test_where_permissions_are_off_everything_is_listed(portal: FakeBackstage, token: str) -> None:
    portal.permissions.enabled = False
    assert ask(portal, "/api/catalog/entities/by-query", token).json()["totalItems"] == 4


def test_a_cursor_tells_another_user_what_its_maker_could_count(
    portal: FakeBackstage, token: str
) -> None:
    path = "/api/catalog/entities/by-query?limit=1"
    cursor = ask(portal, path, token).json()["pageInfo"]["nextCursor"]
    bob = portal.user_token("user:default/bob")
    assert ask(portal, f"{path}&cursor={cursor}", bob).json()["totalItems"] == 3
    assert ask(portal, path, bob).json()["totalItems"] == 2


@pytest.mark.parametrize(
    "query",
    ["bogus=1", "limit=x", "filter==x", "fields=", "totalItems=no", "cursor=zzz"],
)
def test_the_catalog_is_strict_about_parameters(
    portal: FakeBackstage, token: str, query: str
) -> None:
    assert ask(portal, f"/api/catalog/entities/by-query?{query}", token).status_code == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"$not": {"kind": "component"}}, {"alice"}),
        ({"metadata.labels.visibility": {"$exists": True}}, {"alice", "cart"}),
        ({"kind": {"$in": ["User", "API"]}}, {"alice"}),
        ({"relations.ownedby": "group:default/team-payments"}, {"Checkout"}),
    ],
)
def test_the_catalog_understands_predicates(
    portal: FakeBackstage, token: str, query: Any, names: set[str]
) -> None:
    answer = ask(portal, "/api/catalog/entities/by-query", token, {"query": query})
    assert {item["metadata"]["name"] for item in answer.json()["items"]} == names
    bogus = ask(portal, "/api/catalog/entities/by-query", token, {"query": {"$bogus": []}})
    assert bogus.status_code == 400


def test_pages_are_plain_text_under_lower_case_paths(portal: FakeBackstage, token: str) -> None:
    static = "/api/techdocs/static/docs/default/component/checkout"
    page = ask(portal, f"{static}/index.html", token)
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert ask(portal, f"{static}/ops/run book", token).headers["location"].endswith("run%20book/")
    moved = ask(portal, static.replace("checkout", "Checkout") + "/index.html", token)
    assert (moved.status_code, moved.headers["location"]) == (301, f"{static}/index.html")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/techdocs/static/docs/default/component/checkout/index.html", 200),
        ("/api/auth/v1/userinfo", 200),
        ("/api/catalog/entities/by-query", 401),
        ("/api/techdocs/metadata/techdocs/default/component/checkout", 401),
    ],
)
def test_a_limited_token_opens_little(
    portal: FakeBackstage, token: str, path: str, status: int
) -> None:
    assert ask(portal, path, portal.tokens.limited(token)).status_code == status


def test_only_tokens_that_backstage_would_accept_are_accepted(
    portal: FakeBackstage, token: str
) -> None:
    path = "/api/catalog/entities/by-query"
    tokens = portal.tokens
    stranger = SigningKey("search-1")
    portal.tokens.plugin_keys["portal-rag"] = [SigningKey("ours")]
    statuses = {
        None: 401,
        "garbage": 401,
        token[:-2] + "AA": 401,
        portal.user_token(ALICE, expires_in=-1): 401,
        tokens.plugin("search", "search"): 401,
        stranger.sign("vnd.backstage.plugin", {"sub": "search", "aud": "catalog"}): 401,
        stranger.sign("vnd.backstage.plugin", {"sub": "../qa", "aud": "catalog"}): 401,
        tokens.plugin("search", "catalog"): 200,
        tokens.plugin("portal-rag", "catalog", obo=tokens.limited(token)): 200,
        tokens.service_token: 200,
        tokens.restricted_token: 200,
    }
    found = {each: ask(portal, path, each).status_code for each in statuses}
    assert found == statuses
    assert ask(portal, "/api/permission/authorize", tokens.restricted_token, {}).status_code == 403
