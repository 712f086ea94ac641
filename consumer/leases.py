"""A lease on a job: one worker at a time has a video in hand, and a dead worker loses it.

The queue only wakes; who works is settled here, in D1. A lease is claimed, kept by a heartbeat, and ends in one of
three ways: the verdict is written, the job is handed back, or it has failed. Every write names the lease's owner, so
that a worker whose lease ran out changes nothing any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import structlog

from consumer.clock import Clock, moment
from consumer.errors import LeaseLost
from consumer.lease_queries import SHARE, VIDEOS, LeaseQueries
from consumer.records import Claim, Video, WorkKind
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError

_CLOCK_SLACK_SECONDS = 0.5
"""A message may arrive this much before its time: clocks and timers are not exact."""

MOST_WORKER_DEATHS = 2
"""A job that was alone in hand when its worker died so often is quarantined."""

MOST_INTERRUPTIONS = 10
"""So many attempts may be cut short, by a worker or processor that stops, without counting against the job."""

QUARANTINED = (
    f"The program that looks at this video stopped {MOST_WORKER_DEATHS} times while it did; "
    "the video is set aside until an operator has looked into it."
)

Cause = Literal["attempt", "interruption", "outage", "wait"]
"""Why a job is handed back: it failed; it was cut short, which is an attempt but does not count against the job;
something that every job needs does not answer, and since when is noted; or it only waits, as if never claimed."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Leases:
    """duration_seconds: of a lease not renewed. heartbeat_seconds: between two renewals. sql, kind: of the jobs."""

    db: D1Database
    now: Clock
    duration_seconds: float
    heartbeat_seconds: float
    sql: LeaseQueries = VIDEOS
    kind: WorkKind = "decide"

    async def is_suspect(self, video_id: str) -> bool:
        """Whether a worker died while it had this job in hand."""
        return bool(await self.db.prepare(self.sql.is_suspect).bind(video_id).first("is_suspect"))

    async def claim(self, video_id: str, owner: str, *, beside: str | None = None) -> Claim | None:
        """The job, if it can be had now: None when decided, gone, failed, not yet due, or in other hands.

        beside: what the owners of all leases of this worker begin with, when it has others in hand. Should the worker
        die, none of them is blamed alone.
        """
        at = self.now()
        claim = self.db.prepare(self.sql.claim).bind(
            owner,
            video_id,
            moment(at),
            moment(at, plus_seconds=self.duration_seconds),
            moment(at, plus_seconds=_CLOCK_SLACK_SECONDS),
            MOST_INTERRUPTIONS,
            0 if beside is None else 1,
            MOST_WORKER_DEATHS,
        )
        share = [] if beside is None else [self.db.prepare(sql).bind(beside, len(beside)) for sql in SHARE]
        read_back = self.db.prepare(self.sql.claimed).bind(owner, video_id)
        claimed, *_, read = await self.db.batch([claim, *share, read_back])
        if claimed.meta.changes == 0 or not read.results:
            return None
        row = read.results[0]
        return Claim(
            Video.from_row(row),
            owner,
            attempt=row["attempt_count"],
            worker_deaths=row["worker_deaths"],
            outage_since=row["outage_since"],
            interruptions=row["interruptions"],
            kind=self.kind,
        )

    @contextlib.asynccontextmanager
    async def kept(self, claim: Claim) -> AsyncIterator[None]:
        """Renew the lease while the body runs. When it is lost, the body is cancelled and LeaseLost raised."""
        worker = asyncio.current_task()
        lost = False

        async def beat() -> None:
            nonlocal lost
            await self._renew_until_lost(claim)
            lost = True
            if worker is not None:
                worker.cancel()

        heart = asyncio.create_task(beat())
        try:
            yield
        except asyncio.CancelledError:
            if lost and worker is not None and worker.uncancel() == 0:
                raise LeaseLost(f"the lease on {claim.video.id} ran out") from None
            raise
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    async def _renew_until_lost(self, claim: Claim) -> None:
        """Returns when the lease is somebody else's, or could not be renewed for as long as it lasts."""
        renewed_at = self.now()
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            at = self.now()
            renew = self.db.prepare(self.sql.renew).bind(
                claim.owner, claim.video.id, moment(at, plus_seconds=self.duration_seconds)
            )
            try:
                result = await renew.run()
            except BindingError as error:
                _log.warning("lease_not_renewed", error=error.message)
                if (self.now() - renewed_at).total_seconds() > self.duration_seconds:
                    return
                continue
            if result.meta.changes == 0:
                return
            renewed_at = at

    async def is_ours(self, claim: Claim) -> bool:
        held = await self.db.prepare(self.sql.is_ours).bind(claim.owner, claim.video.id).first("n")
        return bool(held)

    async def note_progress(self, claim: Claim, stage: str, progress: float) -> None:
        """progress: 0..1."""
        await self.db.prepare(self.sql.progress).bind(claim.owner, claim.video.id, stage, progress).run()

    async def hand_back(self, claim: Claim, cause: Cause, *, delay_seconds: float, error: str | None = None) -> bool:
        """Pending again, due after the delay. False: no longer ours."""
        back = self.db.prepare(self.sql.hand_back).bind(
            claim.owner,
            claim.video.id,
            0 if cause in ("attempt", "interruption") else 1,
            moment(self.now(), plus_seconds=delay_seconds),
            error,
            moment(self.now()) if cause == "outage" else None,
            int(cause == "interruption"),
        )
        return (await back.run()).meta.changes > 0

    async def count_death(self, claim: Claim) -> bool:
        """A process died of this video, and nobody else was there. True: so often that it is quarantined now."""
        if claim.worker_deaths + 1 < MOST_WORKER_DEATHS:
            await self.db.prepare(self.sql.worker_died).bind(claim.owner, claim.video.id).run()
            return False
        died = self.db.prepare(self.sql.worker_died).bind(claim.owner, claim.video.id)
        end = self.db.prepare(self.sql.quarantine).bind(claim.owner, claim.video.id, moment(self.now()), QUARANTINED)
        _, ended = await self.db.batch([died, end])
        return ended.meta.changes > 0

    async def was_not_dead(self, claim: Claim) -> None:
        """This lease ran out, but not since its worker died: what was counted is taken back."""
        await self.db.prepare(self.sql.not_dead).bind(claim.video.id, claim.worker_deaths).run()

    async def fail(self, claim: Claim, error: str) -> bool:
        """The job is failed until somebody retries it; the video stays in processing. False: no longer ours."""
        end = self.db.prepare(self.sql.fail).bind(claim.owner, claim.video.id, moment(self.now()), error)
        return (await end.run()).meta.changes > 0
