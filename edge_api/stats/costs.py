"""What a month costs, whether that is too much, and what would make it less. Pure.

The default prices are R2's (https://developers.cloudflare.com/r2/pricing/, read in November 2026): 0.015 USD for a GB
and month, 4.50 USD for a million operations of class A, 0.36 USD for a million of class B; 10 GB, a million and ten
million of them free. Leaving the store costs nothing there. A GB has 10^9 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wrangler_compat.r2.counted import CLASSES

GB = 10**9
MILLION = 10**6
MONTH_DAYS = 30
_NEARLY = 0.8
_WORTH_SAYING_BYTES = 10 * MILLION


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a GB and month, and of a million operations; what of each is free."""

    storage: float
    class_a: float
    class_b: float
    free_gb: float = 0.0
    free_a: int = 0
    free_b: int = 0
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Cost:
    """quantity: GB or operations in a month. amount: what is to be paid for it, in the prices' currency."""

    name: str
    quantity: float
    free: float
    amount: float


@dataclass(frozen=True, slots=True)
class Advice:
    """saves: in a month, at the price of a GB; less when what is left is free."""

    text: str
    bytes: int
    saves: float


def in_a_month(calls: Mapping[str, int], counted_days: float) -> dict[str, int]:
    """As many as 30 days would have, after so many days of counting (a day at least)."""
    days = max(1.0, counted_days)
    return {name: round(number * MONTH_DAYS / days) for name, number in calls.items()}


def costs_of(stored_bytes: int, monthly_calls: Mapping[str, int], prices: Prices) -> list[Cost]:
    """Storage, class A, class B."""
    gb = stored_bytes / GB
    of_class = {name: sum(n for call, n in monthly_calls.items() if CLASSES.get(call) == name) for name in ("A", "B")}
    return [
        Cost("storage", gb, prices.free_gb, max(0.0, gb - prices.free_gb) * prices.storage),
        _operations("class_a", of_class["A"], prices.free_a, prices.class_a),
        _operations("class_b", of_class["B"], prices.free_b, prices.class_b),
    ]


def total(costs: Sequence[Cost]) -> float:
    return sum(cost.amount for cost in costs)


def alerts(per_month: float, budget: float, currency: str) -> list[str]:
    """budget: 0 for none."""
    if not budget or per_month < budget * _NEARLY:
        return []
    spent = f"{money(per_month, currency)} a month, of a budget of {money(budget, currency)}"
    return [f"Over the budget: {spent}." if per_month > budget else f"Near the budget: {spent}."]


def advice(verdicts: Sequence[Mapping[str, Any]], prices: Prices) -> list[Advice]:
    """What could go, the most first. verdicts: status, videos, bytes."""
    found = []
    for status, what in (("duplicate", "duplicates"), ("rejected", "rejected videos")):
        rows = [row for row in verdicts if row["status"] == status]
        size = sum(int(row["bytes"]) for row in rows)
        if size >= _WORTH_SAYING_BYTES:
            amount = f"{size / GB:.0f} GB" if size >= 10 * GB else f"{size / GB:.2f} GB"
            found.append(Advice(f"Delete {what}: {amount}", size, size / GB * prices.storage))
    return sorted(found, key=lambda each: -each.bytes)


def money(amount: float, currency: str) -> str:
    """12.34 USD; what is less than a cent, but not nothing, in full."""
    return f"{amount:.4f} {currency}" if 0 < amount < 0.01 else f"{amount:,.2f} {currency}".replace(",", "\u202f")


def _operations(name: str, calls: int, free: int, price: float) -> Cost:
    return Cost(name, calls, free, max(0, calls - free) / MILLION * price)
