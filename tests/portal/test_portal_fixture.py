"""What the other tests of this folder take for granted about the portal."""

import httpx
import jwt
import pytest

from evals.backstage import Portal

CANARY = "canary-phrase-magenta-otter"
FRAUD_DOCS = "/api/techdocs/static/docs/default/component/fraudscorer/index.html"


def get(portal: Portal, path: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(portal.url + path, headers=headers, timeout=30, trust_env=False)


def count_entities(portal: Portal, token: str) -> int:
    answer = get(portal, "/api/catalog/entities/by-query?limit=0", token).raise_for_status()
    total: int = answer.json()["totalItems"]
    return total


def test_a_guest_sees_fewer_entities_than_a_team_member_and_an_administrator_sees_all(
    portal: Portal,
) -> None:
    guest, alice, carol = (
        count_entities(portal, portal.user_token(name)) for name in ("guest", "alice", "carol")
    )

    assert 0 < guest < alice < carol
    assert carol == count_entities(portal, portal.service_token)


def test_docs_of_a_hidden_entity_are_not_found(portal: Portal) -> None:
    answer = get(portal, FRAUD_DOCS, portal.user_token("alice"))

    assert answer.status_code == httpx.codes.NOT_FOUND
    assert CANARY not in answer.text


@pytest.mark.parametrize("name", ["dave", "carol"])
def test_the_owner_and_an_administrator_read_restricted_docs(portal: Portal, name: str) -> None:
    answer = get(portal, FRAUD_DOCS, portal.user_token(name))

    assert answer.status_code == httpx.codes.OK
    assert CANARY in answer.text


@pytest.mark.parametrize(("name", "finds"), [("alice", False), ("dave", True)])
def test_search_finds_restricted_docs_only_for_who_may_read_them(
    portal: Portal, name: str, finds: bool
) -> None:
    found = get(portal, "/api/search/query?term=magenta", portal.user_token(name)).json()["results"]

    assert bool(found) is finds


def test_a_user_token_is_signed_for_that_user(portal: Portal) -> None:
    token = portal.user_token("alice")

    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token)["typ"] == "vnd.backstage.user"
    assert claims["sub"] == "user:default/alice"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/catalog/entities/by-query?limit=0", httpx.codes.OK),
        (FRAUD_DOCS, httpx.codes.OK),
        ("/api/search/query?term=", httpx.codes.OK),
        ("/api/proxy/pagerduty/oncalls", httpx.codes.FORBIDDEN),
    ],
)
def test_the_service_token_opens_what_the_indexer_reads_and_nothing_else(
    portal: Portal, path: str, status: int
) -> None:
    assert get(portal, path, portal.service_token).status_code == status
