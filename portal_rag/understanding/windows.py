"""Which span of time a question speaks of, counted from a clock in a time zone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from portal_rag.domain import Window

RECENTLY = timedelta(days=7)
"""How far back "recently" goes."""
_YEARS = range(1900, 2200)
_HOURS_OF: Mapping[str, tuple[int, int]] = {
    "today": (0, 24),
    "yesterday": (-24, 0),
    "last night": (-6, 6),
    "this morning": (6, 12),
    "this evening": (18, 24),
    "tonight": (18, 30),
}
"""From and up to which hour, counted from the midnight that today began with."""
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_COUNTS: Mapping[str, int] = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), start=1
    )
} | {"a": 1, "an": 1, "couple": 2, "couple of": 2, "few": 3}
_EXACT: Mapping[str, int] = {"minute": 1, "min": 1, "hour": 60, "hr": 60, "h": 60}
"""Units that are counted exactly, in minutes."""
_SPAN_DAYS: Mapping[str, int] = {
    "day": 1,
    "d": 1,
    "week": 7,
    "fortnight": 14,
    "month": 30,
    "quarter": 91,
    "year": 365,
}

_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
_UNIT = rf"(?P<unit>{'|'.join(sorted((*_EXACT, *_SPAN_DAYS), key=len, reverse=True))})s?"
_NAMED_DAY = "|".join(_DAYS)
_NAMED_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS)
_SOME_DAY = (
    r"(?:(?P<iso>\d{4}-\d{2}-\d{2})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month>{_NAMED_MONTH})(?:,? (?P<y>\d{{4}}))?"
    rf"|(?P<month2>{_NAMED_MONTH}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y2>\d{{4}}))?"
    rf"|(?P<weekday>{_NAMED_DAY})"
    r"|(?P<relative>today|tonight|yesterday|last night|this morning|this evening"
    r"|(?:this|last) (?:week|month|year)))"
)

Moment = datetime | timedelta | None
"""A local time without a zone, or how long before now, or no bound."""


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], datetime], tuple[Moment, Moment] | None]


def read_window(text: str, now: datetime, zone: tzinfo) -> Window | None:
    """Find the span of time that a text speaks of; both ends are in UTC.

    Days begin at midnight in `zone`, weeks on Monday; a night lasts from 18 to 6 o'clock.
    """
    before = _BEFORE_TICKET.search(text)
    if before:
        return Window(words=before.group(), before_ticket=before["ticket"].lower())
    local = now.astimezone(zone).replace(tzinfo=None)
    for rule in _RULES:
        match = rule.pattern.search(text)
        found = rule.read(match, local) if match else None
        if match and found:
            start, end = (_instant(each, now, local, zone) for each in found)
            if start is None or end is None or start < end:
                return Window(words=match.group().strip(), start=start, end=end)
    return None


def _instant(moment: Moment, now: datetime, local: datetime, zone: tzinfo) -> datetime | None:
    """Say when the clocks of a zone show this; of a time that they show twice, the first."""
    if moment is None:
        return None
    if isinstance(moment, timedelta):
        return now.astimezone(UTC) - moment
    return now.astimezone(UTC) if moment == local else moment.replace(tzinfo=zone).astimezone(UTC)


def _before(match: re.Match[str], now: datetime) -> tuple[Moment, Moment] | None:
    """End with the night if something of that night is spoken of, for it may have been late."""
    day = _day(match, now)
    if day is None:
        return None
    return None, day[1] if match["something"] else day[0]


def _since(match: re.Match[str], now: datetime) -> tuple[Moment, Moment] | None:
    day = _day(match, now)
    return (day[0], now) if day else None


def _on(match: re.Match[str], now: datetime) -> tuple[Moment, Moment] | None:
    is_stray = match["weekday"] and not match["lead"]
    return None if is_stray else _day(match, now)


def _day(match: re.Match[str], now: datetime) -> tuple[datetime, datetime] | None:
    """Read a day; without a year it is the last such day that has begun."""
    if match["relative"]:
        return _relative(match["relative"].lower(), now)
    if match["weekday"]:
        back = (now.weekday() - _DAYS.index(match["weekday"].lower())) % 7
        return _whole(now.date() - timedelta(days=back))
    try:
        found = _date(match, now.date())
    except ValueError:
        return None
    return _whole(found) if found.year in _YEARS else None


def _date(match: re.Match[str], today: date) -> date:
    if match["iso"]:
        return date.fromisoformat(match["iso"])
    month = _month(match["month"] or match["month2"])
    day, year = int(match["day"] or match["day2"]), match["y"] or match["y2"]
    if year:
        return date(int(year), month, day)
    here = date(today.year, month, day)
    return here if here <= today else date(today.year - 1, month, day)


def _month(word: str) -> int:
    return next(i for i, name in enumerate(_MONTHS, start=1) if name.startswith(word.lower()[:3]))


def _relative(words: str, now: datetime) -> tuple[datetime, datetime]:
    if words.endswith(("week", "month", "year")):
        return _calendar(words, now.date())
    start, _ = _whole(now.date())
    since, until = _HOURS_OF[words]
    return start + timedelta(hours=since), start + timedelta(hours=until)


def _calendar(words: str, today: date) -> tuple[datetime, datetime]:
    """Read "this week" and "last month" as the calendar has them."""
    if words.endswith("week"):
        first = today - timedelta(days=today.weekday())
        before, after = first - timedelta(days=7), first + timedelta(days=7)
    elif words.endswith("month"):
        first = today.replace(day=1)
        before = (first - timedelta(days=1)).replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first = today.replace(month=1, day=1)
        before, after = first.replace(year=first.year - 1), first.replace(year=first.year + 1)
    start, end = (first, after) if words.startswith("this") else (before, first)
    return datetime.combine(start, time()), datetime.combine(end, time())


def _whole(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time())
    return start, start + timedelta(days=1)


def _ago(match: re.Match[str], now: datetime) -> tuple[Moment, Moment]:
    back = _length(match)
    return (back, now) if match["unit"].lower() in _EXACT else _whole((now - back).date())


def _last(match: re.Match[str], now: datetime) -> tuple[Moment, Moment]:
    """Count hours exactly, and days as the clocks show them."""
    back = _length(match)
    return (back if match["unit"].lower() in _EXACT else now - back), now


def _length(match: re.Match[str]) -> timedelta:
    count, unit = match.groupdict().get("count") or "one", match["unit"].lower()
    number = int(count) if count.isdecimal() else _COUNTS[count.lower()]
    return timedelta(minutes=number * _EXACT.get(unit, 0), days=number * _SPAN_DAYS.get(unit, 0))


def _in_month(match: re.Match[str], now: datetime) -> tuple[Moment, Moment] | None:
    month = _month(match["month"])
    year = int(match["y"]) if match["y"] else now.year - (month > now.month)
    if year not in _YEARS:
        return None
    start = datetime(year, month, 1)
    return start, (start + timedelta(days=31)).replace(day=1)


def _recently(_: re.Match[str], now: datetime) -> tuple[Moment, Moment]:
    return now - RECENTLY, now


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b{text}\b", re.IGNORECASE)


_BEFORE_TICKET = _pattern(
    r"(?:before|prior to|ahead of|leading up to) (?:the )?(?:incident )?"
    r"(?P<ticket>[a-z][a-z0-9]{0,15}-\d{1,12})"
)
_RULES = (
    _Rule(
        _pattern(rf"(?:before|until|prior to) {_SOME_DAY}(?P<something>['\u2019]s \w+)?"), _before
    ),
    _Rule(_pattern(rf"(?:since|after|from) (?:last )?{_SOME_DAY}"), _since),
    _Rule(_pattern(rf"(?:in |within |over )?(?:the )?(?:last|past) {_COUNT} ?{_UNIT}"), _last),
    _Rule(_pattern(rf"(?:in |within |over )?(?:the )?past {_UNIT}"), _last),
    _Rule(_pattern(r"(?:in |within )?(?:the )?last (?P<unit>hour|minute|day)"), _last),
    _Rule(_pattern(rf"{_COUNT} ?{_UNIT} ago"), _ago),
    _Rule(_pattern(rf"(?P<lead>on |last |this )?{_SOME_DAY}"), _on),
    _Rule(_pattern(rf"(?:in|during) (?P<month>{_NAMED_MONTH})(?: (?P<y>\d{{4}}))?"), _in_month),
    _Rule(_pattern("(?:recently|recent|lately)"), _recently),
)
