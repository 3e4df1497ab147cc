from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.understanding.windows import read_window

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)  # a Tuesday, 16:05 in Berlin
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Cairo",
)
SPANS = (
    "today",
    "yesterday",
    "last night",
    "tonight",
    "this week",
    "last month",
    "this year",
    "since Monday",
    "on Friday",
    "in the last 3 days",
    "past 48 hours",
    "in the last few minutes",
    "2 weeks ago",
    "3 hours ago",
    "since yesterday",
    "since last week",
    "recently",
    "in March",
    "before last night's incident",
)


def told(text: str, now: datetime = NOW) -> tuple[str, str] | None:
    """The span in Berlin's time."""
    window = read_window(text, now, BERLIN)
    if window is None:
        return None
    ends = (window.start, window.end)
    start, end = (f"{each.astimezone(BERLIN):%m-%d %H:%M}" if each else "" for each in ends)
    return start, end


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("What changed today?", "06-09 00:00", "06-10 00:00"),
        ("who deployed yesterday", "06-08 00:00", "06-09 00:00"),
        ("what broke last night", "06-08 18:00", "06-09 06:00"),
        ("what is planned for tonight", "06-09 18:00", "06-10 06:00"),
        ("this morning's deploys", "06-09 06:00", "06-09 12:00"),
        ("this week", "06-08 00:00", "06-15 00:00"),
        ("last week's changes", "06-01 00:00", "06-08 00:00"),
        ("last month", "05-01 00:00", "06-01 00:00"),
        ("this year", "01-01 00:00", "01-01 00:00"),
        ("what changed since Monday", "06-08 00:00", "06-09 16:05"),
        ("what changed since last Friday", "06-05 00:00", "06-09 16:05"),
        ("since last week", "06-01 00:00", "06-09 16:05"),
        ("in the last 3 days", "06-06 16:05", "06-09 16:05"),
        ("past 48 hours", "06-07 16:05", "06-09 16:05"),
        ("the last 24h", "06-08 16:05", "06-09 16:05"),
        ("the last hour", "06-09 15:05", "06-09 16:05"),
        ("in the past week", "06-02 16:05", "06-09 16:05"),
        ("in the last couple of days", "06-07 16:05", "06-09 16:05"),
        ("2 days ago", "06-07 00:00", "06-08 00:00"),
        ("an hour ago", "06-09 15:05", "06-09 16:05"),
        ("on 2026-06-01", "06-01 00:00", "06-02 00:00"),
        ("on 3 May", "05-03 00:00", "05-04 00:00"),
        ("since June 1st, 2026", "06-01 00:00", "06-09 16:05"),
        ("on December 24", "12-24 00:00", "12-25 00:00"),
        ("in March", "03-01 00:00", "04-01 00:00"),
        ("during August 2025", "08-01 00:00", "09-01 00:00"),
        ("what changed recently", "06-02 16:05", "06-09 16:05"),
        ("before yesterday", "", "06-08 00:00"),
        ("What changed before last night's incident?", "", "06-09 06:00"),
    ],
)
def test_a_span_is_counted_from_the_clock_in_the_zone(text: str, start: str, end: str) -> None:
    assert told(text) == (start, end)


def test_a_date_without_a_year_is_the_last_one() -> None:
    window = read_window("on December 24", NOW, BERLIN)
    assert window is not None
    assert window.end == datetime(2025, 12, 25, tzinfo=BERLIN)


def test_before_an_incident_is_left_to_whoever_knows_when_that_was() -> None:
    window = read_window("What changed before incident INC-123?", NOW, BERLIN)
    assert window is not None
    assert (window.words, window.before_ticket) == ("before incident INC-123", "inc-123")
    assert (window.start, window.end) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "Who owns shop?",
        "is there a freeze around black friday",
        "since 2026-13-45",
        "on 0001-01-01",
        "in May 9999",
        "on 30 February",
        "it may help todays orders",
    ],
)
def test_what_is_no_time_is_no_window(text: str) -> None:
    assert read_window(text, NOW, BERLIN) is None


def test_a_day_on_which_clocks_change_has_23_or_25_hours() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        now = datetime.combine(day, time(15), tzinfo=BERLIN).astimezone(UTC)
        window = read_window("today", now, BERLIN)
        assert window
        assert window.start
        assert window.end
        assert window.end - window.start == timedelta(hours=hours)


def test_hours_are_counted_exactly_where_clocks_change() -> None:
    now = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # the second 2:30 of that night in Berlin
    window = read_window("in the last 2 hours", now, BERLIN)
    assert window
    assert window.start
    assert window.end
    assert (window.start, window.end) == (now - timedelta(hours=2), now)
    days = read_window("in the last 2 days", now, BERLIN)
    assert days
    assert days.start
    assert days.start == datetime(2026, 10, 23, 2, 30, tzinfo=BERLIN)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SPANS),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
)
def test_every_span_has_a_zone_and_begins_before_it_ends(
    text: str, zone: str, now: datetime
) -> None:
    window = read_window(text, now, ZoneInfo(zone))
    assert window is not None
    assert window.words in text
    for each in (window.start, window.end):
        assert each is None or each.utcoffset() == timedelta(0)
    assert window.start is None or window.end is None or window.start < window.end


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
)
def test_now_is_today_and_what_ended_with_today_begins_tomorrow(zone: str, now: datetime) -> None:
    today = read_window("today", now, ZoneInfo(zone))
    yesterday = read_window("yesterday", now, ZoneInfo(zone))
    assert today
    assert yesterday
    assert today.start
    assert today.end
    assert today.start <= now < today.end
    assert yesterday.end == today.start


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    read_window(text, NOW, BERLIN)
