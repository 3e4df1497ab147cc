"""Which entities a question names: by reference, name or title, in whatever spelling."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Portal

_POSSESSIVE = re.compile(r"['\u2019]s\b")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_TOKEN = re.compile(r"[^\s,;?!\"'`()\[\]{}<>*]+")
_REFERENCE = re.compile(r"\b[a-zA-Z]+:[\w.-]+(?:/[\w.-]+)?|\b[\w.-]+/[\w.-]+\b")
_IDENTIFIER = re.compile(r"\w+(?:[-_.]\w+)+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*")
_TICKET = re.compile(r"\b[a-z][a-z0-9]*-\d+\b", re.IGNORECASE)
_LONGEST_NAME_WORDS = 8
_NEAR_ENOUGH = 0.6
_MOST_NEAR = 5
_MOST_CANDIDATES = 300
"""Spellings that are looked up in a portal too large to list: a few requests."""

_TYPE_WORDS = frozenset(
    "service services component components api apis system systems team teams group groups resource"
    " resources domain domains website library database entity entities thing things".split()
)
_FUNCTION_WORDS = frozenset(
    "a about affected all am an and any are as at be been being by can contact could dashboard"
    " dashboards dependencies dependents depend depends did do does docs documentation find for"
    " from get give goes had has have how i if impacted in into is it its know lifecycle link"
    " links list looks main maintain maintained maintains me member members my need needs of on"
    " our own owned owner owners owns please reach related relies rely repo repository"
    " responsible runbook runs see should show source still tell that the their them there these"
    " this those to up us use used uses using want was we were what when where which who whom"
    " whose why will with works would you your code consume consumed consumes call calls away"
    " breaks provide provides expose exposes able also currently located live lives more now part"
    " parts nowadays today please charge squad connected neighbours retired deprecated experimental"
    " production described describe purpose description monitoring grafana git github gitlab slack"
    " channel chat email exactly dependent down again actually really just offer offers offered"
    " provided exposed consumed needed rely relied depending after look people person ask belong"
    " belongs belonging inside under within consist consists made".split()
)


@dataclass(frozen=True, slots=True)
class Named:
    """Words of the question, and the entities of that name (more than one: ambiguous)."""

    words: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    text: str


async def named_entities(text: str, portal: Portal) -> tuple[Named, ...]:
    """Find the entities that `text` names, longest names first, no word counted twice."""
    by_reference = await _referenced(text, portal)
    if by_reference:
        return by_reference
    listing = await portal.listing()
    known = listing.entities if listing.complete else await portal.find(_candidates(text))
    return _matched(text, known)


async def _referenced(text: str, portal: Portal) -> tuple[Named, ...]:
    written = {match.group(): _parsed(match.group()) for match in _REFERENCE.finditer(text)}
    refs = {words: ref for words, ref in written.items() if ref}
    found = await portal.entities(tuple(refs.values())) if refs else {}
    return tuple(Named(words, (found[ref],)) for words, ref in refs.items() if ref in found)


def _parsed(text: str) -> EntityRef | None:
    """Read `kind:name`, `kind:namespace/name`; a bare `namespace/name` means a component."""
    kind, _, name = text.rpartition(":")
    if not kind and "/" not in name:
        return None
    namespace, _, plain = name.rpartition("/")
    return EntityRef(kind or "component", namespace or "default", plain)


def _matched(text: str, entities: Iterable[Entity]) -> tuple[Named, ...]:
    known = _by_spelling(entities)
    words = _words(text)
    found: list[Named] = []
    taken: set[int] = set()
    for start, end in _spans(len(words)):
        if taken.isdisjoint(range(start, end)):
            here = words[start:end]
            fitting = _fitting(here, known)
            if fitting:
                found.append(Named(text[here[0].start : here[-1].end], fitting))
                taken.update(range(start, end))
    return tuple(sorted(found, key=lambda named: text.find(named.words)))


def _spans(count: int) -> Iterable[tuple[int, int]]:
    """Yield all runs of words, the longest first, then from left to right."""
    for length in range(min(count, _LONGEST_NAME_WORDS), 0, -1):
        for start in range(count - length + 1):
            yield start, start + length


def _fitting(words: Sequence[_Word], known: dict[str, tuple[Entity, ...]]) -> tuple[Entity, ...]:
    plain = [word.text for word in words]
    if all(word in _FUNCTION_WORDS | _TYPE_WORDS for word in plain):
        return ()
    exact = known.get("".join(plain), ())
    return exact or known.get(_unordered(plain), ())


def _by_spelling(entities: Iterable[Entity]) -> dict[str, tuple[Entity, ...]]:
    """Index by name and title without case and separators; groups in any order of words too."""
    found: dict[str, dict[EntityRef, Entity]] = defaultdict(dict)
    for entity in entities:
        for name in (entity.name, entity.title, entity.display_name):
            words = spelled(name) if name else []
            if words:
                found["".join(words)][entity.ref] = entity
                if entity.ref.kind == "group":
                    found[_unordered(words)][entity.ref] = entity
    return {key: tuple(sorted(group.values(), key=_by_ref)) for key, group in found.items()}


def _by_ref(entity: Entity) -> EntityRef:
    return entity.ref


def _unordered(words: Sequence[str]) -> str:
    return " ".join(sorted(words))


def spelled(name: str) -> list[str]:
    """Split a name into lower-case words at separators, digits and camel case."""
    return [word.lower() for word in _WORD.findall(name)]


def _words(text: str) -> list[_Word]:
    blanked = _POSSESSIVE.sub(lambda match: " " * len(match.group()), text)
    return [_Word(m.start(), m.end(), m.group().lower()) for m in _WORD.finditer(blanked)]


def _candidates(text: str) -> Sequence[str]:
    """Spell the runs of words as names are written; words as they stand come first."""
    tokens = (token.group().strip(".:") for token in _TOKEN.finditer(_POSSESSIVE.sub("", text)))
    written = [token for token in tokens if token.lower() not in _FUNCTION_WORDS]
    words = [word.text for word in _words(text)]
    runs = [
        words[start:end]
        for start, end in _spans(len(words))
        if end - start <= _LONGEST_NAME_WORDS // 2
        and not all(word in _FUNCTION_WORDS | _TYPE_WORDS for word in words[start:end])
    ]
    joined = (separator.join(run) for run in runs for separator in ("-", "_", "", " ", "."))
    return list(dict.fromkeys((*written, *joined)))[:_MOST_CANDIDATES]


def subject_words(text: str) -> str:
    """Leave what a question is about: what stands between its first and last telling word."""
    tokens = list(_TOKEN.finditer(_POSSESSIVE.sub("", text)))
    plain = [token.group().rstrip(".:").lower() for token in tokens]
    telling = [i for i, word in enumerate(plain) if word not in _FUNCTION_WORDS]
    while telling and plain[telling[0]] in _TYPE_WORDS and len(telling) > 1:
        telling.pop(0)
    kept = tokens[telling[0] : telling[-1] + 1] if telling else []
    return " ".join(token.group().rstrip(".:") for token in kept)


def unread_words(text: str, mentions: Sequence[str]) -> tuple[str, ...]:
    """List the telling words that belong to no mention."""
    for mention in mentions:
        text = text.replace(mention, " ")
    words = (token.group().strip(".:-") for token in _TOKEN.finditer(_POSSESSIVE.sub("", text)))
    known = _FUNCTION_WORDS | _TYPE_WORDS
    return tuple(word for word in words if len(word) > 1 and word.lower() not in known)


def ticket_ids(text: str) -> frozenset[str]:
    """Find identifiers of tickets and incidents, in lower case."""
    return frozenset(match.group().lower() for match in _TICKET.finditer(text))


def is_identifier(words: str) -> bool:
    """Say whether this can hardly be anything but the name of something in the catalog."""
    if _TICKET.fullmatch(words):
        return False
    return bool(_IDENTIFIER.fullmatch(words) or _REFERENCE.fullmatch(words))


def nearest(words: str, entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Rank the entities whose names are spelled nearly so, or hold all of the words."""
    wanted = spelled(words)
    rated = ((_nearness(wanted, entity), entity) for entity in entities) if wanted else ()
    near = [(rate, entity) for rate, entity in rated if rate >= _NEAR_ENOUGH]
    near.sort(key=lambda pair: (-pair[0], pair[1].ref))
    return tuple(entity for _, entity in near[:_MOST_NEAR])


def _nearness(wanted: list[str], entity: Entity) -> float:
    names = [spelled(name) for name in (entity.name, entity.title) if name]
    telling = _telling(wanted)
    if any(set(telling) <= set(name) for name in names):
        return 1.0
    return max((_likeness(telling, _telling(name)) for name in names), default=0.0)


def _telling(words: list[str]) -> list[str]:
    """Leave out words such as `service` that tell only what kind of thing it is."""
    return [word for word in words if word not in _TYPE_WORDS] or words


def _likeness(one: list[str], other: list[str]) -> float:
    return difflib.SequenceMatcher(None, "".join(one), "".join(other)).ratio()
