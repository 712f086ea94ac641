"""Percentiles, days, shares. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

DAYS = 14
PERCENTS = (50, 95, 99)


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The least value that so many percent do not exceed (nearest rank). ordered: ascending. None of no values.

    Raises ValueError unless 0 < percent <= 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} is no percentile")
    if not ordered:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def spread(values: Iterable[float]) -> dict[str, Any]:
    """p50, p95, p99 and of how many."""
    ordered = sorted(values)
    found = {f"p{percent}": percentile(ordered, percent) for percent in PERCENTS}
    rounded = {name: None if value is None else round(value, 3) for name, value in found.items()}
    return {**rounded, "count": len(ordered)}


def seconds_between(rows: Iterable[Mapping[str, Any]]) -> list[float]:
    """From begun_at to ended_at; what a clock that went backwards measured is left out."""
    pairs = ((datetime.fromisoformat(row["begun_at"]), datetime.fromisoformat(row["ended_at"])) for row in rows)
    return [(ended - begun).total_seconds() for begun, ended in pairs if ended >= begun]


def first_day(today: date, days: int = DAYS) -> date:
    """Of so many days, the last of which is today."""
    return today - timedelta(days=days - 1)


def every_day(rows: Iterable[Mapping[str, Any]], today: date, days: int = DAYS) -> list[dict[str, Any]]:
    """Each day, the oldest first; one without uploads has zeros. A clock ahead of ours adds to no day."""
    found = {row["day"]: row for row in rows}
    first = first_day(today, days)
    names = [(first + timedelta(days=number)).isoformat() for number in range(days)]
    return [
        {"day": name, "videos": found[name]["videos"], "bytes": int(found[name]["bytes"])}
        if name in found
        else {"day": name, "videos": 0, "bytes": 0}
        for name in names
    ]
