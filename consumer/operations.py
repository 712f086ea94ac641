"""How often this worker calls R2: counted in memory, told to Prometheus, and added to D1's rows now and then.

The gateways add to the same rows; what they make of them is a month's cost.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

from consumer.clock import Clock, moment
from consumer.metrics import Metrics
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError

PAUSE_SECONDS = 60.0

_ADD_CALLS = """
INSERT INTO operation_counts (day, operation, calls) VALUES (?1, ?2, ?3)
ON CONFLICT (day, operation) DO UPDATE SET calls = operation_counts.calls + excluded.calls
"""

_log = structlog.get_logger(__name__)


class Operations:
    """A worker that is killed takes what it has not written with it: a minute's count."""

    def __init__(self, db: D1Database, metrics: Metrics, now: Clock) -> None:
        self._db, self._metrics, self._now = db, metrics, now
        self._unwritten: Counter[str] = Counter()

    def count(self, operation: str) -> None:
        self._metrics.r2_operations.labels(operation=operation).inc()
        self._unwritten[operation] += 1

    async def run_forever(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Adds to today's rows. What fails is logged, and goes with the next time."""
        taken, self._unwritten = self._unwritten, Counter()
        if not taken:
            return
        day = moment(self._now())[:10]
        try:
            added = [self._db.prepare(_ADD_CALLS).bind(day, name, calls) for name, calls in sorted(taken.items())]
            await self._db.batch(added)
        except BindingError as error:
            self._unwritten.update(taken)
            _log.warning("operations_not_written", error=error.message)
