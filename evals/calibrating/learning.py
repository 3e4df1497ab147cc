"""From labels to a calibration, and how well one does on labels that it was not fitted to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evals.calibrating.labels import DOCUMENT, Label, hash_of
from evals.calibrating.logistic import PENALTY, fit
from portal_rag.confidence.calibration import REFUSED, Calibration, Logistic
from portal_rag.confidence.features import AnswerKind
from portal_rag.corpus.store import IndexIdentity

FOLDS = 10
HIGH_PRECISION = 0.95
MEDIUM_PRECISION = 0.75
REFUSE_BELOW = 0.5
FEWEST = 20
"""Labels of documents to fit anything to; also how many must be above a threshold."""
_DRAWN = 10
Constants = Mapping[AnswerKind | Literal["refused"], float]


class TooFewLabelsError(Exception):
    """There is not enough to learn from; the message says of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A label, and the chance that was given to it by what was fitted without its group."""

    label: Label
    chance: float


def learn(
    labels: Sequence[Label], index: IndexIdentity, *, penalty: float = PENALTY
) -> Calibration:
    """Fit to all labels; thresholds are chosen by chances from cross-validation.

    Raises:
        TooFewLabelsError: too few answers from documents, or all right, or all wrong.
    """
    judged = cross_validate(labels, penalty=penalty)
    documents = [each for each in judged if each.label.kind == DOCUMENT]
    constants = dict(_constants(labels))
    refused = [each.label.refusing_is_right for each in documents if each.chance < REFUSE_BELOW]
    if refused:
        constants[REFUSED] = share(refused, _share([one.refusing_is_right for one in labels]))
    return Calibration(
        index=index,
        set_hash=hash_of(labels),
        labels=len(labels),
        documents=_fitted(labels, penalty),
        constants=dict(sorted(constants.items())),
        high=threshold(documents, HIGH_PRECISION),
        medium=threshold(documents, MEDIUM_PRECISION),
        refuse_below=REFUSE_BELOW,
    )


def cross_validate(labels: Sequence[Label], *, penalty: float = PENALTY) -> list[Judged]:
    """Judge each label by what was fitted without its fold; a group is never torn."""
    folds = fold_of({label.group for label in labels})
    judged: dict[int, Judged] = {}
    for fold in range(FOLDS):
        others = [label for label in labels if folds[label.group] != fold]
        documents, constants = _fitted(others, penalty), _constants(others)
        usual = _share([label.right for label in others])
        for position, label in enumerate(labels):
            if folds[label.group] != fold:
                continue
            chance = (
                documents.probability(label.features)
                if label.kind == DOCUMENT
                else constants.get(label.kind, usual)
            )
            if chance is not None:
                judged[position] = Judged(label=label, chance=chance)
    return [judged[position] for position in sorted(judged)]


def fold_of(groups: set[str]) -> Mapping[str, int]:
    """Deal groups out to folds, always in the same way."""
    ordered = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).hexdigest())
    return {group: position % FOLDS for position, group in enumerate(ordered)}


def threshold(judged: Sequence[Judged], precision: float) -> float | None:
    """Give the lowest chance from which on at least this share is right; None if there is none."""
    ordered = sorted(judged, key=lambda each: -each.chance)
    best, right = None, 0
    for count, each in enumerate(ordered, start=1):
        right += each.label.right
        is_last_of_equals = count == len(ordered) or ordered[count].chance < each.chance
        if is_last_of_equals and count >= FEWEST and right / count >= precision:
            best = each.chance
    return None if best is None else round(best, 4)


def share(outcomes: Sequence[bool], usual: float) -> float:
    """Give the share that is true, drawn towards the usual one as by ten more outcomes."""
    return round((sum(outcomes) + _DRAWN * usual) / (len(outcomes) + _DRAWN), 4)


def _fitted(labels: Sequence[Label], penalty: float) -> Logistic:
    documents = [label for label in labels if label.kind == DOCUMENT]
    right = [label.right for label in documents]
    if len(documents) < FEWEST or all(right) or not any(right):
        raise TooFewLabelsError(
            f"{len(documents)} answers from documents, {sum(right)} of them right, are too few to"
            " learn from; ask more questions whose answers are in documents"
        )
    return fit([label.features for label in documents], right, penalty=penalty)


def _constants(labels: Sequence[Label]) -> Constants:
    kinds = sorted({label.kind for label in labels} - {DOCUMENT})
    usual = _share([label.right for label in labels])
    return {
        kind: share([each.right for each in labels if each.kind == kind], usual) for kind in kinds
    }


def _share(outcomes: Sequence[bool]) -> float:
    return sum(outcomes) / len(outcomes)
