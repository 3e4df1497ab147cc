"""Hard tokens: what an answer may not make up, and whether its sources hold it.

Written anew for the evaluation, without a look at how the service checks itself: references, names
in backticks, numbers, dates, versions, addresses and paths.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.golden_set.citing import cited_sources
from evals.golden_set.texts import normalised, without_citations

_LINK = re.compile(r"(?<!\\)\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!\\)`([^`\n]+)`")
_URL = re.compile(r"https?://[^\s<>\])\"']+")
_REFERENCE = re.compile(r"(?<![\w/:.-])[a-z]\w*:[\w.-]+/[\w.-]+(?![\w/])", re.IGNORECASE)
_NUMERIC = re.compile(r"(?<![\w/])[\w.,:/%+-]*\d[\w.,:/%+-]*")
_PATH = re.compile(
    r"(?<![\w/:])(?:~|\.{1,2})?/?[\w.-]+(?:/[\w.-]+){2,}/?"
    r"|(?<![\w/:.])~?(?:/[\w.-]+)+/?"
    r"|(?<![\w/:])[\w.-]+/[\w-]+\.[a-z]{1,5}\b"
)
_ORDINAL = re.compile(r"^[ \t>]*\d+[.)](?=\s)", re.MULTILINE)
_TRAILING = ".,;:!?…"
_OFFERED = frozenset({"clarify", "insufficient_evidence", "partial"})
"""Here an answer names what it offers to ask about, or did not find."""


def ungrounded(answer: Mapping[str, Any], said: str) -> tuple[str, ...]:
    """Give the hard tokens that neither a cited source nor the asker has."""
    carried = normalised("\n".join((said, *_carriers(answer))))
    tokens = dict.fromkeys(hard_tokens(answer["answer"]))
    return tuple(
        token
        for token in tokens
        if not holds(carried, token) and not _is_offered(token, answer, carried)
    )


def hard_tokens(text: str) -> Iterator[str]:
    """Give the tokens of a Markdown text, normalised; a token within another is not given twice."""
    rest = _ORDINAL.sub("", without_citations(text))
    for link in _LINK.finditer(rest):
        yield normalised(link.group(2))
    rest = _LINK.sub(r" \1 ", rest)
    for code in _CODE.finditer(rest):
        yield normalised(code.group(1))
    rest = normalised(_CODE.sub(" ", rest))
    for pattern in (_URL, _REFERENCE, _PATH, _NUMERIC):
        for match in pattern.finditer(rest):
            if token := match.group().strip(_TRAILING):
                yield token
        rest = pattern.sub(" ", rest)


def holds(text: str, token: str) -> bool:
    """Whether a token stands in a text and not merely as a piece of a longer word or number."""
    before = r"(?<!\w)(?<!\d[.,:])" if token[:1].isalnum() else ""
    after = r"(?!\w)(?![.,:]\d)" if token[-1:].isalnum() else ""
    return re.search(before + re.escape(token) + after, text) is not None


def _carriers(answer: Mapping[str, Any]) -> Sequence[str]:
    return [
        f"{source['excerpt']}\n{source['title']}\n{source['url']}\n{source['entityRef']}"
        for source in cited_sources(answer)
    ]


def _is_offered(token: str, answer: Mapping[str, Any], carried: str) -> bool:
    """Whether a name is only offered as a choice, or is that of which something was not found."""
    if answer["status"] not in _OFFERED:
        return False
    offers = normalised("\n".join(each["label"] for each in answer["followUps"]))
    name = token.rpartition("/")[2]
    return holds(offers, token) or (":" in token and bool(name) and holds(carried, name))
