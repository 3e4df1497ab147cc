"""The figures of a ranked list are those of trec_eval."""

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics.ranking import hit, ndcg, recall, reciprocal_rank

PAGES = [f"page-{number}" for number in range(30)]
RANKED = st.lists(st.sampled_from(PAGES), unique=True, min_size=1, max_size=20)
RELEVANT = st.sets(st.sampled_from(PAGES), min_size=1, max_size=15)


def by_trec_eval(ranked: list[str], relevant: set[str]) -> dict[str, float]:
    measures = {"ndcg_cut.10", "recall.5", "success.5", "recip_rank"}
    judge = pytrec_eval.RelevanceEvaluator({"q": dict.fromkeys(relevant, 1)}, measures)
    scores = {page: 1.0 / rank for rank, page in enumerate(ranked, start=1)}
    figures: dict[str, float] = judge.evaluate({"q": scores})["q"]
    return figures


@given(RANKED, RELEVANT)
def test_every_measure_is_that_of_trec_eval(ranked: list[str], relevant: set[str]) -> None:
    expected = by_trec_eval(ranked, relevant)
    assert ndcg(ranked, relevant) == pytest.approx(expected["ndcg_cut_10"])
    assert recall(ranked, relevant, 5) == pytest.approx(expected["recall_5"])
    assert hit(ranked, relevant, 5) == expected["success_5"]
    assert reciprocal_rank(ranked, relevant, 20) == pytest.approx(expected["recip_rank"])


def test_what_stands_behind_the_cut_counts_for_nothing() -> None:
    assert reciprocal_rank(["a", "b"], {"b"}, 1) == 0
    assert ndcg(["a", "b"], {"b"}, 1) == 0


def test_nothing_relevant_is_nothing_found() -> None:
    assert ndcg(["a"], set()) == recall(["a"], set(), 5) == reciprocal_rank([], {"a"}) == 0
