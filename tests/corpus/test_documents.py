"""A chunk's identity is its place; its hashes say which part of it changed."""

import dataclasses
import uuid
from datetime import UTC, datetime

import pytest

from portal_rag.corpus.entity_ref import EntityRef
from tests.factories import make_chunk

CHUNK = make_chunk("Drain the broker first.", modified_at=datetime(2025, 1, 2, tzinfo=UTC))


def test_what_is_embedded_is_the_title_path_and_the_text() -> None:
    assert CHUNK.embedded_text == "shop > runbook\nDrain the broker first."


def test_the_id_is_the_same_in_every_run_and_does_not_depend_on_the_text() -> None:
    changed = dataclasses.replace(CHUNK, text="other", url="https://elsewhere.example")
    assert changed.id == CHUNK.id == "7e207bf1-781b-57ea-8cb8-f705735809b7"
    assert uuid.UUID(CHUNK.id).version == 5


@pytest.mark.parametrize(
    "place", [{"source": "other"}, {"document_path": "other"}, {"ordinal": 1}], ids=str
)
def test_another_place_is_another_id(place: dict[str, object]) -> None:
    assert dataclasses.replace(CHUNK, **place).id != CHUNK.id


@pytest.mark.parametrize("change", [{"text": "other"}, {"title_path": ("shop", "x")}], ids=str)
def test_what_is_embedded_decides_about_the_content_hash_alone(change: dict[str, object]) -> None:
    changed = dataclasses.replace(CHUNK, **change)
    assert changed.content_hash != CHUNK.content_hash
    assert changed.metadata_hash == CHUNK.metadata_hash


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://elsewhere.example"},
        {"anchor": "x"},
        {"entity_ref": EntityRef("api", "default", "x")},
        {"resource_ref": EntityRef("api", "default", "x")},
        {"kind": "adr"},
        {"document_path": "other"},
        {"modified_at": None},
        {"modified_at": datetime(2025, 1, 3, tzinfo=UTC)},
    ],
    ids=str,
)
def test_everything_else_that_readers_see_decides_about_the_metadata_hash_alone(
    change: dict[str, object],
) -> None:
    changed = dataclasses.replace(CHUNK, **change)
    assert changed.metadata_hash != CHUNK.metadata_hash
    assert changed.content_hash == CHUNK.content_hash


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ("backstage/catalog", "catalog"),
        ("files/catalog", "catalog"),
        ("backstage/techdocs", "techdocs"),
        ("files/techdocs", "techdocs"),
        ("markdown/component:default/shop/catalog", "markdown"),
        ("wiki/catalog", None),
        ("techdocs", None),
        ("files/techdocs/more", None),
        ("", None),
    ],
)
def test_where_a_text_was_read_is_told_by_its_source(source: str, origin: str | None) -> None:
    assert make_chunk(source=source).governed.origin == origin


def test_a_text_is_governed_by_the_entity_of_its_files_and_the_one_it_is_about() -> None:
    chunk = make_chunk(entity="component:default/shop", resource="component:default/cart")
    assert set(map(str, chunk.governed.entities)) == {
        "component:default/shop",
        "component:default/cart",
    }
