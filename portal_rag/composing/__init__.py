"""Query + Evidence -> Draft, by rule: facts as sentences, documents as quoted passages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from portal_rag.composing.wording import MISSING, SENTENCES, escaped
from portal_rag.corpus.redaction import redact
from portal_rag.domain import (
    Choice,
    Draft,
    Evidence,
    Fact,
    FollowUp,
    Passage,
    Query,
    Source,
    Statement,
    Status,
)

QUOTE_LENGTH = 1_300
"""Characters of a passage that are quoted; the source's excerpt holds all of it."""
MOST_QUOTES = 3
_RELEVANT = 0.42
_RELEVANT_WITH_WORDS = 0.30
_RELEVANT_BY_WORDS_ALONE = 0.75
_ENTITY_PAGE_KINDS = frozenset({"entity", "api"})


@dataclass(slots=True)
class _Sources:
    """Numbers the sources in the order in which they are first cited."""

    cited: list[Source] = field(default_factory=list)

    def number(self, source: Source) -> int:
        if source not in self.cited:
            self.cited.append(source)
        return self.cited.index(source) + 1


def compose(query: Query, evidence: Evidence) -> Draft:
    """Write the answer that the evidence allows, and say what is missing."""
    if query.purpose == "write":
        return _declined()
    if query.choices:
        return _clarifying(query)
    if query.unknown_name and not query.subjects:
        return _unknown(query)
    sources = _Sources()
    statements = [_fact_statement(fact, sources) for fact in _asked(query, evidence)]
    passages = _relevant(query, evidence)
    missing = _missing(query, evidence, passages)
    statements += [_quote(passage, sources) for passage in passages]
    statements += [Statement(text=text) for text in missing]
    return Draft(
        status=_status(query, statements, missing),
        statements=tuple(statements) or (_nothing(evidence),),
        sources=tuple(sources.cited),
        follow_ups=tuple(_follow_ups(query, evidence, passages)),
        unread=query.unread if query.purpose == "facts" else (),
    )


def not_applicable(query: Query) -> Draft:
    """Answer somebody who has no view of the portal."""
    if query.purpose == "write":
        text = "I only read and never change anything, so I cannot do that."
        return Draft(status="declined", statements=(Statement(text=text),))
    text = (
        "I cannot answer this. You are signed in with an identity provider that is not Backstage,"
        " and I read this portal's catalog and documents only for users of Backstage; nothing was"
        " looked up."
    )
    return Draft(status="insufficient_evidence", statements=(Statement(text=text),))


def without_portal() -> Draft:
    """Say that the portal could not be asked, and so nothing may be told."""
    text = "The portal could not be asked, so I cannot tell what you may see. Please try again."
    return Draft(status="insufficient_evidence", statements=(Statement(text=text),))


def _status(query: Query, statements: Sequence[Statement], missing: Sequence[str]) -> Status:
    supported = any(statement.citations for statement in statements)
    if not supported or (query.purpose == "live" and missing):
        return "insufficient_evidence"
    return "partial" if missing else "answered"


def _declined() -> Draft:
    text = (
        "I only read and never change anything, so I cannot do that. "
        "I can look up who owns it, its runbook or what depends on it."
    )
    return Draft(status="declined", statements=(Statement(text=text),))


def _clarifying(query: Query) -> Draft:
    named = ", ".join(f"`{choice.entity.ref}`" for choice in query.choices)
    text = f"Several entities have that name: {named}. Which one do you mean?"
    return Draft(
        status="clarify",
        statements=(Statement(text=text),),
        follow_ups=tuple(map(_ask_about, query.choices)),
    )


def _unknown(query: Query) -> Draft:
    text = _not_found(query.unknown_name or "")
    if query.near:
        text += " Similar names: " + ", ".join(f"`{c.entity.ref}`" for c in query.near) + "."
    return Draft(
        status="insufficient_evidence",
        statements=(Statement(text=text),),
        follow_ups=tuple(map(_ask_about, query.near)),
    )


def _not_found(name: str) -> str:
    return f"I found nothing called “{escaped(name)}”."


def _ask_about(choice: Choice) -> FollowUp:
    return FollowUp(label=f"Ask about {choice.entity.ref}", question=choice.question)


def _asked(query: Query, evidence: Evidence) -> Sequence[Fact]:
    """Order the facts as the question asked for its topics."""
    return sorted(evidence.facts, key=lambda fact: query.topics.index(fact.topic))


def _fact_statement(fact: Fact, sources: _Sources) -> Statement:
    subject = f"**{escaped(fact.subject.display_name)}** (`{fact.subject.ref}`)"
    text = SENTENCES[fact.topic](subject, fact.mentions)
    return Statement(text=text, citations=(sources.number(fact.source),))


_LIVE_MISSING = (
    "No live source is connected for this, so I cannot say who is on call, what changed or what is"
    " true right now;"
    " on-call, deployments and incidents are never taken from an index."
)


def _missing(query: Query, evidence: Evidence, passages: Sequence[Passage]) -> list[str]:
    """Say what was asked and not found; hidden and absent are told with the same words."""
    if query.purpose == "live":
        return [_LIVE_MISSING]
    if query.purpose != "facts":
        return list(_undocumented(query, passages))
    told = {(fact.subject.ref, fact.topic) for fact in evidence.facts}
    return [
        MISSING[topic].format(f"**{escaped(entity.display_name)}** (`{entity.ref}`)")
        for entity in query.subjects
        for topic in query.topics[:1]
        if (entity.ref, topic) not in told
    ] + [_not_found(query.unknown_name) for _ in (1,) if query.unknown_name]


def _undocumented(query: Query, passages: Sequence[Passage]) -> Iterable[str]:
    """Say when what is quoted is not about the thing asked for, or nothing can be quoted."""
    if query.ticket_ids and not passages:
        yield _not_found(", ".join(sorted(query.ticket_ids)))
    elif query.subjects and query.topics != ("docs",) and not _are_about_subject(passages):
        names = ", ".join(f"**{escaped(entity.display_name)}**" for entity in query.subjects)
        wanted = "a runbook" if "runbook" in query.document_kinds else "anything about this"
        if passages or not query.topics:
            yield f"I could not find {wanted} in the documentation of {names}."


def _are_about_subject(passages: Sequence[Passage]) -> bool:
    return any(passage.is_about_subject for passage in passages)


def _relevant(query: Query, evidence: Evidence) -> list[Passage]:
    """Keep the passages that are near enough to the question, of the kind asked for if any is."""
    if query.purpose != "documents":
        return []
    told = {entity.ref for entity in query.subjects}
    near = [passage for passage in evidence.passages if _is_relevant(passage)]
    fresh = [p for p in near if not (p.kind in _ENTITY_PAGE_KINDS and p.source.entity_ref in told)]
    own = [p for p in fresh if p.is_about_subject]
    if query.subjects and (query.topics or "runbook" in query.document_kinds) and not own:
        return []
    wanted = own or fresh
    fitting = [p for p in wanted if p.kind in query.document_kinds] or wanted
    return sorted(fitting, key=lambda passage: passage.source.stale)[:MOST_QUOTES]


def _is_relevant(passage: Passage) -> bool:
    if passage.covered is not None:
        return passage.covered >= _RELEVANT_BY_WORDS_ALONE
    floor = _RELEVANT_WITH_WORDS if passage.in_lexical else _RELEVANT
    return (passage.similarity or 0.0) >= floor


def _quote(passage: Passage, sources: _Sources) -> Statement:
    quote = _shortened(passage.text)
    more = [] if len(quote) == len(passage.text) else ["… (continues in the source)"]
    lines = "  \n".join(f"> {escaped(line)}" for line in [*quote.splitlines(), *more])
    return Statement(
        text=f"From **{escaped(passage.source.title)}**:\n\n{lines}",
        citations=(sources.number(passage.source),),
        quote=quote,
    )


def _shortened(text: str) -> str:
    """Cut at the last line or sentence that ends before the limit."""
    if len(text) <= QUOTE_LENGTH:
        return text
    head = text[:QUOTE_LENGTH]
    end = max(head.rfind("\n"), head.rfind(". ") + 1)
    return head[: end if end > QUOTE_LENGTH // 3 else QUOTE_LENGTH].rstrip()


def _nothing(evidence: Evidence) -> Statement:
    consulted = ", ".join(f"{one.source} ({one.state})" for one in evidence.consulted)
    return Statement(
        text="I did not find enough to answer this. " + f"I looked in: {consulted or 'nothing'}."
    )


def _follow_ups(
    query: Query, evidence: Evidence, passages: Sequence[Passage]
) -> Iterable[FollowUp]:
    """Offer the pages of what was cited, and the next likely question."""
    opened: set[str] = set()
    for source in [*(p.source for p in passages), *(f.source for f in evidence.facts)]:
        page = source.url.partition("#")[0]
        if page not in opened:
            opened.add(page)
            yield FollowUp(label=f"Open {source.title}", url=source.url)
    for entity in query.subjects:
        if "owner" not in query.topics and entity.ref.kind not in ("group", "user"):
            yield FollowUp(
                label=f"Who owns {redact(entity.display_name).text}?",
                question=f"Who owns {entity.ref}?",
            )
