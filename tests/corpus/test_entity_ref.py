"""References are read and written as Backstage does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError

names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]{0,62}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("component:default/shop", EntityRef("component", "default", "shop")),
        ("Component:Default/Shop", EntityRef("component", "default", "shop")),
        ("component:shop", EntityRef("component", "default", "shop")),
        (" api:payments/Orders.v1 ", EntityRef("api", "payments", "orders.v1")),
        ("user:default/jane@example.org", EntityRef("user", "default", "jane@example.org")),
    ],
)
def test_a_reference_is_read_in_lower_case_with_the_default_namespace(
    text: str, expected: EntityRef
) -> None:
    assert EntityRef.parse(text) == expected


@pytest.mark.parametrize("text", ["shop", "payments/shop"])
def test_a_reference_without_kind_takes_the_default_that_is_given(text: str) -> None:
    ref = EntityRef.parse(text, default_kind="Component")
    assert (ref.kind, ref.name) == ("component", "shop")
    with pytest.raises(InputError):
        EntityRef.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ":",
        "/",
        "a:",
        "a:b/",
        "a:/b",
        ":b",
        "a:b:c",
        "a:b/c/d",
        "a b",
        "a:b\nc:d",
        "é:" * 99,
    ],
)
def test_anything_else_is_refused_with_the_form_that_is_expected(text: str) -> None:
    with pytest.raises(InputError, match="kind:namespace/name"):
        EntityRef.parse(text, default_kind=None)


@given(kind=names, namespace=names, name=names)
def test_writing_and_reading_a_reference_gives_the_same(
    kind: str, namespace: str, name: str
) -> None:
    ref = EntityRef(kind, namespace, name)
    assert EntityRef.parse(str(ref)) == ref
    assert ref == EntityRef(kind.upper(), namespace.lower(), name.upper())
