"""The sliding window that every backend counts by. Pure; redis_window.py says the same in Lua.

Two counters for each key: what was taken in this period, and in the one before. The earlier one counts for the share of
it that a period ending now would still cover, as if it had been taken evenly. Periods begin with a key's first call,
so that a new key gets exactly its limit in the first one.
"""

from __future__ import annotations

from dataclasses import dataclass

from wrangler_compat.ratelimit.types import RateLimitOutcome


@dataclass(frozen=True, slots=True)
class Window:
    """started_at: milliseconds. current: taken since. previous: taken in the period before."""

    started_at: int
    current: int = 0
    previous: int = 0


def take(
    window: Window | None, *, now: int, limit: int, period_seconds: int, cost: int
) -> tuple[Window, RateLimitOutcome]:
    """The window afterwards and what came of it. now: milliseconds; a clock that goes back stands."""
    period, cost = period_seconds * 1000, min(cost, limit)
    window = _moved(window, now, period)
    elapsed = max(0, now - window.started_at)
    # All in units of 1/period, so that nothing is rounded.
    free = (limit - window.current) * period - window.previous * (period - elapsed)
    success = cost * period <= free
    wait = 0 if success else _wait(window, elapsed, limit, period, cost)
    if success:
        window = Window(window.started_at, window.current + cost, window.previous)
        free -= cost * period
    outcome = RateLimitOutcome(
        success, limit, period_seconds, max(0, free // period), (period - elapsed) / 1000, wait / 1000
    )
    return window, outcome


def _moved(window: Window | None, now: int, period: int) -> Window:
    if window is None or now - window.started_at >= 2 * period:
        return Window(now)
    if now - window.started_at >= period:
        return Window(window.started_at + period, 0, window.current)
    return window


def _wait(window: Window, elapsed: int, limit: int, period: int, cost: int) -> int:
    """Milliseconds until the same cost would fit, if nothing else were taken."""
    room = limit - window.current - cost
    if room >= 0:
        return max(1, period - room * period // window.previous - elapsed)
    # Only in the next period, in which what is taken now is the earlier one.
    return period - elapsed + max(0, period - (limit - cost) * period // window.current)
