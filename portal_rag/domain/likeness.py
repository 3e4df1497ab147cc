"""Whether a text speaks of what a question asks for, and which words must not be missing."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W_]+(?:[-_./]+[^\W_]+)+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*")
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]{1,4}s?")
_TELLING = 4
"""Words that are shorter say too little."""


def speaks_of(text: str, words: Iterable[str]) -> bool:
    """Say whether the text has one of the words, or one that begins with it or that it begins."""
    told = _WORD.findall(text.lower())
    asked = [part for word in words for part in _WORD.findall(word.lower())]
    return any(_are_alike(one, other) for one in asked for other in told)


def is_name(word: str) -> bool:
    """Say whether a word is written as names of things are: `price-changes`, `FraudScorer`."""
    return bool(_NAME.fullmatch(word))


def is_particular(word: str) -> bool:
    """Say whether a word can hardly be said otherwise: a name, or letters such as `SLO`."""
    return is_name(word) or bool(_ACRONYM.fullmatch(word))


def _are_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _TELLING and longer.startswith(shorter)
