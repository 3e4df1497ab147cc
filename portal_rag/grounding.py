"""Draft -> what of it stands: every stated thing must be in a source that is cited for it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from portal_rag.domain import Draft, Source, Statement

_HARD_TOKEN = re.compile(r"`([^`]+)`|(https?://[^\s)>\]]+)")
_ESCAPED = re.compile(r"\\([\\`*_\[\]<>#|!~])")
_WEB = re.compile(r"https?://[^\s]+")


def check(draft: Draft) -> Draft:
    """Drop the statements that their sources do not carry, and the sources that nobody cites.

    A statement stands if its citations exist, if references and links in it occur in the cited
    sources, and if its quote is verbatim. An answer that loses all of its cited statements says
    that the evidence was insufficient.
    """
    kept = [s for s in draft.statements if not s.citations or _stands(s, draft.sources)]
    dropped = len(draft.statements) - len(kept)
    grounded = replace(draft, statements=tuple(kept), dropped=draft.dropped + dropped)
    if draft.sources and not any(statement.citations for statement in kept):
        grounded = replace(grounded, status="insufficient_evidence")
    return _renumbered(_with_web_links_only(grounded))


def _stands(statement: Statement, sources: Sequence[Source]) -> bool:
    if not all(1 <= number <= len(sources) for number in statement.citations):
        return False
    cited = [sources[number - 1] for number in statement.citations]
    if statement.quote is not None:
        return any(statement.quote in source.excerpt for source in cited)
    carried = "\n".join(f"{source.excerpt}\n{source.url}" for source in cited)
    return all(token in carried for token in _hard_tokens(statement.text))


def _hard_tokens(text: str) -> Iterable[str]:
    """Name the references and addresses in Markdown, as their source spells them."""
    for code, link in _HARD_TOKEN.findall(_ESCAPED.sub(r"\1", text)):
        yield code or link.rstrip(".,;:!?")


def _renumbered(draft: Draft) -> Draft:
    """Number the sources anew, without those that lost their statement."""
    used = sorted({n for statement in draft.statements for n in statement.citations})
    position = {old: new for new, old in enumerate(used, start=1)}
    statements = tuple(
        replace(statement, citations=tuple(position[n] for n in statement.citations))
        for statement in draft.statements
    )
    sources = tuple(draft.sources[n - 1] for n in used)
    return replace(draft, statements=statements, sources=sources)


def _with_web_links_only(draft: Draft) -> Draft:
    follow_ups = tuple(f for f in draft.follow_ups if f.url is None or _WEB.fullmatch(f.url))
    return replace(draft, follow_ups=follow_ups)
