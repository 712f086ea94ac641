"""The sweep: what the rows promise and nobody is seeing to is taken up again.

Every worker sweeps. Each thing is claimed by an update that only one of them can make, so that it is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from consumer import queries
from consumer.clock import Clock, moment
from consumer.leases import MOST_INTERRUPTIONS, MOST_WORKER_DEATHS, QUARANTINED
from consumer.metrics import Metrics
from consumer.outbox import Outbox
from consumer.pipeline import Pipeline
from consumer.purging import Purging
from wire.jobs import Job, Priority
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError, QueueError
from wrangler_compat.queues.types import Queue

_BUSY_GRACE_SECONDS = 120.0
"""A pending job this much overdue is sent again though its queue has messages, when these are fewer than the jobs."""

_LONG_QUEUE_GRACE_SECONDS = 1800.0
"""The same, when there are messages enough for all jobs: they wait for their turn, as far as can be told."""

_TIDY_GRACE_SECONDS = 30.0
_FREE_WITHIN_SECONDS = 24 * 3600.0
"""Objects of older duplicates are left alone: switching DELETE_DUPLICATES on is not meant for the past."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """pending_grace, interval, lease_duration: seconds."""

    db: D1Database
    queues: Mapping[Priority, Queue]
    pipeline: Pipeline
    purging: Purging
    outbox: Outbox
    metrics: Metrics
    now: Clock
    pending_grace: float
    lease_duration: float
    interval: float
    deletes_duplicates: bool
    hand_back_unwritten: Callable[[], Awaitable[None]]

    async def run_forever(self) -> None:
        while True:
            await self.run_once()
            await asyncio.sleep(self.interval)

    async def run_once(self) -> None:
        """One round. What fails is logged and tried again in the next."""
        self.metrics.note_breaker(self.pipeline.extraction.processor.breaker.state)
        for part in (
            self.hand_back_unwritten,
            self._abandoned,
            self._overdue,
            self._untidy,
            self._purges,
            self.outbox.relay,
        ):
            try:
                await part()
            except BindingError as error:
                _log.warning("sweep_interrupted", part=part.__name__, error=error.message)
            except Exception:
                _log.exception("sweep_failed", part=part.__name__)

    async def _abandoned(self) -> None:
        """Jobs whose worker died: another try, or the end when they have had them all."""
        at = moment(self.now())
        for row in (await self.db.prepare(queries.ABANDONED).bind(at).all()).results:
            video_id = row["video_id"]
            if row["deaths"] >= MOST_WORKER_DEATHS:
                ended = await self.db.prepare(queries.GIVE_UP_ABANDONED).bind(video_id, at, QUARANTINED, at).run()
                if ended.meta.changes:
                    self.metrics.failures.inc()
                    self.metrics.quarantined.inc()
                    _log.error("job_quarantined", video_id=video_id, worker_deaths=row["deaths"])
                continue
            if row["interruptions"] >= MOST_INTERRUPTIONS:
                why = f"The program that looks at this video was stopped {row['interruptions']} times while it did."
                ended = await self.db.prepare(queries.GIVE_UP_ABANDONED).bind(video_id, at, why, None).run()
                if ended.meta.changes:
                    self.metrics.failures.inc()
                    _log.error("job_failed", video_id=video_id, error=why)
                continue
            freed = await self.db.prepare(queries.FREE_ABANDONED).bind(video_id, at).run()
            if freed.meta.changes:
                await self._send(video_id, "lease_expired")

    async def _overdue(self) -> None:
        """Pending jobs whose message was lost: all of a queue that has none, and the very late ones of a busy one."""
        for priority, queue in self.queues.items():
            try:
                info = await queue.info()
            except QueueError as error:
                _log.warning("queue_unreachable", queue=priority, error=error.message)
                continue
            self.metrics.queue_depth.labels(queue=info.name, state="ready").set(info.ready)
            self.metrics.queue_depth.labels(queue=info.name, state="delayed").set(info.delayed)
            self.metrics.queue_depth.labels(queue=info.name, state="dead").set(info.dead_letters)
            if info.ready == 0:
                await self._wake(priority, self.pending_grace)
                continue
            pending = await self.db.prepare(queries.PENDING).bind(priority).first("pending")
            is_short = info.ready + info.delayed < int(pending)
            await self._wake(priority, _BUSY_GRACE_SECONDS if is_short else _LONG_QUEUE_GRACE_SECONDS)

    async def _wake(self, priority: Priority, grace: float) -> None:
        at, late = moment(self.now()), moment(self.now(), plus_seconds=-grace)
        for row in (await self.db.prepare(queries.OVERDUE).bind(priority, late).all()).results:
            woken = await self.db.prepare(queries.WAKE).bind(row["video_id"], at, late).run()
            if woken.meta.changes:
                await self._send(row["video_id"], "overdue")

    async def _send(self, video_id: str, why: str) -> None:
        row = await self.db.prepare(queries.WAKE_OF).bind(video_id).first()
        if row is None:
            return
        await self.queues[row["priority"]].send(Job(video_id, "decide", row["request_id"] or "").to_body())
        self.metrics.resent.labels(why=why).inc()
        _log.info("job_resent", video_id=video_id, why=why)

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
