"""A circuit breaker: after several failures in a row, leave the other side alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """closed: calls go out. open: none does. half_open, once the rest is over: one goes out, and it decides.

    rest_seconds: how long the breaker stays open. now: a monotonic clock in seconds.
    """

    def __init__(
        self, *, failures: int = 5, rest_seconds: float = 5.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = failures
        self._rest_seconds = rest_seconds
        self._now = now
        self._failures = 0
        self._opened_at: float | None = None
        self._probing_since: float | None = None

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        return "open" if self.seconds_to_wait() > 0 else "half_open"

    def seconds_to_wait(self) -> float:
        """0 when a call may go out now."""
        if self._opened_at is None:
            return 0.0
        since = self._opened_at if self._probing_since is None else self._probing_since
        return max(0.0, since + self._rest_seconds - self._now())

    def before_call(self) -> bool:
        """Whether this call may go out. Half open, the first to ask is the probe and the others wait for it."""
        if self._opened_at is None:
            return True
        if self.seconds_to_wait() > 0:
            return False
        self._probing_since = self._now()
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = self._probing_since = None

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._allowed:
            self._opened_at = self._now()
            self._probing_since = None
