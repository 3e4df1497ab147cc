from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.clients.oidc.subjects import ASK, Rule, Subjects, load_subjects
from portal_rag.errors import AuthenticationError, ConfigurationError
from portal_rag.principals import ExternalSubject
from tests.portal_rag.oidc import CONFIG

GROUPS = Rule(subject_type="user", claim="groups")
SUB = Rule(subject_type="service_account", claim="sub")
SUBJECTS = Subjects(rules=(GROUPS, SUB), action=ASK)


def subject_type(name: str = "user", priority: Any = 1, *claims: str) -> dict[str, Any]:
    return {
        "type": name,
        "priority": priority,
        "auth_mechanisms": [
            {"type": "jwt", "entitlement": {"claim": claim}} for claim in claims or ("groups",)
        ],
    }


def written(path: Path, *subject_types: Any, **auth: Any) -> Path:
    file = path / "auth-config.yaml"
    file.write_text(yaml.safe_dump({"auth": {"subject_types": list(subject_types), **auth}}))
    return file


def test_the_example_is_what_the_documents_say() -> None:
    assert load_subjects(CONFIG) == SUBJECTS


def test_types_are_tried_by_priority_and_their_claims_as_written(tmp_path: Path) -> None:
    file = written(
        tmp_path, subject_type("robot", 10, "sub"), subject_type("user", -1, "roles", "groups")
    )
    assert load_subjects(file).rules == (
        Rule(subject_type="user", claim="roles"),
        Rule(subject_type="user", claim="groups"),
        Rule(subject_type="robot", claim="sub"),
    )


@pytest.mark.parametrize(
    ("claims", "kind", "claim", "values"),
    [
        ({"groups": ["a", "b"], "sub": "mia"}, "user", "groups", ("a", "b")),
        ({"groups": "a b", "sub": "mia"}, "user", "groups", ("a b",)),
        ({"groups": [], "sub": "mia"}, "user", "groups", ()),
        ({"sub": "robot"}, "service_account", "sub", ("robot",)),
        ({"Groups": ["a"], "sub": "robot"}, "service_account", "sub", ("robot",)),
        (
            {"_claim_names": {"address": "src1"}, "sub": "robot"},
            "service_account",
            "sub",
            ("robot",),
        ),
        ({"_claim_names": "groups", "sub": "robot"}, "service_account", "sub", ("robot",)),
    ],
)
def test_the_first_type_whose_claim_is_there_decides(
    claims: dict[str, Any], kind: str, claim: str, values: tuple[str, ...]
) -> None:
    assert SUBJECTS.subject_of(claims, "t0ken") == ExternalSubject(
        name=claims["sub"],
        subject_type=kind,
        entitlement_claim=claim,
        entitlement_values=values,
        token="t0ken",
    )


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"groups": ["a"]},
        {"groups": ["a"], "sub": ""},
        {"groups": None, "sub": "mia"},
        {"groups": 7, "sub": "mia"},
        {"groups": {"a": 1}, "sub": "mia"},
        {"groups": ["a", None], "sub": "mia"},
        {"groups": ["a", ""], "sub": "mia"},
        {"groups": "", "sub": "mia"},
        {"_claim_names": {"groups": "src1"}, "sub": "mia"},
        {"_claim_names": {"groups": "src1"}, "groups": ["a"], "sub": "mia"},
    ],
)
def test_a_claim_that_cannot_be_read_is_never_passed_over(claims: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        SUBJECTS.subject_of(claims, "t0ken")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    claims=st.dictionaries(st.sampled_from(["groups", "sub", "roles", "_claim_names"]), ANYTHING),
    rules=st.permutations([GROUPS, SUB, Rule(subject_type="robot", claim="roles")]),
)
def test_whatever_a_token_claims_no_later_rule_than_the_first_that_fits_decides(
    claims: dict[str, Any], rules: list[Rule]
) -> None:
    first = next((rule for rule in rules if rule.claim in claims), None)
    try:
        subject = Subjects(rules=tuple(rules), action=ASK).subject_of(claims, "t0ken")
    except AuthenticationError:
        return
    assert first
    assert (subject.subject_type, subject.entitlement_claim) == (first.subject_type, first.claim)
    held = claims[first.claim]
    assert list(subject.entitlement_values) == (held if isinstance(held, list) else [held])
    assert all(isinstance(value, str) and value for value in subject.entitlement_values)


@pytest.mark.parametrize(
    ("subject_types", "auth", "named"),
    [
        ([], {}, "auth.subject_types"),
        ([subject_type(priority="1")], {}, "auth.subject_types.0.priority"),
        ([subject_type(priority=True)], {}, "auth.subject_types.0.priority"),
        ([subject_type(name="")], {}, "auth.subject_types.0.type"),
        ([subject_type("user", 1, " ")], {}, "auth_mechanisms.0.entitlement.claim"),
        ([{**subject_type(), "prioirty": 2}], {}, "auth.subject_types.0.prioirty"),
        ([{**subject_type(), "auth_mechanisms": []}], {}, "auth.subject_types.0.auth_mechanisms"),
        (
            [{**subject_type(), "auth_mechanisms": [{"type": "mtls"}]}],
            {},
            "auth.subject_types.0.auth_mechanisms.0.type",
        ),
        ([subject_type(), "user"], {}, "auth.subject_types.1"),
        ([subject_type(), subject_type("user", 2)], {}, "two have the type user"),
        ([subject_type(), subject_type("robot", 1)], {}, "two have the priority 1"),
        ([subject_type()], {"action": "*"}, "auth.action"),
        ([subject_type()], {"action": "portal-assistant:*"}, "auth.action"),
        ([subject_type()], {"action": ""}, "auth.action"),
        ([subject_type()], {"actions": ASK}, "auth.actions"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_by_its_place(
    tmp_path: Path, subject_types: list[Any], auth: dict[str, Any], named: str
) -> None:
    file = written(tmp_path, *subject_types, **auth)
    with pytest.raises(ConfigurationError) as caught:
        load_subjects(file)
    assert named in caught.value.message
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"auth: [", b"\xff\xfe", b"auth: null", b"!!python/object:os.x {}"]
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "auth-config.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_subjects(file)
    assert "PORTAL_RAG_AUTH_CONFIG" in caught.value.message


@pytest.mark.parametrize("content", ["", "[]", "5", "subjects"])
def test_what_is_no_mapping_is_told_what_the_file_must_be(tmp_path: Path, content: str) -> None:
    file = tmp_path / "auth-config.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="the file must be a mapping with `auth:`"):
        load_subjects(file)


def test_a_misspelt_field_and_a_wrong_action_say_what_was_meant(tmp_path: Path) -> None:
    file = written(tmp_path, {**subject_type(), "prioirty": 2}, action="Everything")
    with pytest.raises(ConfigurationError) as caught:
        load_subjects(file)
    assert "prioirty is not known; did you mean priority?" in caught.value.message
    assert "auth.action must look like portal-assistant:invoke" in caught.value.message


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_subjects(tmp_path / "auth-config.yaml")
    assert "cannot be read" in caught.value.message
