import pytest

from portal_rag.backstage.document_permissions import ONLY_CATALOG, DocumentPermissions
from portal_rag.backstage.permission import READ
from portal_rag.corpus.documents import Governed, Origin
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError

SHOP = EntityRef.parse("component:default/shop")
CART = EntityRef.parse("component:default/cart")


def governed(origin: Origin | None, *refs: EntityRef) -> Governed:
    return Governed(frozenset(refs or {SHOP}), origin)


def test_unless_set_otherwise_everything_needs_the_catalogs_permission() -> None:
    assert DocumentPermissions.parse(" , ") == ONLY_CATALOG
    for origin in ("catalog", "techdocs", "markdown", None):
        assert ONLY_CATALOG.governing(governed(origin)) == {READ}


def test_an_origin_may_need_another_permission_beside_the_catalogs() -> None:
    set_ = DocumentPermissions.parse("techdocs=techdocs.entity.read, markdown=catalog.entity.read")
    assert set_.governing(governed("techdocs")) == {READ, "techdocs.entity.read"}
    assert set_.governing(governed("markdown")) == {READ}
    assert set_.governing(governed("catalog")) == {READ}


def test_an_origin_that_is_not_known_needs_all_that_is_set() -> None:
    set_ = DocumentPermissions.parse("techdocs=docs.read,markdown=notes.read")
    assert set_.governing(governed(None)) == {READ, "docs.read", "notes.read"}


def test_what_is_wanted_is_collected_by_permission() -> None:
    set_ = DocumentPermissions.parse("techdocs=docs.read")
    documents = [governed("techdocs", SHOP), governed("catalog", CART), governed("markdown", CART)]
    assert set_.wanted_for(documents) == {READ: {SHOP, CART}, "docs.read": {SHOP}}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("docs=techdocs.entity.read", "'docs'"),
        ("catalog=catalog.entity.read", "'catalog'"),
        ("techdocs", "techdocs is given no permission"),
        ("techdocs=", "techdocs is given no permission"),
        ("techdocs=two words", "'two words'"),
        ("techdocs=a=b", "'a=b'"),
        ("techdocs=a,techdocs=b", "techdocs is set twice"),
        ("=x", "''"),
    ],
)
def test_a_wrong_part_is_named_with_what_is_known(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DocumentPermissions.parse(text)
    for expected in (named, "PORTAL_RAG_DOCUMENT_PERMISSIONS", "techdocs, markdown", "README"):
        assert expected in caught.value.message
