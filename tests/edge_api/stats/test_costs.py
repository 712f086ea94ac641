"""What a month costs: by hand, and what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.stats.costs import GB, Prices, advice, alerts, costs_of, in_a_month, money, total
from tests.edge_api.kit import settings_with

R2 = Prices(storage=0.015, class_a=4.5, class_b=0.36, free_gb=10, free_a=1_000_000, free_b=10_000_000)


def test_by_hand() -> None:
    calls = {"PutObject": 1_500_000, "ListObjects": 500_000, "GetObject": 20_000_000, "DeleteObject": 10**9}
    lines = costs_of(110 * GB, calls, R2)
    assert [(line.name, line.quantity, line.free) for line in lines] == [
        ("storage", 110, 10),
        ("class_a", 2_000_000, 1_000_000),
        ("class_b", 20_000_000, 10_000_000),
    ]
    assert [round(line.amount, 6) for line in lines] == [1.5, 4.5, 3.6]
    assert total(lines) == pytest.approx(9.6)


def test_what_is_free_costs_nothing() -> None:
    assert total(costs_of(10 * GB, {"PutObject": 1_000_000, "HeadObject": 10_000_000}, R2)) == 0


@given(st.integers(0, 10**15), st.integers(0, 10**10), st.integers(0, 10**12))
def test_more_never_costs_less(stored: int, calls: int, more: int) -> None:
    least = total(costs_of(stored, {"PutObject": calls}, R2))
    assert 0 <= least <= total(costs_of(stored + more, {"PutObject": calls + more}, R2))


def test_the_default_prices_are_those_of_r2() -> None:
    settings = settings_with()
    assert (settings.price_storage_gb_month, settings.free_storage_gb) == (R2.storage, R2.free_gb)
    assert (settings.price_class_a_million, settings.free_class_a) == (R2.class_a, R2.free_a)
    assert (settings.price_class_b_million, settings.free_class_b) == (R2.class_b, R2.free_b)


@pytest.mark.parametrize(("days", "expected"), [(0, 300), (0.2, 300), (1, 300), (3, 100), (30, 10)])
def test_a_month_of_what_was_counted(days: float, expected: int) -> None:
    assert in_a_month({"PutObject": 10}, days) == {"PutObject": expected}


def test_alerts() -> None:
    assert alerts(100, 0, "USD") == []
    assert alerts(7.9, 10, "USD") == []
    assert alerts(8, 10, "USD") == ["Near the budget: 8.00 USD a month, of a budget of 10.00 USD."]
    assert alerts(12.345, 10, "EUR") == ["Over the budget: 12.35 EUR a month, of a budget of 10.00 EUR."]


def test_advice() -> None:
    rows = [
        {"status": "approved", "videos": 5, "bytes": 900 * GB},
        {"status": "duplicate", "videos": 2, "bytes": 14 * GB},
        {"status": "rejected", "videos": 1, "bytes": 20 * GB},
        {"status": "rejected", "videos": 1, "bytes": 10 * GB},
    ]
    found = advice(rows, R2)
    assert [each.text for each in found] == ["Delete rejected videos: 30 GB", "Delete duplicates: 14 GB"]
    assert found[1].saves == pytest.approx(0.21)
    assert advice([{"status": "duplicate", "videos": 1, "bytes": 9_999_999}], R2) == []
    (small,) = advice([{"status": "duplicate", "videos": 1, "bytes": 120_000_000}], R2)
    assert small.text == "Delete duplicates: 0.12 GB"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, "0.00 USD"), (0.0042, "0.0042 USD"), (3.456, "3.46 USD"), (1234.5, "1\u202f234.50 USD")],
)
def test_money(amount: float, expected: str) -> None:
    assert money(amount, "USD") == expected
