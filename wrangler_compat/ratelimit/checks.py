"""What a call and a declaration must be, before anything is counted. Pure."""

from __future__ import annotations

from wrangler_compat.errors import ConfigError, RateLimitError
from wrangler_compat.ratelimit.limits import MAX_KEY_BYTES, MAX_LIMIT, PERIODS_SECONDS


def check_call(key: object, cost: object) -> None:
    """Raises RateLimitError."""
    if not isinstance(key, str) or not 0 < len(key.encode()) <= MAX_KEY_BYTES:
        raise RateLimitError(f"A key is text of 1 to {MAX_KEY_BYTES} bytes.", code="RATELIMIT_KEY_INVALID")
    if isinstance(cost, bool) or not isinstance(cost, int) or cost < 0:
        raise RateLimitError("A cost is a whole number, 0 or more.", code="RATELIMIT_COST_INVALID")


def check_declared(name: str, limit: int, period: int) -> None:
    """Raises ConfigError."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ConfigError(f"The limit of {name} must be from 1 to {MAX_LIMIT}, not {limit}.")
    if period not in PERIODS_SECONDS:
        raise ConfigError(f"The period of {name} must be 10 or 60 seconds, not {period}.")
