"""Which kinds of entities an intent is about, and when it is about somebody's owner instead."""

import re
from collections.abc import Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Topic
from portal_rag.understanding.intents import Reading
from portal_rag.understanding.naming import ANYTHING, Wanted

TEAM_KINDS = frozenset({"group", "user"})
_OWNED_KINDS = frozenset({"component", "api", "resource", "system", "domain", "template"})
_RUNNING_KINDS = frozenset({"component", "api", "resource", "template"})
_WHOLE_KINDS = frozenset({"system", "domain"})
_TEAM_TOPICS: frozenset[Topic] = frozenset({"members", "owns"})
_PEOPLE_TOPICS: frozenset[Topic] = frozenset({"members", "owns", "contact"})
_TEAMS_OF_A_TEAM = Wanted(kinds=TEAM_KINDS)
_LISTED_BY = Wanted(kinds=TEAM_KINDS | _WHOLE_KINDS, is_loose=False)
_WHOLES = Wanted(kinds=_WHOLE_KINDS)
_OWNED = Wanted(kinds=_OWNED_KINDS)
_DESCRIBED = Wanted(is_loose=False)
_RUNNING = Wanted(kinds=_RUNNING_KINDS, is_loose=False)
_TEAM_WORD = re.compile(
    r"\b(?:teams?|squad|group|owners?|people|folks|maintainers?)\b", re.IGNORECASE
)


def wanted(reading: Reading) -> Wanted:
    """Say what a question of this intent can be about."""
    topics = set(reading.topics)
    if "matches" in topics:
        return _LISTED_BY
    if topics & (_TEAM_TOPICS | {"teams"}):
        return _TEAMS_OF_A_TEAM
    if "parts" in topics:
        return _WHOLES
    if reading.purpose == "facts":
        return ANYTHING if "contact" in topics else _OWNED
    return _DESCRIBED if reading.intent in ("description", "lifecycle") else _RUNNING


def is_for_list(reading: Reading) -> bool:
    """Say whether a list of entities is asked for."""
    return "matches" in reading.topics


def is_about_owners(
    reading: Reading, text: str, subjects: Sequence[Entity], *, points_at_many: bool
) -> bool:
    """Say whether the owners are meant of what is named: "what does X's team own", "ask them"."""
    topics = set(reading.topics)
    if not subjects or any(entity.ref.kind in TEAM_KINDS for entity in subjects):
        return False
    if points_at_many:
        return bool(topics & _PEOPLE_TOPICS)
    return bool(topics & _TEAM_TOPICS and _TEAM_WORD.search(text))
