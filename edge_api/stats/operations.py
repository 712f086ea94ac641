"""How often R2 is called: counted in memory, told to Prometheus, and added to D1's rows now and then."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from edge_api.metrics import Metrics
from edge_api.stats import queries
from wrangler_compat.d1.types import D1Database

KEPT_DAYS = 400


class Operations:
    """A process that is killed takes what it has not written with it: a minute's count."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._unwritten: Counter[str] = Counter()

    def count(self, operation: str) -> None:
        self._metrics.r2_operations.labels(operation).inc()
        self._unwritten[operation] += 1

    async def write(self, db: D1Database, now: datetime | None = None) -> None:
        """Adds to today's rows. Raises BindingError; what was not written then goes with the next time."""
        now = now or datetime.now(UTC)
        taken, self._unwritten = self._unwritten, Counter()
        if not taken:
            return
        day, oldest = f"{now:%Y-%m-%d}", f"{now - timedelta(days=KEPT_DAYS):%Y-%m-%d}"
        try:
            added = [db.prepare(queries.ADD_CALLS).bind(day, name, calls) for name, calls in sorted(taken.items())]
            await db.batch([*added, db.prepare(queries.FORGET_CALLS).bind(oldest)])
        except BaseException:
            self._unwritten.update(taken)
            raise
