"""Questions that want a yes or no: whether the facts say so, and with what words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.composing.wording import called, escaped, sentence, shortly_called
from portal_rag.domain import Evidence, Fact, Mention, Query, Topic
from portal_rag.domain.topics import TEAM_KINDS

_WHETHER = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|can|should|isn't|doesn't)\b", re.IGNORECASE
)
_OPEN = re.compile(r"\b(?:who|whom|whose|what|which|where|when|how)\b", re.IGNORECASE)
_WHY = re.compile(r"\bwhy\b|\bhow come\b", re.IGNORECASE)
_STATES: Mapping[str, re.Pattern[str]] = {
    "deprecated": re.compile(r"\bdeprecated\b|\bobsolete\b", re.IGNORECASE),
    "experimental": re.compile(r"\bexperimental\b", re.IGNORECASE),
    "production": re.compile(r"\bproduction\b|\bprod\b", re.IGNORECASE),
}
_OF_A_TEAM: Sequence[Topic] = ("owner", "owns")
_OF_TWO: Sequence[Topic] = (
    "dependencies",
    "dependents",
    "apis_consumed",
    "apis_provided",
    "providers",
    "system",
    "parts",
    "members",
    "teams",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is answered first; `carried_by` states it, None where it only says what is not there.

    `settled` are the facts that need no telling any more, or have nothing to do with the question.
    """

    text: str
    carried_by: Fact | None
    settled: tuple[Fact, ...] = ()


def decide(query: Query, evidence: Evidence) -> Decision | None:
    """Answer with yes or no, if that was asked and the facts settle it."""
    text = query.question.text
    if not query.topics or _OPEN.search(text) or not _WHETHER.search(text):
        return None
    if query.topics[0] == "lifecycle" and len(query.subjects) == 1:
        return _state(text, evidence.facts)
    if len(query.subjects) != len(("one", "other")):
        return None
    if query.topics[0] in _OF_A_TEAM:
        return _owned(query.subjects, evidence)
    if query.topics[0] in _OF_TWO:
        return _connected(query, evidence.facts)
    return None


def _state(text: str, facts: Iterable[Fact]) -> Decision | None:
    asked = next((state for state, words in _STATES.items() if words.search(text)), None)
    fact = next((fact for fact in facts if fact.topic == "lifecycle"), None)
    if not asked or not fact or _WHY.search(text):
        return None
    label = fact.mentions[0].label
    is_so = any(mention.label.lower() == asked for mention in fact.mentions)
    if not is_so and fact.mentions[0].note:  # tags do not say what something is not
        return None
    said = f"the lifecycle of {called(fact.subject)} is {escaped(label if not is_so else asked)}."
    return Decision(text=f"{_yes(is_so)}: {said}", carried_by=fact, settled=(fact,))


def _owned(subjects: Sequence[Entity], evidence: Evidence) -> Decision | None:
    """Compare who was named with who is recorded as the owner."""
    teams = [entity for entity in subjects if entity.ref.kind in TEAM_KINDS]
    owned = [entity for entity in subjects if entity.ref.kind not in TEAM_KINDS]
    if len(teams) != len(owned):
        return None
    told = [fact for fact in (*evidence.facts, *evidence.contacts) if fact.topic == "owner"]
    fact = next((f for f in told if f.subject.ref == owned[0].ref and f.mentions), None)
    if not fact:
        return None
    is_so = _mentioned(fact, teams[0]) is not None
    said = sentence("owner", called(fact.subject), fact.mentions, has_more=fact.has_more)
    settled = tuple(each for each in evidence.facts if each.topic in _OF_A_TEAM)
    return Decision(text=f"{_yes(is_so)}: {said}", carried_by=fact, settled=settled)


def _connected(query: Query, facts: Sequence[Fact]) -> Decision:
    """Look for the second among what the first is related to, and then the other way round."""
    first, second = query.subjects
    topic = query.topics[0]
    here = [fact for fact in facts if fact.topic == topic and fact.subject.ref == first.ref]
    there = [fact for fact in facts if fact.subject.ref == second.ref]
    found = _relating(here, second)
    if found:
        lead = "" if _WHY.search(query.question.text) else "Yes: "
        return Decision(text=lead + _said(*found), carried_by=found[0], settled=(*here, *there))
    found = _relating(there, first)
    if found:
        return Decision(text=_said(*found), carried_by=found[0], settled=(*here, *there))
    text = (
        f"No relation of this kind between {shortly_called(first)} and {shortly_called(second)}"
        " is recorded in the catalog."
    )
    return Decision(text=text, carried_by=None, settled=tuple(there))


def _relating(facts: Iterable[Fact], entity: Entity) -> tuple[Fact, Mention] | None:
    found = ((fact, _mentioned(fact, entity)) for fact in facts)
    return next(((fact, mention) for fact, mention in found if mention), None)


def _said(fact: Fact, mention: Mention) -> str:
    return sentence(fact.topic, called(fact.subject), (mention,))


def _mentioned(fact: Fact, entity: Entity) -> Mention | None:
    return next((mention for mention in fact.mentions if mention.ref == entity.ref), None)


def _yes(is_so: bool) -> str:
    return "Yes" if is_so else "No"
