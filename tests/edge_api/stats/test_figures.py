"""Percentiles against their definition; days without holes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.stats.figures import every_day, first_day, percentile, seconds_between, spread

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@given(NUMBERS, st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    lower = [value for value in values if value < found]
    assert len(lower) * 100 < percent * len(values)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.5, 1)])
def test_of_a_hundred(percent: float, expected: float) -> None:
    assert percentile(range(1, 101), percent) == expected


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_what_is_no_percentile(percent: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile([1], percent)


def test_of_nothing() -> None:
    assert percentile([], 50) is None
    assert spread([]) == {"p50": None, "p95": None, "p99": None, "count": 0}


def test_a_spread() -> None:
    assert spread([3.00049, 1, 2]) == {"p50": 2, "p95": 3.0, "p99": 3.0, "count": 3}


def test_seconds_between() -> None:
    times = [
        {"begun_at": "2026-11-21T10:00:00.250000Z", "ended_at": "2026-11-21T10:01:00.000000Z"},
        {"begun_at": "2026-11-21T10:00:01.000000Z", "ended_at": "2026-11-21T10:00:00.000000Z"},
    ]
    assert seconds_between(times) == [59.75]


def test_every_day_has_its_place() -> None:
    today = date(2026, 3, 2)
    rows = [{"day": "2026-02-28", "videos": 3, "bytes": 7}, {"day": "2026-03-03", "videos": 9, "bytes": 9}]
    found = every_day(rows, today, 4)
    assert [(row["day"], row["videos"], row["bytes"]) for row in found] == [
        ("2026-02-27", 0, 0),
        ("2026-02-28", 3, 7),
        ("2026-03-01", 0, 0),
        ("2026-03-02", 0, 0),
    ]
    assert first_day(today, 4) == date(2026, 2, 27)
    assert len(every_day([], today)) == 14
