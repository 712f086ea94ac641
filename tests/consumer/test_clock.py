from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from consumer.clock import moment, read_moment, utc_now

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def test_a_moment_has_microseconds_and_a_z() -> None:
    assert moment(datetime(2026, 11, 21, 2, 13, 5, 123456, UTC)) == "2026-11-21T02:13:05.123456Z"
    assert moment(datetime(2026, 11, 21, 2, 13, 5, tzinfo=UTC)) == "2026-11-21T02:13:05.000000Z"


def test_a_moment_is_in_utc() -> None:
    assert moment(datetime(2026, 11, 21, 3, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-21T02:00:00.000000Z"


def test_seconds_may_be_added() -> None:
    assert moment(datetime(2026, 11, 21, tzinfo=UTC), plus_seconds=-0.5) == "2026-11-20T23:59:59.500000Z"


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (moment(one) < moment(other)) == (one < other)


@given(MOMENTS)
def test_a_moment_can_be_read_back(at: datetime) -> None:
    assert read_moment(moment(at)) == at


def test_now_is_aware() -> None:
    assert utc_now().utcoffset() == timedelta(0)
