"""When to try again. Pure."""

from __future__ import annotations

from random import Random


def backoff_seconds(attempt: int, *, base: float, limit: float, random: Random) -> float:
    """Wait before the retry that follows the given attempt (1 is the first).

    base, doubled for each attempt, at most limit; then something between half of that and all of it, so that jobs
    that failed together do not come back together.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    longest = min(limit, base * 2.0 ** min(attempt - 1, 60))
    return longest * (0.5 + 0.5 * random.random())


def is_last(attempt: int, max_retries: int) -> bool:
    """Whether no retry follows this attempt: the first try and max_retries more are allowed."""
    return attempt > max_retries
