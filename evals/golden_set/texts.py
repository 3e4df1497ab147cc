"""Texts made comparable: Markdown escapes undone, white space and case made one."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_QUOTE_MARK = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*|__")
_SPACE = re.compile(r"\s+")
_CITATION = re.compile(r"(?<!\\)\[(\d+)\](?!\()")
_VOLATILE = frozenset({"id", "conversationId", "requestId", "fetchedAt", "tookMs"})
"""Made anew for each answer; chance may put anything into them."""


def normalised(text: str) -> str:
    """Undo escapes, quoting and type faces; fold white space, compatible characters and case."""
    plain = _ESCAPED.sub(r"\1", _EMPHASIS.sub("", _QUOTE_MARK.sub("", text))).replace("`", "")
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", plain)).strip().casefold()


def citations(text: str) -> tuple[int, ...]:
    """Give the numbers cited in a text, in order, each once."""
    return tuple(dict.fromkeys(int(number) for number in _CITATION.findall(text)))


def without_citations(text: str) -> str:
    """Leave out the numbers in brackets."""
    return _CITATION.sub("", text)


def everything_said(answer: Mapping[str, Any]) -> str:
    """Join every text of an answer, but for what differs each time."""
    return normalised("\n".join(_texts(answer)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name not in _VOLATILE:
                yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif value is not None:
        yield str(value)
