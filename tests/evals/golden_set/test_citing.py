import pytest

from evals.golden_set.citing import is_live, is_named, page_name
from tests.evals.golden_set.made_up import SHOP, page, source


@pytest.mark.parametrize("ref", [SHOP, "Component:default/Shop"])
def test_a_catalog_source_is_named_by_its_entity(ref: str) -> None:
    assert is_named(source(), f"catalog:{ref}")
    assert not is_named(source(), f"catalog:{ref}-2")
    assert not is_named(page(), f"catalog:{ref}")
    assert not is_named(source(), f"docs:{ref}")


@pytest.mark.parametrize(
    "name",
    ["", "/runbook/rollback", "/runbook/rollback/", "/runbook/rollback.md", "/Runbook/Rollback.MD"],
)
def test_a_page_is_named_by_its_path_or_by_its_site(name: str) -> None:
    assert is_named(page(), f"docs:{SHOP}{name}")


@pytest.mark.parametrize("name", ["/", "/runbook", "/rollback", "-2", "/index.md"])
def test_another_page_is_not(name: str) -> None:
    assert not is_named(page(), f"docs:{SHOP}{name}")


@pytest.mark.parametrize("name", ["/", "/index", "/index.md"])
@pytest.mark.parametrize("path", ["", "#owners", "index.html"])
def test_the_first_page_has_several_names(path: str, name: str) -> None:
    assert is_named(page(path=path), f"docs:{SHOP}{name}")


def test_a_section_is_its_page() -> None:
    assert is_named(page(path="runbook/rollback/#steps"), f"docs:{SHOP}/runbook/rollback")
    assert is_named(page(path="runbook/index.md"), f"docs:{SHOP}/runbook")


def test_docs_that_another_entity_points_to_are_named_by_the_address() -> None:
    shared = page(entityRef="component:eu/shop")
    assert is_named(shared, f"docs:{SHOP}/runbook/rollback")
    assert is_named(shared, "docs:component:eu/shop/runbook/rollback")


def test_a_page_outside_of_techdocs_is_named_by_the_end_of_its_address() -> None:
    adr = page(url="https://git.example/shop/blob/main/docs/adr/0001-queues.md")
    assert is_named(adr, f"docs:{SHOP}/adr/0001-queues")
    assert not is_named(adr, f"docs:{SHOP}/1-queues")
    assert not is_named(adr, f"docs:{SHOP}/")


def test_sources_get_the_names_that_cases_use() -> None:
    assert page_name(source()) == f"catalog:{SHOP}"
    assert page_name(page()) == f"docs:{SHOP}/runbook/rollback"


def test_a_system_that_is_neither_catalog_nor_docs_is_live() -> None:
    assert is_live(source(kind="pagerduty"))
    assert not is_live(page())
