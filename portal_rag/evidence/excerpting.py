"""Which part of a long text is shown: the lines around those that match the question."""

from collections.abc import Callable, Collection

Terms = Callable[[str], Collection[int]]
"""Gives the terms of a text, as the index matches them."""


def window(text: str, asked: Collection[int], *, length: int, terms: Terms) -> str:
    """Cut out at most `length` characters: the run of whole lines that holds most of what is asked.

    The lines of the best run are followed by as many as fit. A line that is longer by itself is
    cut. What is returned stands in the text as it is.
    """
    if len(text) <= length:
        return text
    lines = text.split("\n")
    wanted = [frozenset(terms(line)).intersection(asked) for line in lines]
    best, most = (0, 0), -1
    for first in range(len(lines)):
        last = _last_that_fits(lines, first, length)
        held = len(frozenset[int]().union(*wanted[first : last + 1]))
        if held > most:
            best, most = (first, last), held
    first, last = best
    return "\n".join(lines[first : last + 1])[:length].strip("\n")


def _last_that_fits(lines: list[str], first: int, length: int) -> int:
    """Give the last line of the longest run from `first` on; the first line is always in it."""
    size, last = len(lines[first]), first
    while last + 1 < len(lines) and size + 1 + len(lines[last + 1]) <= length:
        last += 1
        size += 1 + len(lines[last])
    return last
