"""The words of a question: how names are spelled in words, and which words name nothing."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_POSSESSIVE = re.compile(r"['\u2019]s\b")
_WORD = re.compile(
    r"[A-Z]{2,}s\b|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z\u00df-\u00f6\u00f8-\u00ff]+|[A-Z]+|\d+|[^\W\d_]+"
)
_TOKEN = re.compile(r"[^\s,;?!\"'`()\[\]{}<>*]+")
_REFERENCE = re.compile(r"\b[a-zA-Z]+:[\w.-]+(?:/[\w.-]+)?|\b[\w.-]+/[\w.-]+\b")
_IDENTIFIER = re.compile(r"[^\W_]+(?:[-_.]+[^\W_]+)+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*")
_TICKET = re.compile(r"\b[a-z][a-z0-9]*-\d+\b", re.IGNORECASE)
_BREAK = re.compile(r"[,;:?!()\[\]{}\"`\n]|\s[-\u2013\u2014]|\.\s")
_SHORTEST_PLURAL = 4
_ODD_PLURALS: Mapping[str, str] = {"apis": "api", "dbs": "db"}

KINDS_OF_WORDS: Mapping[str, frozenset[str]] = {
    word: frozenset(kinds.split())
    for words, kinds in {
        "service component microservice app application website library": "component",
        "api": "api",
        "resource database db cluster cache bucket queue": "resource",
        "system": "system",
        "domain": "domain",
        "team group squad": "group",
        "template": "template",
        "user": "user",
    }.items()
    for word in words.split()
}
"""Words, in the singular, that say what kind of entity a name belongs to."""
FUNCTION_WORDS = frozenset(
    "a about affected all am an and any are as at be been being by can contact could dashboard"
    " dashboards dependencies dependents depend depends did do does docs documentation find for"
    " from get give goes had has have how i if impacted in into is it its know lifecycle link"
    " links list looks main maintain maintained maintains me member members my need needs of on"
    " our own owned owner owners owns please reach related relies rely repo repository"
    " responsible runbook runs see should show source still tell that the their them there these"
    " this those to up us use used uses using want was we were what when where which who whom"
    " whose why will with works would you your code consume consumed consumes call calls away"
    " breaks provide provides expose exposes able also currently located live lives more now part"
    " parts nowadays today please charge connected neighbours retired deprecated experimental"
    " production described describe purpose description monitoring grafana git github gitlab slack"
    " channel chat email exactly dependent down again actually really just offer offers offered"
    " provided exposed consumed needed rely relied depending after look people person ask belong"
    " belongs belonging inside under within consist consists made".split()
)
_SAYING_LITTLE = frozenset(
    "anybody anyone anything everybody everyone everything nobody somebody someone something else"
    " ok okay pls thanks hi hello too one ones other others plus yet off comes come callers caller"
    " calling called implements implement reads read holds hold deps indirect indirectly"
    " transitively wants sees".split()
)
_SAYING_WHERE_TO_LOOK = frozenset(
    "page pages doc guide guides wheres whats hows steps step command commands way where'd file"
    " says say said tell explain describe valid thing things anyway hey got get getting just went"
    " fine right many much long far often soon do so line one sentence short wtf does dont"
    " cant need someone first new".split()
)
_THINGS = frozenset("entity entities thing things".split())
_ENDING_PHRASES = FUNCTION_WORDS | frozenset(
    "abort alert backup build canary change changed changes command config configuration deploy"
    " deployed deployment deploys file folder going helm incident last latest module move moving"
    " new old oncall or page path pls plus recent recently release restart restarting rollback"
    " rollout run running runbooks says scale set slow spec start steps stop terraform tf"
    " upgrade version whoever happens happened not so too then than other another one ones ok"
    " okay hi hello but no yes cannot dont doesnt wheres whos whats anybody anyone anything"
    " everyone everything somebody someone something exist exists built deps health healthy"
    " without within over between against before during since until while because".split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case and in the singular, as far as that can be told, and where it stands."""

    start: int
    end: int
    text: str
    stem: str


@lru_cache(maxsize=8192)
def spelled(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words at separators, digits and camel case."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Take the plural off a word, as far as its ending tells."""
    if word in _ODD_PLURALS:
        return _ODD_PLURALS[word]
    if len(word) < _SHORTEST_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]


@lru_cache(maxsize=8192)
def stems(name: str) -> tuple[str, ...]:
    """Split a name into its words in the singular."""
    return tuple(map(stem, spelled(name)))


def words_of(text: str) -> list[Word]:
    """Find the words of a text, without the endings of possession."""
    blanked = _POSSESSIVE.sub(lambda match: " " * len(match.group()), text)
    return [
        Word(m.start(), m.end(), m.group().lower(), stem(m.group().lower()))
        for m in _WORD.finditer(blanked)
    ]


@lru_cache(maxsize=8192)
def kinds_of(word: str) -> frozenset[str]:
    """Say which kinds of entities a word speaks of; none for most words."""
    return KINDS_OF_WORDS.get(stem(word), frozenset())


def names_nothing(word: str) -> bool:
    """Say whether a word alone hardly is a name, though a longer name may hold it."""
    return word in FUNCTION_WORDS or word in _THINGS or stem(word) in KINDS_OF_WORDS


def phrases(text: str, words: Sequence[Word]) -> Iterable[tuple[int, int]]:
    """Yield the runs of words, as positions, that function words and punctuation leave together."""
    start = None
    for position, word in enumerate(words):
        ends = word.text in _ENDING_PHRASES
        apart = position > 0 and _BREAK.search(text, words[position - 1].end, word.start)
        if start is not None and (ends or apart):
            yield start, position
            start = None
        if start is None and not ends:
            start = position
    if start is not None:
        yield start, len(words)


def telling_tokens(text: str) -> tuple[tuple[int, int, str], ...]:
    """Find what is written between spaces, marks and endings of possession, and where."""
    blanked = _POSSESSIVE.sub(lambda match: " " * len(match.group()), text)
    found = []
    for match in _TOKEN.finditer(blanked):
        token = match.group().strip(".:-")
        start = match.start() + match.group().find(token)
        found.append((start, start + len(token), token))
    return tuple(found)


def subject_words(text: str) -> str:
    """Leave what a question is about: what stands between its first and last telling word."""
    found = _TOKEN.finditer(_POSSESSIVE.sub("", text))
    tokens = [token for token in found if any(map(str.isalnum, token.group()))]
    plain = [token.group().rstrip(".:").lower() for token in tokens]
    telling = [i for i, word in enumerate(plain) if word not in FUNCTION_WORDS]
    while len(telling) > 1 and names_nothing(plain[telling[0]]):
        telling.pop(0)
    kept = tokens[telling[0] : telling[-1] + 1] if telling else []
    return " ".join(token.group().rstrip(".:") for token in kept)


def unread_words(text: str, read: Collection[tuple[int, int]]) -> tuple[str, ...]:
    """List the telling words that lie in none of the spans that were read."""
    return tuple(
        token
        for start, end, token in telling_tokens(text)
        if len(token) > 1
        and token.lower() not in _SAYING_LITTLE
        and not names_nothing(token.lower())
        and not any(start < until and since < end for since, until in read)
    )


def telling_words(text: str, names: Collection[tuple[int, int]]) -> tuple[str, ...]:
    """List the words, outside of these names, that a text which answers should hold."""
    return tuple(
        word for word in unread_words(text, names) if word.lower() not in _SAYING_WHERE_TO_LOOK
    )


def ticket_ids(text: str) -> frozenset[str]:
    """Find identifiers of tickets and incidents, in lower case."""
    return frozenset(match.group().lower() for match in _TICKET.finditer(text))


def references(text: str) -> Iterable[tuple[int, str]]:
    """Find what is written as `kind:name`, `kind:namespace/name` or `namespace/name`, and where."""
    for match in _REFERENCE.finditer(text):
        yield match.start(), match.group().rstrip(".-")


def is_identifier(words: str) -> bool:
    """Say whether this can hardly be anything but the name of something in the catalog."""
    if _TICKET.fullmatch(words):
        return False
    return bool(_IDENTIFIER.fullmatch(words) or _REFERENCE.fullmatch(words))
