"""A page's document says what it is, where it is, and how old it is."""

import random
import string
from datetime import UTC, date, datetime

import pytest

from indexer.sources.dating import reviewed_on
from indexer.sources.docs_pages import DocsSite, page_document
from indexer.sources.document_kind import declared_kind, document_kind
from indexer.sources.source import Failure
from portal_rag.corpus.documents import Document, DocumentKind, Section
from portal_rag.corpus.entity_ref import EntityRef
from tests.indexer.building import APP_URL, SHOP, make_section

SITE = DocsSite(source="files/techdocs", owner=SHOP, title="Shop", app_url=APP_URL)
BUILT_AT = datetime(2026, 5, 5, tzinfo=UTC)


def page(read: Document | Failure) -> Document:
    assert isinstance(read, Document)
    return read


def read(*sections: Section, location: str = "ops/runbook/") -> Document:
    return page(
        page_document(
            SITE, location=location, nav_title="In the menu", sections=sections, built_at=BUILT_AT
        )
    )


def test_a_page_is_a_document_of_the_entity_that_owns_the_files() -> None:
    section = make_section("Restart", "Text.", level=1)
    assert read(section) == Document(
        source="files/techdocs",
        path="component:default/shop/ops/runbook/",
        title="Restart",
        site_title="Shop",
        url="https://portal.example/docs/default/component/shop/ops/runbook/",
        entity_ref=EntityRef.parse("component:default/shop"),
        resource_ref=EntityRef.parse("component:default/shop"),
        kind="runbook",
        modified_at=BUILT_AT,
        sections=(section,),
    )


def test_the_home_page_has_the_path_and_address_of_the_site() -> None:
    document = read(location="")
    assert document.path == "component:default/shop/"
    assert document.url == "https://portal.example/docs/default/component/shop/"


def test_a_page_without_a_top_heading_is_called_what_the_navigation_calls_it() -> None:
    assert read(make_section("Detail", level=2)).title == "In the menu"


def test_a_visible_review_date_counts_more_than_the_build() -> None:
    document = read(make_section("Restart", "Last reviewed: 2026-01-02", level=1))
    assert page(document).modified_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_date_of_the_front_matter_counts_most() -> None:
    document = page_document(
        SITE,
        location="",
        nav_title="",
        sections=(make_section("A", "Last reviewed: 2026-01-02"),),
        written_on=date(2026, 3, 4),
    )
    assert page(document).modified_at == datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Last reviewed: 2026-01-02", date(2026, 1, 2)),
        ("last updated on 2026-01-02 by the team", date(2026, 1, 2)),
        ("Intro\nReviewed: 2026-01-02", date(2026, 1, 2)),
        ("Last reviewed: 2025-01-01\nLast reviewed: 2026-01-02", date(2026, 1, 2)),
        ("Last reviewed: 2026-13-02", None),
        ("It was last reviewed: 2026-01-02", None),
        ("Released 2026-01-02", None),
    ],
)
def test_a_line_may_say_when_the_page_was_reviewed(line: str, expected: date | None) -> None:
    assert reviewed_on([make_section("A", line)]) == expected


@pytest.mark.parametrize(
    ("location", "title", "kind"),
    [
        ("runbook/rollback/", "Roll back a release", "runbook"),
        ("runbooks/kafka.html", "Kafka", "runbook"),
        ("ops/kafka/", "Kafka playbook", "runbook"),
        ("kafka-runbook/", "Kafka", "runbook"),
        ("adr/0001-reserve-first/", "Reserve first", "adr"),
        ("decisions/x/", "X", "adr"),
        ("notes/adr-7/", "Seven", "adr"),
        ("notes/seven/", "ADR 0007: Seven", "adr"),
        ("incidents/inc-117/", "Double charges", "incident"),
        ("notes/x/", "INC-117 Double charges", "incident"),
        ("notes/kafka-post-mortem/", "Kafka", "incident"),
        ("incident-process/", "Incident process", "guide"),
        ("readme/", "About", "readme"),
        ("notes/x/", "README", "readme"),
        ("", "Home", "guide"),
        ("incidents/", "Incidents", "guide"),
        ("runbook/incidents/x/", "X", "incident"),
        ("zinc-117/", "Zinc", "guide"),
    ],
)
def test_the_kind_follows_from_place_and_title(
    location: str, title: str, kind: DocumentKind
) -> None:
    assert document_kind(location, title) == kind


@pytest.mark.parametrize(
    ("front_matter", "kind"),
    [
        ({"kind": "runbook"}, "runbook"),
        ({"type": " Post-Mortem "}, "incident"),
        ({"doc_type": "ADR"}, "adr"),
        ({"kind": "howto", "type": "guide"}, "guide"),
        ({"type": "entity"}, None),
        ({"type": ["runbook"]}, None),
        ({}, None),
    ],
)
def test_a_page_may_say_what_it_is(front_matter: dict[str, object], kind: str | None) -> None:
    assert declared_kind(front_matter) == kind


def test_what_a_page_says_it_is_counts_before_its_folder() -> None:
    site = DocsSite(source="x", owner=SHOP, title="Shop", app_url=APP_URL)
    document = page_document(
        site, location="runbooks/x/", nav_title="X", sections=(), kind="incident"
    )
    assert page(document).kind == "incident"


@pytest.mark.parametrize("written", ["ghp_{}/", "x/ghp%5F{}/y/"])
def test_a_page_whose_address_holds_a_secret_is_a_failure_that_does_not_tell_it(
    written: str,
) -> None:
    secret = "".join(random.Random(7).choices(string.ascii_letters, k=36))  # noqa: S311
    location = written.format(secret)
    failure = page_document(SITE, location=location, nav_title="X", sections=())
    assert isinstance(failure, Failure)
    assert secret not in repr(failure)
    assert "component:default/shop: the address of a page holds a secret" in failure.reason
    assert not failure.covers(SITE.path_of(location))
