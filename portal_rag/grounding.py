"""Draft -> what of it stands: every stated thing must be in a source that is cited for it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from portal_rag.domain import Draft, Source, Statement

_LINK = re.compile(r"\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")
_LINK_TARGET = re.compile(r"(?<=\])\([^)\s]+\)")
_CODE = re.compile(r"(?<!\\)`([^`\n]+)`")
_ESCAPED = re.compile(r"\\([\\`*_\[\]<>#|!~])")
_PLAIN = (
    re.compile(r"https?://[^\s)>\]]+"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<![\w/:.-])[a-z]\w*:[\w.-]+/[\w.-]+", re.IGNORECASE),
    re.compile(r"(?<![\w/:.])(?:~|\.{1,2})?(?:/[\w.-]+)+|[\w.-]+(?:/[\w.-]+){2,}"),
    re.compile(r"[\w.,:/%+-]*\d[\w.,:/%+-]*"),
)
"""Addresses, e-mail, references, paths; then numbers, dates, versions and names that hold any."""
_TRAILING = ".,;:!?…"
_WEB = re.compile(r"https?://[^\s]+")


def check(draft: Draft) -> Draft:
    """Drop the statements that their sources do not carry, and the sources that nobody cites.

    A statement stands if its citations exist, if references, links, numbers and paths in it occur
    in the cited sources, and if its quote is verbatim. An answer that loses all of its cited
    statements says that the evidence was insufficient.
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
    carried = "\n".join(map(_carried, cited))
    return all(_holds(carried, token) for token in hard_tokens(statement.text))


def _carried(source: Source) -> str:
    return f"{source.excerpt}\n{source.title}\n{source.url}\n{source.entity_ref}"


def hard_tokens(text: str) -> Iterator[str]:
    """Name what may not be made up, as its source spells it: references, links, numbers."""
    yield from _LINK.findall(text)
    rest = _LINK_TARGET.sub(" ", text)
    for code in _CODE.findall(rest):
        yield _ESCAPED.sub(r"\1", code)
    rest = _ESCAPED.sub(r"\1", _CODE.sub(" ", rest))
    for pattern in _PLAIN:
        for token in pattern.findall(rest):
            if plain := token.strip(_TRAILING):
                yield plain
        rest = pattern.sub(" ", rest)


def _holds(text: str, token: str) -> bool:
    """Say whether a token stands there, and not as a piece of a longer word or number."""
    before = r"(?<!\w)(?<!\d[.,:])" if token[:1].isalnum() else ""
    after = r"(?!\w)(?![.,:]\d)" if token[-1:].isalnum() else ""
    return re.search(before + re.escape(token) + after, text) is not None


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
