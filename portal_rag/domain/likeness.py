"""Whether a text speaks of what a question asks for, judged by words that begin alike."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_TELLING = 4
"""Words that are shorter say too little."""


def speaks_of(text: str, words: Iterable[str]) -> bool:
    """Say whether the text has one of the words, or one that begins with it or that it begins."""
    told = _WORD.findall(text.lower())
    asked = [part for word in words for part in _WORD.findall(word.lower())]
    return any(_are_alike(one, other) for one in asked for other in told)


def _are_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _TELLING and longer.startswith(shorter)
