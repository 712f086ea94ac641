"""The rate limiting binding's shapes, in snake_case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RateLimitOutcome:
    """success: it was within the limit, and is counted; what is not, is not.

    The rest is ours. limit: in a period. period: seconds. remaining: what could be taken at once now. reset_seconds:
    until this period ends. retry_after_seconds: when the same could succeed; 0 on success.
    """

    success: bool
    limit: int
    period: int
    remaining: int
    reset_seconds: float
    retry_after_seconds: float


class RateLimit(Protocol):
    """Failures raise RateLimitError: the caller decides whether to go on without."""

    async def limit(self, *, key: str, cost: int = 1) -> RateLimitOutcome:
        """Take cost of what this key may take. More than the limit in one go counts as all of it."""
        ...

    async def ping(self) -> None: ...
