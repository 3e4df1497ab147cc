"""What is written to an index is what is read from it, and the filter never widens."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.constraints import AnyOf, Everything, Nothing
from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import hashed
from portal_rag.corpus.schema import (
    INDEXED_KEYS,
    check_continuable,
    check_readable,
    from_payload,
    manifest_from_json,
    manifest_to_json,
    to_mark,
    to_metadata,
    to_payload,
    visibility_hash,
)
from portal_rag.corpus.selection import PREDICATES, RESOURCE_REF, select
from portal_rag.corpus.store import Manifest, Run, StoredChunk, StoredMark
from portal_rag.corpus.visibility import GateDecides, OnlyResources
from portal_rag.errors import ConfigurationError, IndexUnavailableError
from tests.corpus.stores import RUN, make_manifest
from tests.factories import make_chunk

KNOWN = hashed(frozenset({"kind=api"}), salt="s")

names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]{0,20}", fullmatch=True)
refs = st.builds(EntityRef, names, names, names)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
instants = st.datetimes(min_value=datetime(1990, 1, 1), timezones=zones)
chunks = st.builds(
    Chunk,
    source=st.text(min_size=1),
    document_path=st.text(min_size=1),
    ordinal=st.integers(min_value=0, max_value=10**6),
    title_path=st.lists(st.text()).map(tuple),
    text=st.text(),
    url=st.text(),
    anchor=st.text(),
    entity_ref=refs,
    resource_ref=refs,
    kind=st.sampled_from(["runbook", "adr", "guide", "readme", "incident", "api", "entity"]),
    modified_at=st.none() | instants,
)


@given(chunk=chunks, started_at=instants)
def test_a_payload_holds_all_of_a_chunk_and_is_json(chunk: Chunk, started_at: datetime) -> None:
    payload = json.loads(json.dumps(to_payload(chunk, Run(id="r", started_at=started_at), KNOWN)))
    assert from_payload(payload) == StoredChunk(chunk=chunk, indexed_at=started_at)
    assert to_mark(payload) == StoredMark(
        document_path=chunk.document_path,
        resource_ref=str(chunk.resource_ref),
        content_hash=chunk.content_hash,
        metadata_hash=chunk.metadata_hash,
        visibility_hash=visibility_hash(KNOWN),
    )
    assert set(INDEXED_KEYS) <= payload.keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"entity_ref": "component:default/not a secret"},
        {"resource_ref": "x" * 400},
        {"resource_ref": None},
        {"indexed_at": "yesterday"},
        {"title_path": None},
    ],
)
def test_a_payload_that_cannot_be_read_is_no_fault_of_the_asker_and_not_repeated(
    wrong: dict[str, object],
) -> None:
    payload = to_payload(make_chunk(), RUN, KNOWN)
    with pytest.raises(IndexUnavailableError) as caught:
        from_payload(payload | wrong)
    assert not any(str(value) in caught.value.message for value in wrong.values())
    with pytest.raises(IndexUnavailableError):
        from_payload({})


def test_metadata_leaves_the_text_and_its_hash_alone() -> None:
    chunk = make_chunk()
    rest = to_payload(chunk, RUN, KNOWN).keys() - to_metadata(chunk, RUN).keys()
    kept_apart = set(PREDICATES.values())
    assert rest == {"text", "title_path", "content_hash", "visibility_hash", *kept_apart}


@given(readable=st.frozensets(refs))
def test_the_filter_is_exactly_the_resources_that_may_be_read(
    readable: frozenset[EntityRef],
) -> None:
    selected = select(OnlyResources(readable))
    if readable:
        assert selected == AnyOf(RESOURCE_REF, tuple(sorted(map(str, readable))))
    else:
        assert selected == Nothing()


def test_only_a_gate_lifts_the_filter() -> None:
    assert select(GateDecides()) == Everything()


@given(
    manifest=st.builds(
        Manifest,
        schema_version=st.integers(),
        embedding_fingerprint=st.text(),
        dimensions=st.integers(),
        sources=st.lists(st.text()).map(tuple),
        built_from_files=st.booleans(),
        chunk_count=st.integers(),
        run_id=st.text(),
        published_at=instants,
    )
)
def test_a_manifest_survives_json(manifest: Manifest) -> None:
    assert manifest_from_json(json.loads(json.dumps(manifest_to_json(manifest)))) == manifest


@pytest.mark.parametrize("encoded", [None, {}, [], "x", {"schema_version": 1}])
def test_something_else_is_not_a_manifest(encoded: object) -> None:
    with pytest.raises(IndexUnavailableError, match="--rebuild"):
        manifest_from_json(encoded)


def test_a_fitting_index_may_be_read_and_continued() -> None:
    manifest = make_manifest(3)
    check_readable(manifest, fingerprint="hashing@64")
    check_continuable(manifest, fingerprint="hashing@64")


def test_an_index_made_otherwise_may_be_neither_read_nor_continued() -> None:
    for manifest, reason in (
        (make_manifest(3, schema_version=0), "schema version 0"),
        (make_manifest(3), r"hashing@64.*hashing@32"),
    ):
        with pytest.raises(IndexUnavailableError, match=reason):
            check_readable(manifest, fingerprint="hashing@32")
        with pytest.raises(ConfigurationError, match=reason):
            check_continuable(manifest, fingerprint="hashing@32")
