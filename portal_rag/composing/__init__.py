"""Query + Evidence -> Draft, by rule: facts as sentences, documents as quoted passages."""

from collections.abc import Iterator, Sequence

from portal_rag.composing.citing import Sources
from portal_rag.composing.deciding import Decision, decide
from portal_rag.composing.missing import (
    consulted,
    fits,
    live_missing,
    missing,
    unclear,
    whom_to_ask,
)
from portal_rag.composing.next_steps import next_steps
from portal_rag.composing.quoting import MOST_QUOTES, QUOTE_LENGTH, quote, relevant
from portal_rag.composing.refusing import ask_about, not_applicable, refused, without_portal
from portal_rag.composing.stating import cited, fact_statements
from portal_rag.composing.wording import escaped
from portal_rag.domain import Draft, Evidence, Fact, Passage, Query, Statement, Status, Topic
from portal_rag.domain.likeness import is_name

__all__ = ["MOST_QUOTES", "QUOTE_LENGTH", "compose", "not_applicable", "without_portal"]

_WHOM_TO_ASK: frozenset[Topic] = frozenset({"owner", "contact"})
_NOTHING = "I did not find enough to answer this."


def compose(query: Query, evidence: Evidence) -> Draft:
    """Write the answer that the evidence allows, and say what is missing."""
    refusal = refused(query)
    if refusal:
        return refusal
    passages = relevant(query, evidence)
    decision = decide(query, evidence)
    told = _told(query, evidence, decision)
    lacking = [*(() if decision else missing(query, evidence, passages)), *unclear(query)]
    status = _status(query, told, passages, decision, lacking)
    sources = Sources()
    statements = [
        *_opening(query),
        *_decided(decision, sources),
        *fact_statements(query, told, sources),
        *(quote(passage, sources) for passage in passages),
        *(Statement(text=text) for text in lacking),
    ]
    if status == "insufficient_evidence":
        statements += _instead(query, evidence, told, statements, sources)
    return Draft(
        status=status,
        statements=tuple(statements),
        sources=tuple(sources.cited),
        follow_ups=(
            *next_steps(query, evidence, told, passages),
            *map(ask_about, (*query.choices, *query.near)),
        ),
        unread=query.unread if query.purpose == "facts" else (),
    )


def _opening(query: Query) -> Iterator[Statement]:
    """Say how the question was taken, where it could have been taken otherwise."""
    for words, ref in query.assumed:
        yield Statement(text=f"I took “{escaped(words)}” for `{ref}`.")
    for text in live_missing(query):
        yield Statement(text=text)


def _told(query: Query, evidence: Evidence, decision: Decision | None) -> Sequence[Fact]:
    settled = decision.settled if decision else ()
    is_open = query.purpose == "documents" and any(not is_name(word) for word in query.telling)
    told = (fact for fact in evidence.facts if fact not in settled)
    return [fact for fact in told if not is_open or fits(fact, query)]


def _decided(decision: Decision | None, sources: Sources) -> Iterator[Statement]:
    if decision and decision.carried_by:
        yield cited(decision.text, decision.carried_by, sources)
    elif decision:
        yield Statement(text=decision.text)


def _status(
    query: Query,
    told: Sequence[Fact],
    passages: Sequence[Passage],
    decision: Decision | None,
    lacking: Sequence[str],
) -> Status:
    """Judge by what was asked for: whom to ask is no answer, nor is what else is known."""
    asked = {"matches", *query.topics}
    is_any = query.purpose == "documents"
    stated = {f.topic for f in told if not _is_lost(f) and (is_any or f.topic in asked)}
    if query.purpose == "live":
        return "partial" if stated - _WHOM_TO_ASK or passages else "insufficient_evidence"
    if not (stated or passages or (decision and decision.carried_by)):
        return "insufficient_evidence"
    is_lost = query.purpose == "facts" and any(map(_is_lost, told))
    return "partial" if lacking or is_lost else "answered"


def _is_lost(fact: Fact) -> bool:
    """Say whether an owner is recorded who was not found."""
    return fact.topic == "owner" and not fact.mentions


def _instead(
    query: Query,
    evidence: Evidence,
    told: Sequence[Fact],
    statements: Sequence[Statement],
    sources: Sources,
) -> Iterator[Statement]:
    """Say where was looked, and whom to ask."""
    looked = list(consulted(evidence)) if query.purpose != "live" else []
    opening = [] if any(not s.citations for s in statements) else [_NOTHING]
    if opening or looked:
        yield Statement(text=" ".join([*opening, *looked]))
    yield from whom_to_ask(evidence, told, sources)
