"""Takes secrets out of any text: used when indexing, and on every piece of evidence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from portal_rag.corpus.redaction.rules import CONTEXTS, TOKENS, Rule, Table
from portal_rag.corpus.redaction.tables import RULE, redact_cells
from portal_rag.corpus.redaction.unseen import UNSEEN

RULES_VERSION = 2
"""To be raised with any change of the rules, so that unchanged documents are read again."""
_BETWEEN_LINE_ENDS = re.compile(r"[^\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SecretFound:
    """That a secret stood in a text and where, never what it was; lines count from 1."""

    start_line: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A text without its secrets, and what was taken out, from top to bottom."""

    text: str
    findings: tuple[SecretFound, ...]


def redact(text: str) -> Redacted:
    """Put `[redacted <rule>]` in the place of each secret; every line stays a line.

    Redacting what is redacted changes nothing. Takes time in proportion to the text. Where
    characters that nobody sees split a secret, all of those leave the text.
    """
    as_written = _redacted(text)
    if not UNSEEN.search(as_written.text):
        return as_written
    as_seen = _redacted(UNSEEN.sub("", as_written.text))
    if not as_seen.findings:
        return as_written
    findings = sorted((*as_written.findings, *as_seen.findings))
    return Redacted(text=as_seen.text, findings=tuple(findings))


def _redacted(text: str) -> Redacted:
    findings: list[SecretFound] = []
    for rule in _fitting(TOKENS, text):
        text = "".join(_pieces(rule, text, text, findings))
    for rule in _fitting(CONTEXTS, _in_lower_case(text)):
        text = "".join(_pieces(rule, text, _in_lower_case(text), findings))
    if "|" in text and CONTEXTS.any_hint.search(_in_lower_case(text)):
        lines = text.split("\n")
        findings += [SecretFound(rule=RULE, start_line=at + 1) for at in redact_cells(lines)]
        text = "\n".join(lines)
    return Redacted(text=text, findings=tuple(sorted(findings)))


def _fitting(table: Table, searched: str) -> Iterator[Rule]:
    if table.any_hint.search(searched):
        yield from (rule for rule in table.rules if any(hint in searched for hint in rule.hints))


def _in_lower_case(text: str) -> str:
    """Make a lower-case text in which everything is at the place that it has in `text`."""
    return text.replace("\u0130", "i").lower()


def _pieces(rule: Rule, text: str, searched: str, findings: list[SecretFound]) -> Iterator[str]:
    done, line = 0, 1
    for match in rule.pattern.finditer(searched):
        first, last = match.span("secret")
        if rule.looks_real(text[first:last]):
            start, end = match.span("whole")
            line += text.count("\n", done, start)
            findings.append(SecretFound(rule=rule.name, start_line=line))
            yield text[done:start]
            yield f"[redacted {rule.name}]{_line_ends(text[start:end])}"
            line += text.count("\n", start, end)
            done = end
    yield text[done:]


def _line_ends(secret: str) -> str:
    return _BETWEEN_LINE_ENDS.sub("", secret)
