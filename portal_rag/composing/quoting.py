"""Documents as quoted passages: which of those found are shown, and how."""

from portal_rag.composing.citing import Sources
from portal_rag.composing.wording import escaped
from portal_rag.domain import Evidence, Intent, Passage, Query, Statement
from portal_rag.domain.likeness import is_particular

QUOTE_LENGTH = 1_300
"""Characters of a passage that are quoted; the source's excerpt holds all of it."""
MOST_QUOTES = 3
# Fitted to the development cases, in units of cosine similarity: how strong a passage must be, and
# what adds to its strength or takes from it.
_RELEVANT = 0.40
_OF_COVERAGE = 0.37
_OF_SUBJECT = 0.26
_OF_TICKET = 0.26
_OF_STRANGER = -0.42
_OF_NAME_MISSED = -0.27
_OF_NOTHING_HELD = -0.15
_LOOSE = 0.40
"""Below this in both meaning and words, a passage answers nothing."""
_MUCH_WEAKER = 0.35
_RELEVANT_BY_WORDS_ALONE = 0.75
_LONG = 8
"""Of more telling words, such as those of a pasted error, a name may be missing."""
_NOT_BY_INCIDENTS: frozenset[Intent] = frozenset({"how_to", "documentation"})
_DESCRIBED: frozenset[Intent] = frozenset({"description", "discovery", "team"})
_ENTITY_PAGE_KINDS = frozenset({"entity", "api"})


def relevant(query: Query, evidence: Evidence) -> list[Passage]:
    """Keep the passages that are near enough to the question, of the kind asked for if any is."""
    if query.purpose != "documents" or not (query.subjects or query.telling):
        return []
    near = [p for p in evidence.passages if _may_answer(query, p) and _is_relevant(query, p)]
    if "docs" in query.topics or query.document_kinds == {"runbook"}:
        near = [p for p in near if not query.subjects or _is_own(query, p)]
    fitting = [p for p in near if p.kind in query.document_kinds]
    if not fitting or "guide" in query.document_kinds:
        fitting = near
    return _distinct(sorted(_strongest(query, fitting), key=_is_stale))[:MOST_QUOTES]


def _may_answer(query: Query, passage: Passage) -> bool:
    """Leave out what the facts tell anyway, and what only says that something is there."""
    if passage.kind in query.document_kinds:
        return True
    told = {entity.ref for entity in query.subjects}
    if passage.kind in _ENTITY_PAGE_KINDS and passage.source.entity_ref in told:
        return False
    if passage.kind == "incident" and query.intent in _NOT_BY_INCIDENTS and not query.ticket_ids:
        return False
    is_about_another = passage.covered < 1 or query.intent not in _DESCRIBED
    return not (passage.kind == "entity" and is_about_another)


def _is_own(query: Query, passage: Passage) -> bool:
    """Say whether a passage belongs to a subject, or is a runbook that names it."""
    return passage.is_about_subject or (
        passage.names_subject and {passage.kind} == query.document_kinds == {"runbook"}
    )


def _strongest(query: Query, passages: list[Passage]) -> list[Passage]:
    """Leave out what is much weaker than the best."""
    best = max((_strength(query, passage) for passage in passages), default=0.0)
    return [p for p in passages if _strength(query, p) >= best - _MUCH_WEAKER]


def _is_stale(passage: Passage) -> bool:
    return passage.source.stale


def quote(passage: Passage, sources: Sources) -> Statement:
    """Quote a passage, as much as is read at once."""
    quoted = _shortened(passage.text)
    more = [] if len(quoted) == len(passage.text) else ["… (continues in the source)"]
    lines = "  \n".join(f"> {escaped(line)}" for line in [*quoted.splitlines(), *more])
    return Statement(
        text=f"From **{escaped(passage.source.title)}**:\n\n{lines}",
        citations=(sources.number(passage.source),),
        quote=quoted,
    )


def _is_relevant(query: Query, passage: Passage) -> bool:
    if passage.source.kind == "search":
        return passage.covered >= _RELEVANT_BY_WORDS_ALONE and not _misses_name(passage)
    is_loose = (passage.similarity or 0.0) < _LOOSE and passage.covered < _LOOSE
    return not is_loose and _strength(query, passage) >= _RELEVANT


def _strength(query: Query, passage: Passage) -> float:
    """Weigh how near a passage is in meaning, and whether it speaks of what was asked."""
    is_strange = query.subjects and not (passage.is_about_subject or passage.names_subject)
    return (
        (passage.similarity or 0.0)
        + _OF_COVERAGE * passage.covered
        + _OF_SUBJECT * passage.is_about_subject
        + _OF_STRANGER * bool(is_strange)
        + _OF_NAME_MISSED * (_misses_name(passage) and len(query.telling) <= _LONG)
        + _OF_NOTHING_HELD * (bool(query.telling) and passage.covered == 0)
        + _OF_TICKET * bool(query.ticket_ids)
    )


def _misses_name(passage: Passage) -> bool:
    """Say whether something particular was asked of that the passage does not hold."""
    return any(is_particular(word) for word in passage.lacks)


def _distinct(passages: list[Passage]) -> list[Passage]:
    """Leave out what an earlier passage says already, whatever its line breaks."""
    kept: list[Passage] = []
    said: list[str] = []
    for passage in passages:
        text = " ".join(passage.text.split())
        if not any(text in earlier for earlier in said):
            kept.append(passage)
            said.append(" ".join(_shortened(passage.text).split()))
    return kept


def _shortened(text: str) -> str:
    """Cut at the last line or sentence that ends before the limit."""
    if len(text) <= QUOTE_LENGTH:
        return text
    head = text[:QUOTE_LENGTH]
    end = max(head.rfind("\n"), head.rfind(". ") + 1)
    return head[: end if end > QUOTE_LENGTH // 3 else QUOTE_LENGTH].rstrip()
