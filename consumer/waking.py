"""Jobs that nobody is seeing to are sent again: those whose worker died, and those whose message was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from consumer.clock import Clock, moment
from consumer.lease_queries import LeaseQueries
from consumer.leases import MOST_INTERRUPTIONS, MOST_WORKER_DEATHS, QUARANTINED
from consumer.metrics import Metrics
from consumer.records import WorkKind
from wire.jobs import Job, Priority
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import QueueError
from wrangler_compat.queues.types import Queue

_BUSY_GRACE_SECONDS = 120.0
"""A pending job this much overdue is sent again though its queue has messages, when these are fewer than the jobs."""

_LONG_QUEUE_GRACE_SECONDS = 1800.0
"""The same, when there are messages enough for all jobs: they wait for their turn, as far as can be told."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waking:
    """sql, kind: of the jobs that are looked after. pending_grace: seconds. queues: empty where workers look for such
    jobs themselves."""

    db: D1Database
    queues: Mapping[Priority, Queue]
    metrics: Metrics
    now: Clock
    pending_grace: float
    sql: LeaseQueries
    kind: WorkKind

    async def abandoned(self) -> None:
        """Jobs whose worker died: another try, or the end when they have had them all."""
        at = moment(self.now())
        for row in (await self.db.prepare(self.sql.abandoned).bind(at).all()).results:
            video_id = row["id"]
            if row["deaths"] >= MOST_WORKER_DEATHS:
                ended = await self.db.prepare(self.sql.give_up_abandoned).bind(video_id, at, QUARANTINED, at).run()
                if ended.meta.changes:
                    self.metrics.failures.inc()
                    self.metrics.quarantined.inc()
                    _log.error("job_quarantined", video_id=video_id, worker_deaths=row["deaths"])
                continue
            if row["interruptions"] >= MOST_INTERRUPTIONS:
                why = f"The program that looks at this video was stopped {row['interruptions']} times while it did."
                ended = await self.db.prepare(self.sql.give_up_abandoned).bind(video_id, at, why, None).run()
                if ended.meta.changes:
                    self.metrics.failures.inc()
                    _log.error("job_failed", video_id=video_id, error=why)
                continue
            freed = await self.db.prepare(self.sql.free_abandoned).bind(video_id, at).run()
            if freed.meta.changes:
                await self._send(video_id, "lease_expired")

    async def overdue(self) -> None:
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
            pending = await self.db.prepare(self.sql.pending).bind(priority).first("pending")
            is_short = info.ready + info.delayed < int(pending)
            await self._wake(priority, _BUSY_GRACE_SECONDS if is_short else _LONG_QUEUE_GRACE_SECONDS)

    async def _wake(self, priority: Priority, grace: float) -> None:
        at, late = moment(self.now()), moment(self.now(), plus_seconds=-grace)
        for row in (await self.db.prepare(self.sql.overdue).bind(priority, late).all()).results:
            woken = await self.db.prepare(self.sql.wake).bind(row["id"], at, late).run()
            if woken.meta.changes:
                await self._send(row["id"], "overdue")

    async def _send(self, video_id: str, why: str) -> None:
        row = await self.db.prepare(self.sql.wake_of).bind(video_id).first()
        if row is None or self.kind == "render":
            return
        await self.queues[row["priority"]].send(Job(video_id, self.kind, row["request_id"] or "").to_body())
        self.metrics.resent.labels(why=why).inc()
        _log.info("job_resent", video_id=video_id, why=why)
