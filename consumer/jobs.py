"""One queue message, from its delivery to the end of its job, however that ends.

The message is acked in every case that is written down in D1: what happens next is the row's to say and the sweep's
to see to. Only when D1 itself fails does the message go back to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Generic, Protocol, TypeVar

import structlog

from consumer.clock import read_moment
from consumer.errors import HandedBack, LeaseLost, Refused
from consumer.hand import Hand
from consumer.leases import MOST_INTERRUPTIONS, Cause, Leases
from consumer.metrics import Metrics
from consumer.outbox import Outbox
from consumer.processor_client import BrokenOffError, ProcessorAwayError, SourceAwayError, WorkerDied
from consumer.purging import Purging
from consumer.records import Claim, Video, WorkKind
from consumer.retries import backoff_seconds, is_last
from wire.jobs import Job, JobFormatError, Priority
from wire.verdicts import Verdict
from wrangler_compat.errors import BindingError, QueueError
from wrangler_compat.queues.types import MessageBatch, Queue
from wrangler_compat.r2.types import R2Bucket

_LAST_WORDS_SECONDS = 5.0
"""How long a cancelled job may take to give its lease back."""

_LONGEST_OUTAGE_SECONDS = 24 * 3600.0
"""What lasts longer counts as the job's own failure: it has to end some day."""

_LONGEST_PAUSE_SECONDS = 60.0

_ENDS: Mapping[WorkKind, str] = {"decide": "verdict", "search": "answer", "render": "rendition"}
_TOLD = ("confidence", "duplicate_of", "similar_to", "similarity_score")

_log = structlog.get_logger(__name__)


class Outcome(Protocol):
    """How a job ended: a verdict, or what became of a rendition."""

    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


class Steps(Protocol[OutcomeT]):
    """What is done with a claimed job: the pipeline, what answers a search, or what has a rendition made."""

    @property
    def bucket(self) -> R2Bucket: ...
    async def decide(self, claim: Claim) -> OutcomeT: ...
    async def refuse(self, claim: Claim, refused: Refused) -> OutcomeT: ...
    async def tidy(self, video: Video, verdict: OutcomeT, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Jobs(Generic[OutcomeT]):
    """worker: names this process in leases and logs. retry_base, retry_limit: seconds. queues: where wake-ups are sent;
    none for jobs that workers look for themselves. searches: does the jobs that are searches, as this one does those of
    videos, with leases and steps of its own."""

    worker: str
    steps: Steps[OutcomeT]
    purging: Purging
    leases: Leases
    hand: Hand
    outbox: Outbox
    queues: Mapping[Priority, Queue]
    metrics: Metrics
    random: Random
    max_retries: int
    retry_base: float
    retry_limit: float
    timeout_seconds: float
    searches: Jobs[Verdict] | None = None

    async def receive(self, batch: MessageBatch) -> None:
        """The handler of all three queues."""
        for message in batch.messages:
            try:
                job = Job.from_body(message.body)
            except JobFormatError as error:
                _log.error("message_is_no_job", queue=batch.queue, message_id=message.id, error=str(error))
                message.ack()
                continue
            with structlog.contextvars.bound_contextvars(video_id=job.video_id, request_id=job.request_id):
                await self.run(job)
            message.ack()

    async def run(self, job: Job) -> None:
        """Do the job, or leave it: to whoever has it, or for later. Raises BindingError only when D1 fails."""
        if job.kind == "search" and self.searches is not None:
            await self.searches.run(job)
            return
        if job.kind == "purge":
            await self.purging.purge(job.video_id)
            _log.info("video_purged")
            return
        await self.take(job.video_id)

    async def take(self, video_id: str) -> bool:
        """Do this job. False: it is not to be had. Raises BindingError only when D1 fails."""
        is_suspect = await self.leases.is_suspect(video_id)
        async with self.hand.hold(alone=is_suspect) as has_others:
            owner = f"{self.worker}/{uuid.uuid4().hex}"
            beside = f"{self.worker}/" if has_others else None
            claim = await self.leases.claim(video_id, owner, beside=beside)
            if claim is None:
                _log.debug("job_not_ours")
                return False
            await self._work_on(claim)
            return True

    async def _work_on(self, claim: Claim) -> None:
        begun = time.perf_counter()
        self.metrics.in_hand.inc()
        outcome = "interrupted"
        try:
            _log.info("job_claimed", attempt=claim.attempt)
            outcome = await self._take_to_end(claim)
        except BindingError:
            self.hand.unwritten.append(claim)
            raise
        finally:
            self.metrics.in_hand.dec()
            self.metrics.job_seconds.labels(outcome=outcome).observe(time.perf_counter() - begun)

    async def _take_to_end(self, claim: Claim) -> str:
        """The outcome as a word."""
        try:
            async with self.leases.kept(claim), asyncio.timeout(self.timeout_seconds):
                verdict = await self._decide(claim)
        except LeaseLost as lost:
            _log.warning("lease_lost", why=str(lost))
            await self.leases.was_not_dead(claim)
            await self._remove_traces(claim.video)
            return "lease_lost"
        except HandedBack as back:
            await self._again(claim, "wait", back.delay_seconds, back.why)
            return "handed_back"
        except asyncio.CancelledError:
            await self._leave(claim)
            raise
        except Exception as error:
            return await self._failed(claim, error)
        self.metrics.note_end(claim.kind, verdict.status, verdict.reason)
        _log.info(
            _ENDS[claim.kind],
            status=verdict.status,
            reason=verdict.reason,
            **{name: getattr(verdict, name) for name in _TOLD if isinstance(verdict, Verdict)},
        )
        await self.steps.tidy(claim.video, verdict)
        await self._notify()
        return verdict.status

    async def hand_back_unwritten(self) -> None:
        """Give back what is still ours in name only: a lease that runs out would look like a dead worker."""
        if self.searches is not None:
            await self.searches.hand_back_unwritten()
        for claim in [each for each in self.hand.unwritten if each.kind == self.leases.kind]:
            await self._again(claim, "wait")
            self.hand.unwritten.remove(claim)

    async def _decide(self, claim: Claim) -> OutcomeT:
        try:
            return await self.steps.decide(claim)
        except Refused as refused:
            _log.info("refused", reason=refused.reason, why=refused.message)
            return await self.steps.refuse(claim, refused)

    async def _failed(self, claim: Claim, error: Exception) -> str:
        """Again after a while, or the end of the job."""
        why = _sentence(error)
        if await self._is_outage(claim, error):
            return await self._wait_out(claim, why)
        if isinstance(error, WorkerDied) and await self.leases.count_death(claim):
            self.metrics.failures.inc()
            self.metrics.quarantined.inc()
            _log.error("job_quarantined", attempts=claim.attempt, error=why)
            return "quarantined"
        is_interrupted = isinstance(error, BrokenOffError) and claim.interruptions + 1 < MOST_INTERRUPTIONS
        if not is_interrupted and is_last(claim.own_attempt, self.max_retries):
            if await self.leases.fail(claim, why):
                self.metrics.failures.inc()
                _log.error("job_failed", attempts=claim.attempt, error=why, exc_info=error)
            return "failed"
        delay = backoff_seconds(claim.attempt, base=self.retry_base, limit=self.retry_limit, random=self.random)
        if await self._again(claim, "interruption" if is_interrupted else "attempt", delay, why):
            self.metrics.retries.inc()
            _log.warning("job_retried", attempt=claim.attempt, delay_seconds=round(delay, 1), error=why, exc_info=error)
        return "retried"

    async def _is_outage(self, claim: Claim, error: Exception) -> bool:
        """Whether something that every job needs does not answer: that costs no attempt, for a day."""
        if claim.outage_since is not None:
            waited = self.leases.now() - read_moment(claim.outage_since)
            if waited.total_seconds() > _LONGEST_OUTAGE_SECONDS:
                return False
        if isinstance(error, BindingError):
            return error.retryable
        if isinstance(error, SourceAwayError) and claim.video.source_url is None:
            return await self._has_object(claim.video)
        return isinstance(error, ProcessorAwayError)

    async def _has_object(self, video: Video) -> bool:
        """False only when the bucket says so."""
        try:
            return await self.steps.bucket.head(video.r2_key) is not None
        except BindingError as error:
            return error.retryable

    async def _wait_out(self, claim: Claim, why: str) -> str:
        """Again after a while, which grows with the outage."""
        since = self.leases.now() if claim.outage_since is None else read_moment(claim.outage_since)
        waited = (self.leases.now() - since).total_seconds()
        delay = min(max(waited / 2, self.retry_base), _LONGEST_PAUSE_SECONDS) * (0.5 + 0.5 * self.random.random())
        if await self._again(claim, "outage", delay, why):
            self.metrics.outages.inc()
            _log.warning("outage", delay_seconds=round(delay, 1), error=why)
        return "outage"

    async def _again(self, claim: Claim, cause: Cause, delay: float = 0.0, error: str | None = None) -> bool:
        """Hand the job back and wake it after the delay. False: it was no longer ours."""
        if not await self.leases.hand_back(claim, cause, delay_seconds=delay, error=error):
            return False
        if claim.kind == "render":
            return True
        job = Job(claim.video.id, claim.kind, claim.video.request_id)
        try:
            await self.queues[claim.video.priority].send(job.to_body(), delay_seconds=delay)
        except QueueError as unsent:
            _log.warning("wake_up_not_sent", error=unsent.message)
        return True

    async def _leave(self, claim: Claim) -> None:
        """This worker is told to stop: give the job back at once, so that another need not wait for the lease."""
        back = asyncio.ensure_future(self._again(claim, "wait"))
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, BindingError):
            await asyncio.wait_for(asyncio.shield(back), _LAST_WORDS_SECONDS)
        _log.info("job_left")

    async def _remove_traces(self, video: Video) -> None:
        """If the video was deleted while we had it in hand, what we wrote since then goes as well. (A search writes
        nothing.)"""
        await self.purging.purge(video.id)

    async def _notify(self) -> None:
        try:
            await self.outbox.relay()
        except BindingError as error:
            _log.warning("outbox_left_to_sweep", error=error.message)


def _sentence(error: Exception) -> str:
    """What is kept with the job and shown to the user."""
    if isinstance(error, TimeoutError):
        return "The job took too long."
    if isinstance(error, BindingError):
        return f"{type(error).__name__} {error.code}: {error.message}"
    return str(error) or type(error).__name__
