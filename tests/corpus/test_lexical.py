"""Terms of technical prose: identifiers are found whole, and by their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.lexical import document_terms, query_terms


def overlap(document: str, query: str) -> float:
    """Score a document as the engine would if all terms were equally rare."""
    weights = document_terms(document)
    asked = set(query_terms(query).indices)
    pairs = zip(weights.indices, weights.values, strict=True)
    return sum(value for index, value in pairs if index in asked)


@pytest.mark.parametrize(
    ("document", "query"),
    [
        ("restart the checkout-service", "checkout"),
        ("restart the checkout-service", "checkout service"),
        ("restart the checkout-service", "CheckoutService"),
        ("table redis_old", "old redis"),
        ("see PaymentGatewayClient", "gateway"),
        ("see PaymentGatewayClient", "paymentgatewayclient"),
        ("the payment gateway client", "PaymentGatewayClient"),
        ("an HTTPServer of ours", "http server"),
        ("GET api/v1/orders", "orders"),
        ("needs v1.2.3", "1.2.3"),
        ("needs 1.2.3", "v1.2.3"),
        ("rolling deployments", "deployment"),
        ("Größe ändern", "größe"),
    ],
)
def test_a_document_is_found(document: str, query: str) -> None:
    assert overlap(document, query) > 0


@pytest.mark.parametrize(
    ("query", "whole", "apart"),
    [
        ("checkout-service", "the checkout-service here", "checkout for this service"),
        ("redis_old", "drop redis_old now", "the old one is redis"),
        ("api/v1/orders", "call api/v1/orders now", "orders of the v1 api now"),
        ("1.20.3", "since 1.20.3 only", "3 of 20 are 1 only"),
    ],
)
def test_an_identifier_counts_more_whole_than_apart(query: str, whole: str, apart: str) -> None:
    assert overlap(whole, query) > overlap(apart, query) > 0


def test_each_term_of_a_question_counts_once() -> None:
    terms = query_terms("redis redis REDIS broker")
    assert len(terms.indices) == 2
    assert terms.values == (1.0, 1.0)


def test_frequent_terms_weigh_more_and_long_texts_less() -> None:
    assert overlap("redis redis", "redis") > overlap("redis broker", "redis")
    assert overlap("redis", "redis") > overlap("redis" + " broker" * 500, "redis")


@pytest.mark.parametrize("text", ["", " ", "the of and", "?! --- ...", "_"])
def test_words_that_say_nothing_are_no_terms(text: str) -> None:
    assert query_terms(text).indices == document_terms(text).indices == ()


def test_a_long_path_is_not_one_term() -> None:
    path = "/".join(["segment"] * 10)
    assert len(query_terms(path).indices) == 1


@pytest.mark.parametrize("run", ["a", "A", "a-", "aB", "_", ".", "0"])
def test_long_runs_of_one_kind_are_read_in_one_pass(run: str) -> None:
    assert len(query_terms(run * 200_000).indices) <= 3


@given(st.text())
def test_terms_are_distinct_sorted_and_the_same_every_time(text: str) -> None:
    for terms in (document_terms(text), query_terms(text)):
        assert list(terms.indices) == sorted(set(terms.indices))
        assert len(terms.indices) == len(terms.values)
        assert all(value > 0 for value in terms.values)
    assert document_terms(text) == document_terms(text)
    assert set(query_terms(text).indices) == set(document_terms(text).indices)
