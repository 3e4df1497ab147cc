"""Documents as quoted passages: which of those found are shown, and how."""

from portal_rag.composing.citing import Sources
from portal_rag.composing.wording import escaped
from portal_rag.domain import Evidence, Passage, Query, Statement

QUOTE_LENGTH = 1_300
"""Characters of a passage that are quoted; the source's excerpt holds all of it."""
MOST_QUOTES = 3
_RELEVANT = 0.42
_RELEVANT_WITH_WORDS = 0.30
_RELEVANT_BY_WORDS_ALONE = 0.75
_ENTITY_PAGE_KINDS = frozenset({"entity", "api"})


def relevant(query: Query, evidence: Evidence) -> list[Passage]:
    """Keep the passages that are near enough to the question, of the kind asked for if any is."""
    if query.purpose != "documents":
        return []
    told = {entity.ref for entity in query.subjects}
    near = [passage for passage in evidence.passages if _is_relevant(passage)]
    known = _ENTITY_PAGE_KINDS - query.document_kinds
    fresh = [p for p in near if not (p.kind in known and p.source.entity_ref in told)]
    own = [p for p in fresh if p.is_about_subject]
    if query.subjects and (query.topics or "runbook" in query.document_kinds) and not own:
        return []
    wanted = own or fresh
    fitting = [p for p in wanted if p.kind in query.document_kinds] or wanted
    return _distinct(sorted(fitting, key=lambda passage: passage.source.stale))[:MOST_QUOTES]


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


def _is_relevant(passage: Passage) -> bool:
    if passage.covered is not None:
        return passage.covered >= _RELEVANT_BY_WORDS_ALONE
    floor = _RELEVANT_WITH_WORDS if passage.in_lexical else _RELEVANT
    return (passage.similarity or 0.0) >= floor


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
