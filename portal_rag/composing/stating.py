"""Facts as sentences and lists, each with its source."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from portal_rag.composing.citing import Sources
from portal_rag.composing.numbers import in_words
from portal_rag.composing.wording import (
    OWNER_LOST,
    called,
    escaped,
    item,
    mentioned,
    sentence,
    shortly_called,
)
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Fact, Mention, Query, Selection, Statement

MOST_LISTED = 50
"""So many of the entities that are selected are listed; all that were found are counted."""
_CUT = "There is more than this: I go no further than five steps and two hundred entities."
_KINDS = {"api": "APIs", "library": "libraries"}


def fact_statements(query: Query, facts: Sequence[Fact], sources: Sources) -> Iterator[Statement]:
    """Tell facts in the order in which their topics were asked for."""
    order = {topic: place for place, topic in enumerate(query.topics)}
    listed = [fact for fact in facts if fact.topic == "matches"]
    others = [fact for fact in facts if fact.topic != "matches"]
    others.sort(key=lambda fact: order.get(fact.topic, len(order)))
    named: set[EntityRef] = set()
    for (_, ref), group in groupby(others, key=lambda fact: (fact.topic, fact.subject.ref)):
        yield from _told(list(group), sources, shortly=ref in named)
        named.add(ref)
    if query.selection and listed:
        yield from _listed(query.selection, listed, sources)


def cited(text: str, fact: Fact, sources: Sources) -> Statement:
    """Say something that a fact carries."""
    return Statement(text=text, citations=(sources.number(fact.source),))


def fact_statement(fact: Fact, sources: Sources, *, shortly: bool = False) -> Statement:
    """Say one fact in a sentence; `shortly` where its subject was named just before."""
    subject = shortly_called(fact.subject) if shortly else called(fact.subject)
    if not fact.mentions:
        return cited(OWNER_LOST.format(subject), fact, sources)
    text = sentence(fact.topic, subject, fact.mentions, has_more=fact.has_more)
    return cited(text, fact, sources)


def _told(facts: Sequence[Fact], sources: Sources, *, shortly: bool) -> Iterable[Statement]:
    """Say one fact in a sentence, and several about the same thing as a list of their own."""
    if len(facts) == 1:
        return [fact_statement(facts[0], sources, shortly=shortly)]
    lead = (
        "{} depends on these, the nearest first:"
        if facts[0].topic == "dependencies"
        else "These depend on {}, the nearest first:"
    )
    statements = [Statement(text=lead.format(called(facts[0].subject)))]
    statements += [cited(item(each), fact, sources) for fact in facts for each in fact.mentions]
    if any(fact.has_more for fact in facts):
        statements.append(Statement(text=_CUT))
    return statements


def _listed(selection: Selection, facts: Sequence[Fact], sources: Sources) -> Iterable[Statement]:
    shown = facts[:MOST_LISTED]
    count = in_words(len(facts))
    found = f"I found {'more than ' if facts[0].has_more else ''}{count} {wanted(selection, facts)}"
    rest = "" if len(shown) == len(facts) else f"; these are the first {in_words(len(shown))}"
    yield Statement(text=f"{found}{rest}:")
    for fact in shown:
        yield cited(f"- {_line(fact)}", fact, sources)


def _line(fact: Fact) -> str:
    fields = ", ".join(map(_field, fact.mentions))
    return called(fact.subject) + (f": {fields}" if fields else "")


def _field(mention: Mention) -> str:
    if mention.ref:
        named = mentioned(Mention(label=mention.label, ref=mention.ref))
        return f"{'owned by' if mention.note == 'owner' else 'part of'} {named}"
    return escaped(f"tag {mention.label}" if mention.note == "tag" else mention.label)


def wanted(selection: Selection, facts: Sequence[Fact]) -> str:
    """Name in the plural, or in the singular for one, what a list was asked for."""
    is_one = len(facts) == 1 and not facts[0].has_more
    noun = _noun(selection, is_one=is_one)
    before = " or ".join(sorted(selection.lifecycles))
    after = [f"tagged {' or '.join(sorted(selection.tags))}" for _ in (1,) if selection.tags]
    after += [f"owned by {name}" for name in _owner(selection, facts)]
    after += ["without an owner" for _ in (1,) if selection.without_owner]
    after += ["without documentation" for _ in (1,) if selection.without_docs]
    return escaped(" ".join(filter(None, [before, noun, " and ".join(after)])))


def _owner(selection: Selection, facts: Sequence[Fact]) -> Iterable[str]:
    """Name the owner that was asked for, if one was and it was found."""
    if len(selection.owners) == 1 and facts:
        yield from (each.label for each in facts[0].mentions if each.ref in selection.owners)


def _noun(selection: Selection, *, is_one: bool) -> str:
    kinds, types = sorted(selection.kinds), sorted(selection.types)
    if types and selection.kinds <= {"component", "resource"}:
        return " or ".join(_counted(each, is_one=is_one) for each in types)
    noun = " or ".join(_counted(each, is_one=is_one) for each in kinds or ["entity"])
    return f"{noun} of type {' or '.join(types)}" if types else noun


def _counted(noun: str, *, is_one: bool) -> str:
    if is_one:
        return "API" if noun == "api" else noun
    if noun in _KINDS:
        return _KINDS[noun]
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
