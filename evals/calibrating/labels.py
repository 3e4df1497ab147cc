"""Judged answers as labels: of which kind, with which features, and whether right."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import get_args

from evals.calibrating.paraphrasing import ORIGINAL
from evals.golden_set.records import CaseRecord
from evals.golden_set.summing import is_right
from portal_rag.confidence.features import AnswerKind

_KINDS: Mapping[str, AnswerKind] = {kind: kind for kind in get_args(AnswerKind)}
DOCUMENT: AnswerKind = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """An answer that was right or wrong; those of one group are about the same source.

    `refusing_is_right` says whether no answer at all would have been right.
    """

    group: str
    kind: AnswerKind
    features: Mapping[str, float]
    right: bool
    refusing_is_right: bool


def labels_of(records: Iterable[CaseRecord]) -> Iterator[Label]:
    """Give the label of each answer that claims something and whose kind is known."""
    for each in records:
        judged = each.understood
        kind = _KINDS.get(judged.judged_as or "") if judged else None
        if each.passed is None or judged is None or kind is None:
            continue
        if kind == DOCUMENT and not (judged.judged_by and _cites(each)):
            continue
        yield Label(
            group=str(each.case.provenance.get(ORIGINAL, each.case.cluster)),
            kind=kind,
            features=judged.judged_by,
            right=is_right(each),
            refusing_is_right="refuse" in each.case.expect.outcomes,
        )


def _cites(each: CaseRecord) -> bool:
    """Whether there is an answer: one that was too uncertain was judged and not given."""
    return bool(each.answer and each.answer.get("sources"))


def hash_of(labels: Sequence[Label]) -> str:
    """Name a set of labels: another one has another name."""
    rows = sorted(json.dumps(asdict(label), sort_keys=True) for label in labels)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
