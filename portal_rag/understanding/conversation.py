"""What a question takes from what was said before: pointing words, and questions cut short."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal_rag.domain import Question
from portal_rag.understanding.naming import Named, Naming, Wanted
from portal_rag.understanding.words import (
    is_identifier,
    kinds_of,
    references,
    subject_words,
    telling_tokens,
)

MOST_READ = 1_000
"""Characters of a message that are read for intent and names; all of it is searched for."""
_MOST_EARLIER = 10
_TIMES = r"(?! (?:week|month|year|morning|afternoon|evening|time|quarter)\b)"
_KINDS = r"(?:one|service|component|api|system|resource|database|library|thing|page|entity)"
_HERE = re.compile(rf"\b(?:this{_TIMES}|here)\b", re.IGNORECASE)
_ONE = re.compile(
    rf"\b(?:it|its|it['\u2019]s|that {_KINDS}|this {_KINDS}|the same)\b", re.IGNORECASE
)
_MANY = re.compile(
    r"\b(?:they|them|their|those|these|that team|this team|the owners?)\b", re.IGNORECASE
)
_ANY = re.compile(r"\b(?:that|there)\W*$|\b(?:does|is|was|did|will|do) that\b", re.IGNORECASE)
_CUT_SHORT = re.compile(
    r"^\W*(?:ok(?:ay)?|and|so|but|also|then|or|hm+|thanks?|great)?\W*"
    r"(?:and|or|also|what about|how about|what of|same for|then)\b",
    re.IGNORECASE,
)
_FRESH = re.compile(
    r"^\W*(?:(?:an)?other|new|different|next|unrelated) (?:topic|question|subject|thing)\b",
    re.IGNORECASE,
)
_SAYING_NOTHING = frozenset(
    "a about also an and any are as at but else for how hm in instead is it its not now of ok okay"
    " on one ones or other others please same so thanks that the their them then these they this"
    " those to too well what which with we do us there".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """How a question leans on the page it is asked on, or on what was asked before.

    `here` points to the page; `at_one` and `at_many` to one or several things; `is_cut_short`
    begins as a second question does; `words` is the pointing word, where there is one.
    """

    here: bool
    at_one: bool
    at_many: bool
    is_cut_short: bool
    is_fresh: bool
    words: tuple[int, int] | None

    @property
    def leans(self) -> bool:
        """Whether it can be understood only with something else."""
        return not self.is_fresh and (
            self.here or self.at_one or self.at_many or self.is_cut_short or self.words is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The latest message that names something, and the latest question that asks something."""

    named: tuple[Named, ...]
    named_in: str
    asked: str | None


def pointing(text: str) -> Pointing:
    """Find the words that point somewhere."""
    found = [pattern.search(text) for pattern in (_ONE, _MANY, _ANY, _HERE)]
    first = next((match.span() for match in found if match), None)
    return Pointing(
        here=bool(_HERE.search(text)),
        at_one=bool(_ONE.search(text)),
        at_many=bool(_MANY.search(text)),
        is_cut_short=bool(_CUT_SHORT.match(text)) or not subject_words(text),
        is_fresh=bool(_FRESH.match(text)),
        words=first,
    )


def says_nothing(text: str, read: Sequence[tuple[int, int]]) -> bool:
    """Say whether a question names something at most, and asks nothing of its own about it."""
    return all(
        token.lower() in _SAYING_NOTHING
        or bool(kinds_of(token.lower()))
        or any(start < until and since < end for since, until in read)
        for start, end, token in telling_tokens(text)
        if token
    )


async def earlier(question: Question, naming: Naming, wanted: Wanted) -> Earlier:
    """Look back: names in what was asked count before names in what was answered.

    An answer counts only for what it names whole, and as the asker may see it now; nothing else of
    what it says is believed.
    """
    asked = [*_latest(question, "user")]
    full = next((text for text in asked if not _is_short(text)), asked[0] if asked else None)
    for text in asked:
        named = await naming.named(text, wanted)
        if named:
            return Earlier(named=named, named_in=text, asked=full)
    for text in _latest(question, "assistant"):
        named = tuple(each for each in await naming.named(text, wanted) if _is_whole(each))
        if named:
            return Earlier(named=named, named_in=text, asked=full)
    return Earlier(named=(), named_in="", asked=full)


def _latest(question: Question, role: str) -> Iterable[str]:
    contents = [turn.content[:MOST_READ] for turn in question.history if turn.role == role]
    return reversed(contents[-_MOST_EARLIER:])


def _is_short(text: str) -> bool:
    """Say whether an earlier question was itself one that only names something else."""
    if not _CUT_SHORT.match(text):
        return False
    names = [(start, end) for start, end, token in telling_tokens(text) if is_identifier(token)]
    return says_nothing(text, names)


def _is_whole(named: Named) -> bool:
    is_name = is_identifier(named.words) or any(True for _ in references(named.words))
    return named.is_exact and not named.is_assumed and is_name
