from dataclasses import replace

import numpy as np
import pytest

from evals.calibrating.labels import Label
from evals.calibrating.learning import (
    FOLDS,
    Judged,
    TooFewLabelsError,
    cross_validate,
    fold_of,
    learn,
    threshold,
)
from evals.calibrating.measuring import lines, report, summary, worth_of
from portal_rag.confidence.calibration import calibration_to_json
from portal_rag.corpus.store import IndexIdentity

INDEX = IndexIdentity(embedding="hashing@64", schema=3, chunking=1)


def drawn_labels() -> list[Label]:
    """The nearer, the more often right; facts nearly always; groups of two."""
    chooser = np.random.default_rng(7)
    labels = [
        Label(
            group=f"page-{number // 2}",
            kind="document",
            features={"similarity": float(near), "same": 1.0},
            right=bool(chooser.random() < near),
            refusing_is_right=bool(chooser.random() > near),
        )
        for number in range(300)
        for near in [chooser.random()]
    ]
    facts = [
        Label(
            group=f"fact-{number}",
            kind="fact",
            features={},
            right=number % 20 != 0,
            refusing_is_right=False,
        )
        for number in range(100)
    ]
    return labels + facts


LABELS = drawn_labels()


def test_chances_of_labels_that_were_not_fitted_to_are_calibrated() -> None:
    judged = cross_validate(LABELS)
    worth = worth_of([each.chance for each in judged], [each.label.right for each in judged])
    assert worth.labels == len(LABELS)
    assert worth.ece is not None
    assert worth.ece < 0.1
    assert worth.auroc is not None
    assert worth.auroc > 0.75


def test_the_same_labels_give_the_same_bytes() -> None:
    first = calibration_to_json(learn(LABELS, INDEX))
    assert calibration_to_json(learn(drawn_labels(), INDEX)) == first


def test_a_label_more_is_another_set() -> None:
    more = [*LABELS, replace(LABELS[0], group="new")]
    assert learn(more, INDEX).set_hash != learn(LABELS, INDEX).set_hash


def test_a_feature_that_goes_with_being_right_has_a_positive_weight() -> None:
    fitted = learn(LABELS, INDEX).documents
    assert fitted.features == ("similarity",)
    near, far = fitted.probability({"similarity": 0.9}), fitted.probability({"similarity": 0.1})
    assert near is not None
    assert far is not None
    assert near > 0.7
    assert far < 0.3


def test_other_kinds_have_the_share_of_theirs_that_was_right() -> None:
    constants = learn(LABELS, INDEX).constants
    usual = sum(label.right for label in LABELS) / len(LABELS)
    assert constants["fact"] == pytest.approx((95 + 10 * usual) / 110, abs=1e-4)
    assert constants["refused"] > 0.6
    assert set(constants) == {"fact", "refused"}


def test_a_group_is_never_torn_and_folds_are_even() -> None:
    folds = fold_of({f"page-{number}" for number in range(52)})
    sizes = [list(folds.values()).count(fold) for fold in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1
    assert folds == fold_of({f"page-{number}" for number in reversed(range(52))})


def test_what_was_fitted_does_not_know_the_labels_that_it_judges() -> None:
    """Labels of one group that are all wrong do not lower their own chance."""
    changed = [replace(one, right=False) if one.group == "fact-1" else one for one in LABELS]
    before = {each.label.group: each.chance for each in cross_validate(LABELS)}
    after = {each.label.group: each.chance for each in cross_validate(changed)}
    assert after["fact-1"] == before["fact-1"]


def judged(*rows: tuple[float, bool]) -> list[Judged]:
    label = next(one for one in LABELS if one.kind == "document")
    return [Judged(label=replace(label, right=right), chance=chance) for chance, right in rows]


def test_a_threshold_is_the_lowest_chance_that_keeps_what_is_promised() -> None:
    rows = [(0.9, True)] * 38 + [(0.8, False)] * 2 + [(0.7, False)] * 40
    assert threshold(judged(*rows), 0.95) == 0.8
    assert threshold(judged(*rows), 0.99) == 0.9
    assert threshold(judged(*rows), 0.4) == 0.7
    assert threshold(judged(*([(0.9, False)] * 40)), 0.95) is None
    assert threshold(judged(*([(0.9, True)] * 3)), 0.95) is None


@pytest.mark.parametrize("right", [True, False])
def test_labels_that_teach_nothing_are_refused(right: bool) -> None:
    with pytest.raises(TooFewLabelsError, match="too few to learn from"):
        learn([replace(one, right=right) for one in LABELS], INDEX)
    with pytest.raises(TooFewLabelsError, match="0 answers from documents"):
        learn([one for one in LABELS if one.kind == "fact"], INDEX)


def test_the_report_says_what_the_chances_are_worth() -> None:
    calibration, known = learn(LABELS, INDEX), cross_validate(LABELS)
    figures = report(known, calibration)
    assert list(figures)[:3] == ["all", "document", "fact"]
    text = "\n".join(summary(known, calibration))
    assert "All, cross-validated: 400 labels" in text
    assert "Thresholds: high" in text
    assert "ECE none" in next(iter(lines("nothing", worth_of([], []))))
