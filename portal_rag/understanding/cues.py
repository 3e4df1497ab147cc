"""Words that tell what a question wants, each with how much it says: the file cues.yaml."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from portal_rag.domain import Intent

_WORDS = re.compile(r"<([a-z-]+)>")


@dataclass(frozen=True, slots=True)
class _Cue:
    intent: Intent
    weight: float
    pattern: re.Pattern[str]


def cue_scores(masked: str) -> Mapping[Intent, float]:
    """Add up what the words of a question say for each intent; names must be masked already."""
    scores: dict[Intent, float] = defaultdict(float)
    for cue in _cues():
        if cue.pattern.search(masked):
            scores[cue.intent] += cue.weight
    return scores


@cache
def _cues() -> tuple[_Cue, ...]:
    file = yaml.safe_load(
        resources.files("portal_rag.understanding").joinpath("cues.yaml").read_text("utf-8")
    )
    words: Mapping[str, str] = file["words"]
    return tuple(
        _Cue(intent, weight, _compiled(pattern, words))
        for intent, cues in file["cues"].items()
        for weight, pattern in cues
    )


def _compiled(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    whole = _WORDS.sub(lambda found: words[found[1]], pattern)
    return re.compile(whole, re.IGNORECASE)
