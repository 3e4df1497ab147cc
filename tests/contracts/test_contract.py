"""The check of a contract: what it lets through, and that it can fail."""

import dataclasses
import json
from typing import Any

import pytest

from tests.contracts.contract import Exchange, qdrant_contract
from tests.contracts.extract import QDRANT, as_text, extract

ASKED = {
    "query": [0.1, 0.2],
    "using": "dense",
    "filter": {"must": [{"key": "resource_ref", "match": {"any": ["component:default/shop"]}}]},
    "limit": 3,
    "with_payload": True,
}
POINT = {"id": 7, "version": 1, "score": 0.5, "payload": {"text": "anything"}}
ANSWER = {"result": {"points": [POINT]}, "status": "ok", "time": 0.1}
QUESTION = Exchange(
    method="POST",
    path="/collections/portal/points/query",
    query="timeout=2",
    body=json.dumps(ASKED).encode(),
    answer=json.dumps(ANSWER).encode(),
)


def asking(**changed: Any) -> Exchange:
    return dataclasses.replace(QUESTION, body=json.dumps({**ASKED, **changed}).encode())


def answering(answer: Any) -> Exchange:
    return dataclasses.replace(QUESTION, answer=json.dumps(answer).encode())


def test_what_the_description_allows_is_let_through() -> None:
    assert qdrant_contract().violations(QUESTION) == []


def test_a_refusal_that_is_described_is_let_through() -> None:
    refusal = json.dumps({"status": {"error": "not found"}, "time": 0.0}).encode()
    refused = dataclasses.replace(QUESTION, status=404, answer=refusal)
    assert qdrant_contract().violations(refused) == []


def test_an_answer_that_is_no_json_is_not_judged() -> None:
    refused = dataclasses.replace(QUESTION, status=401, answer_type="text/plain", answer=b"No")
    assert qdrant_contract().violations(refused) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (asking(usin="dense"), "usin"),
        (asking(limit="3"), "limit"),
        (asking(limit=0), "limit"),
        (asking(filter={"must": [{"key": "a", "mach": {"any": ["x"]}}]}), "mach"),
        (asking(params={"exakt": True}), "exakt"),
        (dataclasses.replace(QUESTION, body=b"{"), "application/json"),
        (dataclasses.replace(QUESTION, query="timout=2"), "timout"),
        (dataclasses.replace(QUESTION, query="timeout=soon"), "soon"),
        (dataclasses.replace(QUESTION, path="/collections/portal/points/quary"), "no such path"),
        (dataclasses.replace(QUESTION, method="GET"), "no such path or method"),
        (answering({**ANSWER, "result": {"pionts": []}}), "in the answer"),
        (answering({**ANSWER, "result": {"points": [{**POINT, "score": "high"}]}}), "score"),
        (dataclasses.replace(QUESTION, answer=b"{"), "in the answer"),
    ],
)
def test_what_the_description_does_not_allow_is_named(wrong: Exchange, named: str) -> None:
    (violation,) = qdrant_contract().violations(wrong)
    assert violation.startswith(str(wrong))
    assert named in violation
    assert len(violation) < 400


def test_the_extract_is_what_the_script_makes() -> None:
    written = QDRANT.read_text(encoding="utf-8")
    assert as_text(extract(json.loads(written))) == written
