"""Names out of a question, so that only the way of asking is left."""

import re
from collections.abc import Iterable

PLACEHOLDER = "X"
_TICKET = "INC-1"

_TICKETS = re.compile(r"\b(?:[A-Z]{2,}-|[Ii](?:nc|NC)-?)\d+\b")
_NAMES = re.compile(
    r"\b[a-zA-Z]+:[\w.-]*\w/[\w.-]*\w|\b\w+(?:[-_./]\w+)+\b|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*"
)
_NO_NAMES = re.compile(
    r"(?:INC|ADR|RFC|SEV)-\d+|sev-?\d|(?:on|pre|post|roll|re|sub|end|how|hand|go|run|write|co|up|down"
    r"|third|open|read|de|sign|set|cut|code|non|self|auto|real|long|short|high|low|well|still|up-to"
    r")-\w+(?:-\w+)*|e-?mails?|ci/cd|tier-\d|day-to-day|and/or|24/7|\d+(?:[./:-]\d+)+|v\d+(?:\.\d+)*"
    r"|k8s|github|gitlab|pagerduty|opsgenie|[a-z]+(?:'s)|GitHub|GitLab|PagerDuty|ArgoCD|OpenAPI"
    r"|AsyncAPI|GraphQL|TechDocs|PostgreSQL|JavaScript|TypeScript|MySQL|CircleCI|StatusPage|gRPC"
    r"|[\w-]+\.(?:ya?ml|tf|tfvars|json|md|xml|toml|ini|js|net)|catalog-info|multi-az|api/\w+|is/are|he/she",
    re.IGNORECASE,
)
_TELLING = re.compile(
    r"(?:^|[-_/:\s])(?P<word>apis?|teams?|group|squad|crew|db|database|topic|queue|library|system"
    r"|domain)(?=$|[-_/:\s])",
    re.IGNORECASE,
)


def mask(text: str, names: Iterable[str] = ()) -> str:
    """Put a placeholder for each of `names`, and for whatever else looks like an identifier.

    A word in a name that tells what kind of thing it is (`api`, `team`) stays behind it.
    """
    for name in sorted(set(names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda found: placed(found[0]), text)
    return _NAMES.sub(_placed, _TICKETS.sub(_ticket, text))


def placed(name: str) -> str:
    """Give what stands for a name."""
    if _TICKETS.fullmatch(name):
        return _TICKET
    telling = _TELLING.search(name.lower())
    return f"{PLACEHOLDER} {telling['word']}" if telling else PLACEHOLDER


def _placed(found: re.Match[str]) -> str:
    word = found[0]
    return word if _NO_NAMES.fullmatch(word) else placed(word)


def _ticket(found: re.Match[str]) -> str:
    return found[0] if _NO_NAMES.fullmatch(found[0]) and found[0][0] in "AR" else _TICKET
