"""An API definition becomes the list of what the API offers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.api_definitions import MOST_CHARACTERS, ApiSummary, summarize

OPENAPI = """
openapi: 3.0.3
info: { title: Parcels API, version: 1.0.0 }
paths:
  /parcels:
    parameters: []
    post: { summary: Hand in a parcel, operationId: handIn }
    get: { operationId: listParcels }
  /parcels/{id}: { delete: {} }
  /broken:
"""


def operations(definition: str) -> tuple[str, ...]:
    summary = summarize(definition)
    assert summary is not None
    return summary.operations


def test_openapi_operations_are_method_path_and_purpose() -> None:
    assert summarize(OPENAPI) == ApiSummary(
        title="Parcels API",
        operations=(
            "POST /parcels Hand in a parcel",
            "GET /parcels listParcels",
            "DELETE /parcels/{id}",
        ),
    )


def test_json_is_read_as_well() -> None:
    definition = {"swagger": "2.0", "paths": {"/x": {"get": {"summary": "Read\n x"}}}}
    assert operations(json.dumps(definition)) == ("GET /x Read x",)


def test_asyncapi_channels_are_operations() -> None:
    assert operations(
        "asyncapi: 2.6.0\nchannels:\n  parcel.lost:\n    subscribe: { summary: A parcel is lost }\n"
    ) == ("subscribe parcel.lost A parcel is lost",)


def test_asyncapi_3_operations_name_their_channel() -> None:
    assert operations(
        "asyncapi: 3.0.0\noperations:\n  onLost:\n    action: receive\n"
        "    channel: { $ref: '#/channels/parcelLost' }\n    summary: A parcel is lost\n"
        "  odd: 1\n  other: { action: receive, channel: 3 }\n"
    ) == ("receive parcelLost A parcel is lost", "receive")


def test_protocol_buffers_are_read_by_service() -> None:
    assert operations(
        'syntax = "proto3";\n// rpc Old (A) returns (B);\nservice Parcels {\n'
        "  rpc HandIn (A) returns (B);\n  /* rpc Gone (A) */\n"
        "  rpc Find(A) returns (stream B) {}\n}"
    ) == ("Parcels.HandIn", "Parcels.Find")


def test_graphql_roots_are_operations_and_other_types_are_not() -> None:
    assert operations(
        '"""The root: of all"""\ntype Query {\n  # hidden: Int\n'
        "  parcel(\n    id: ID!\n  ): Parcel\n"
        '  "all: of them"\n  parcels: [Parcel]\n}\n'
        "type Parcel { weight: Int }\ntype Mutation { lose(id: ID!): Boolean }"
    ) == ("query parcel", "query parcels", "mutation lose")


@pytest.mark.parametrize(
    "definition",
    [
        "",
        "no definition at all",
        "openapi: 3.0.0\npaths: []",
        "openapi: 3.0.0\ninfo: text\n",
        "{not json",
        "[" * 10_000,
        "{" * 100_000,
        "a: [1",
        OPENAPI + " " * MOST_CHARACTERS,
    ],
)
def test_what_cannot_be_read_has_no_summary(definition: str) -> None:
    assert summarize(definition) is None


@given(st.text(alphabet="{}[]():\n type Query rpc service openapi paths get", max_size=200))
def test_no_definition_is_an_error(definition: str) -> None:
    summary = summarize(definition)
    assert summary is None or summary.operations


def test_what_has_no_end_ends_the_reading() -> None:
    """Each of these would take minutes if anything were looked for again and again."""
    for part in ("/*", "/* ", '"\\', "type Query ", '"""a ', "service ", "{", "("):
        assert summarize("service x\n" + part * 100_000) is None
    assert summarize("type Query {" + "\n" * 500_000 + "}") is None


def test_texts_and_comments_hide_no_calls_behind_them() -> None:
    assert operations(
        'service A {\n  option (x) = "/v1/*";\n  rpc One(X) returns (Y);\n  // rpc No\n'
        "  rpc Two(X) returns (Y); /* rpc Gone"
    ) == ("A.One", "A.Two")


def test_a_purpose_is_shortened_at_the_end_of_a_word() -> None:
    purpose = "word " * 38 + "x" * 40
    definition = json.dumps({"openapi": "3", "paths": {"/x": {"get": {"summary": purpose}}}})
    assert operations(definition) == ("GET /x " + "word " * 37 + "word",)
