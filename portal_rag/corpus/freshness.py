"""From which age on a document counts as old, by what kind of document it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self, get_args

from portal_rag.corpus.documents import DocumentKind
from portal_rag.errors import ConfigurationError

_NEVER = "never"
_KINDS: Mapping[str, DocumentKind] = {kind: kind for kind in get_args(DocumentKind)}
_SETTING = "PORTAL_RAG_STALE_AFTER_DAYS_BY_KIND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How long a document counts as current after it was last changed or reviewed.

    In `by_kind` None stands for a kind that never gets old.
    """

    default: timedelta
    by_kind: Mapping[DocumentKind, timedelta | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, days: int, by_kind: str = "") -> Self:
        """Read `runbook=180,adr=never`: days by kind of document, beside the default in days.

        Raises:
            ConfigurationError: a kind is not known or named twice, or it is no number of days.
        """
        ages: dict[DocumentKind, timedelta | None] = {}
        for pair in filter(None, map(str.strip, by_kind.split(","))):
            kind, age = _parsed(pair)
            if kind in ages:
                raise ConfigurationError(f"{_SETTING} names {kind} twice (README, Settings).")
            ages[kind] = age
        return cls(default=timedelta(days=days), by_kind=ages)

    def is_stale(self, kind: DocumentKind, modified_at: datetime | None, now: datetime) -> bool:
        """Whether it is older than it may be; what does not say when it changed never is."""
        limit = self.by_kind.get(kind, self.default)
        return modified_at is not None and limit is not None and now - modified_at > limit


def _parsed(pair: str) -> tuple[DocumentKind, timedelta | None]:
    name, _, age = (part.strip() for part in pair.partition("="))
    kind = _KINDS.get(name)
    if kind is None:
        raise ConfigurationError(
            f"{_SETTING}: {name!r} is no kind of document; the kinds are {', '.join(_KINDS)}"
            " (README, Settings)."
        )
    if age == _NEVER:
        return kind, None
    if not (age.isascii() and age.isdigit() and 0 < int(age) < _MOST_DAYS):
        raise ConfigurationError(
            f"{_SETTING}: {pair!r} must give a number of days, such as {name}=180, or {name}=never"
            " (README, Settings)."
        )
    return kind, timedelta(days=int(age))


_MOST_DAYS = 100_000
