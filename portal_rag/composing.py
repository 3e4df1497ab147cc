"""Query + Evidence -> Draft, by rule: facts as sentences, documents as quoted passages."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal_rag.corpus.redaction import redact
from portal_rag.domain import (
    Choice,
    Draft,
    Evidence,
    Fact,
    FollowUp,
    Mention,
    Passage,
    Query,
    Source,
    Statement,
    Status,
    Topic,
)

QUOTE_LENGTH = 1_300
"""Characters of a passage that are quoted; the source's excerpt holds all of it."""
MOST_QUOTES = 3
_RELEVANT = 0.42
_RELEVANT_WITH_WORDS = 0.30
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!~])")
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
    return f"I found nothing called “{_escaped(name)}”."


def _ask_about(choice: Choice) -> FollowUp:
    return FollowUp(label=f"Ask about {choice.entity.ref}", question=choice.question)


def _asked(query: Query, evidence: Evidence) -> Sequence[Fact]:
    """Order the facts as the question asked for its topics."""
    return sorted(evidence.facts, key=lambda fact: query.topics.index(fact.topic))


def _fact_statement(fact: Fact, sources: _Sources) -> Statement:
    subject = f"**{_escaped(fact.subject.display_name)}** (`{fact.subject.ref}`)"
    text = _SENTENCES[fact.topic](subject, fact.mentions)
    return Statement(text=text, citations=(sources.number(fact.source),))


def _listed(lead: str) -> Callable[[str, Sequence[Mention]], str]:
    """Write `lead` with the mentions behind it: in the sentence if one, else as a list."""

    def sentence(subject: str, mentions: Sequence[Mention]) -> str:
        opening = lead.format(subject)
        if len(mentions) == 1:
            return f"{opening} {_mention(mentions[0])}."
        return f"{opening}:\n" + "\n".join(f"- {_mention(mention)}" for mention in mentions)

    return sentence


def _described(subject: str, mentions: Sequence[Mention]) -> str:
    text = _escaped(mentions[0].label)
    return f"{subject}: {text}" + ("" if text.endswith((".", "!", "?")) else ".")


_SENTENCES: Mapping[Topic, Callable[[str, Sequence[Mention]], str]] = {
    "owner": _listed("{} is owned by"),
    "description": _described,
    "system": _listed("{} is part of"),
    "lifecycle": _listed("The lifecycle of {} is"),
    "type": _listed("{} is a"),
    "links": _listed("Links of {}"),
    "contact": _listed("To reach the people behind {}"),
    "docs": _listed("The documentation of {} is here"),
    "runbooks": _listed("The runbook of {} is linked here"),
    "repository": _listed("The source of {} is here"),
    "dependencies": _listed("{} depends on"),
    "dependents": _listed("These depend on {}"),
    "apis_provided": _listed("{} provides"),
    "providers": _listed("{} is provided by"),
    "apis_consumed": _listed("{} consumes"),
    "members": _listed("The members of {} are"),
    "owns": _listed("{} owns"),
    "parts": _listed("{} consists of"),
    "related": _listed("Related to {}"),
}


def _mention(mention: Mention) -> str:
    if mention.ref and mention.url:
        text = f"[{_escaped(mention.label)}]({mention.url})"
    elif mention.ref:
        text = f"**{_escaped(mention.label)}** (`{mention.ref}`)"
    elif mention.url:
        text = f"[{_escaped(mention.label)}]({mention.url})"
    else:
        text = _escaped(mention.label)
    return f"{text} ({_escaped(mention.note)})" if mention.note else text


def _escaped(text: str) -> str:
    """Keep foreign text from acting as Markdown (links, images, HTML), and secrets out of it."""
    return _MARKDOWN.sub(r"\\\1", redact(text).text)


_MISSING: Mapping[Topic, str] = {
    "owner": "I could not find an owner of {}.",
    "description": "I could not find a description of {}.",
    "system": "I could not find a system that {} is part of.",
    "lifecycle": "I could not find a lifecycle of {}.",
    "type": "I could not find a type of {}.",
    "links": "I could not find links of {}.",
    "contact": "I could not find a way to reach the people behind {}.",
    "docs": "I could not find documentation of {}.",
    "runbooks": "I could not find a runbook of {}.",
    "repository": "I could not find a repository of {}.",
    "dependencies": "I could not find anything that {} depends on.",
    "dependents": "I could not find anything that depends on {}.",
    "providers": "I could not find what provides {}.",
    "apis_provided": "I could not find an API that {} provides.",
    "apis_consumed": "I could not find an API that {} consumes.",
    "members": "I could not find members of {}.",
    "owns": "I could not find anything that {} owns.",
    "parts": "I could not find anything that is part of {}.",
    "related": "I could not find anything related to {}.",
}
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
        _MISSING[topic].format(f"**{_escaped(entity.display_name)}** (`{entity.ref}`)")
        for entity in query.subjects
        for topic in query.topics[:1]
        if (entity.ref, topic) not in told
    ] + [_not_found(query.unknown_name) for _ in (1,) if query.unknown_name]


def _undocumented(query: Query, passages: Sequence[Passage]) -> Iterable[str]:
    """Say when what is quoted is not about the thing asked for, or nothing can be quoted."""
    if query.ticket_ids and not passages:
        yield _not_found(", ".join(sorted(query.ticket_ids)))
    elif query.subjects and query.topics != ("docs",) and not _are_about_subject(passages):
        names = ", ".join(f"**{_escaped(entity.display_name)}**" for entity in query.subjects)
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
    floor = _RELEVANT_WITH_WORDS if passage.in_lexical else _RELEVANT
    return (passage.similarity or 0.0) >= floor


def _quote(passage: Passage, sources: _Sources) -> Statement:
    quote = _shortened(passage.text)
    more = [] if len(quote) == len(passage.text) else ["… (continues in the source)"]
    lines = "  \n".join(f"> {_escaped(line)}" for line in [*quote.splitlines(), *more])
    return Statement(
        text=f"From **{_escaped(passage.source.title)}**:\n\n{lines}",
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
