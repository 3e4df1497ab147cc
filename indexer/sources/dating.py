"""When somebody last vouched for a page, as the page itself says."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time

from portal_rag.corpus.documents import Section

_REVIEWED = re.compile(
    r"^(?:last )?(?:reviewed|updated|verified|checked)(?: on)?:? (\d{4}-\d{2}-\d{2})\b",
    re.IGNORECASE | re.MULTILINE,
)


def reviewed_on(sections: Iterable[Section]) -> date | None:
    """Find the latest date of a line such as `Last reviewed: 2026-08-20`."""
    return max(_dates(sections), default=None)


def midnight(day: date) -> datetime:
    """The start of the day, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def _dates(sections: Iterable[Section]) -> Iterator[date]:
    for section in sections:
        for block in section.blocks:
            if block.kind == "text":
                yield from filter(None, map(_date, _REVIEWED.findall(block.text)))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
