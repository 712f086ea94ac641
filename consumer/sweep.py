"""The sweep: what the rows promise and nobody is seeing to is taken up again.

Every worker sweeps. Each thing is claimed by an update that only one of them can make, so that it is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from consumer import queries
from consumer.clock import Clock, moment
from consumer.metrics import Metrics
from consumer.outbox import Outbox
from consumer.pipeline import Pipeline
from consumer.purging import Purging
from consumer.renditions import Renditions
from consumer.searching import Searching
from consumer.waking import Waking
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError

_TIDY_GRACE_SECONDS = 30.0
_FREE_WITHIN_SECONDS = 24 * 3600.0
"""Objects of older duplicates are left alone: switching DELETE_DUPLICATES on is not meant for the past."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """interval, lease_duration: seconds. waking: of the jobs of videos, of searches, and of renditions."""

    db: D1Database
    waking: Sequence[Waking]
    pipeline: Pipeline
    purging: Purging
    outbox: Outbox
    metrics: Metrics
    now: Clock
    lease_duration: float
    interval: float
    deletes_duplicates: bool
    hand_back_unwritten: Callable[[], Awaitable[None]]
    searching: Searching
    renditions: Renditions

    async def run_forever(self) -> None:
        while True:
            await self.run_once()
            await asyncio.sleep(self.interval)

    async def run_once(self) -> None:
        """One round. What fails is logged and tried again in the next."""
        self.metrics.note_breaker(self.pipeline.fingerprinting.extraction.processor.breaker.state)
        for part in (
            self.hand_back_unwritten,
            self.renditions.jobs.hand_back_unwritten,
            *(part for waking in self.waking for part in (waking.abandoned, waking.overdue)),
            self._untidy,
            self._purges,
            self._searches,
            self.renditions.forget,
            self.outbox.relay,
        ):
            try:
                await part()
            except BindingError as error:
                _log.warning("sweep_interrupted", part=part.__name__, error=error.message)
            except Exception:
                _log.exception("sweep_failed", part=part.__name__)

    async def _untidy(self) -> None:
        """Duplicates and rejected videos still in the index, and duplicates whose object should be free."""
        settled = moment(self.now(), plus_seconds=-_TIDY_GRACE_SECONDS)
        for row in (await self.db.prepare(queries.LEFT_IN_INDEX).bind(settled).all()).results:
            await self.pipeline.catalogue.remove(row["id"])
        if self.deletes_duplicates:
            since = moment(self.now(), plus_seconds=-_FREE_WITHIN_SECONDS)
            for row in (await self.db.prepare(queries.LEFT_IN_BUCKET).bind(since, settled).all()).results:
                await self.pipeline.free_object(row["id"], row["r2_key"])

    async def _purges(self) -> None:
        await self.purging.finish(moment(self.now(), plus_seconds=-4 * self.lease_duration))

    async def _searches(self) -> None:
        await self.searching.finish(moment(self.now(), plus_seconds=-_TIDY_GRACE_SECONDS))
        await self.searching.forget()
