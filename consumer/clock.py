"""Moments as rows keep them: ISO 8601 UTC text with microseconds, so that the order of texts is the order of times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""The current moment, aware, in UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def moment(at: datetime, *, plus_seconds: float = 0.0) -> str:
    """`2026-11-21T02:13:05.123456Z`."""
    shifted = at.astimezone(UTC) + timedelta(seconds=plus_seconds)
    return shifted.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
