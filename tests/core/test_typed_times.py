"""A time that somebody types is that moment by their own clock, or it is said what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox_tui.view.times import FARTHEST, typed_time

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 24, 12, 0, tzinfo=UTC)  # a Tuesday, 13:00 in Vienna


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("14:30", "2026-03-24 14:30"),
        ("tomorrow 9", "2026-03-25 09:00"),
        ("Tomorrow at 9:05", "2026-03-25 09:05"),
        ("tue 09:00", "2026-03-31 09:00"),
        ("wed 9", "2026-03-25 09:00"),
        ("sunday 9", "2026-03-29 09:00"),
        ("24.12. 8:30", "2026-12-24 08:30"),
        ("1.1. 8", "2027-01-01 08:00"),
        ("2026-12-24 8:30", "2026-12-24 08:30"),
        ("in 90m", "2026-03-24 14:30"),
        ("2 h", "2026-03-24 15:00"),
    ],
)
def test_what_is_typed_is_meant_by_the_readers_clock(typed: str, meant: str) -> None:
    found = typed_time(typed, NOW, VIENNA)
    assert isinstance(found, datetime), found
    assert f"{found.astimezone(VIENNA):%Y-%m-%d %H:%M}" == meant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("12:59", "already passed"),
        ("13:00", "already passed"),
        ("2026-03-01 9", "already passed"),
        ("sunday 2:30", "no such time"),
        ("2031-01-01 9", "more than a year"),
        ("9999d", "more than a year"),
        ("soon", "not a time"),
        ("25:00", "not a time"),
        ("31.2. 9", "not a time"),
        ("t 9", "not a time"),
        ("", "not a time"),
    ],
)
def test_what_is_no_time_to_come_is_said(typed: str, why: str) -> None:
    found = typed_time(typed, NOW, VIENNA)
    assert isinstance(found, str)
    assert why in found


@given(st.text(max_size=30) | st.from_regex(r"(today|tomorrow|mon|29\.2\.|in)? ?[0-9]{1,4}[:.]?[0-9]{0,2}[mhd]?"))
def test_no_typed_text_raises_and_every_time_is_to_come(text: str) -> None:
    found = typed_time(text, NOW, VIENNA)
    assert isinstance(found, str) or timedelta(0) < found - NOW <= FARTHEST
