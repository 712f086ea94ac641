"""Renditions: what browsers are given in place of a video that they do not play.

Work of its own, after the verdict and behind it. What is wanted follows from the videos' rows; a row in `renditions`
holds the job, with the leases of all jobs. There is no message that could be lost: every worker looks for what is due,
and has one rendition in hand at a time, beside its videos. The processor reads the video and writes the rendition by
links that it is given.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from consumer.clock import Clock, moment
from consumer.env import Env
from consumer.errors import LeaseLost, Refused
from consumer.hand import Hand
from consumer.jobs import Jobs
from consumer.lease_queries import MAY_HAVE_RENDITION
from consumer.leases import Leases
from consumer.metrics import Metrics
from consumer.processor_client import ProcessorClient, ProcessorError
from consumer.records import Claim, Video, rendition_key
from consumer.settings import Settings
from wire.renditions import Rendition, RenditionRequest
from wire.verdicts import Verdict
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket

_WANT = f"""
INSERT INTO renditions (video_id, r2_key, status, created_at)
SELECT videos.id, 'processed/' || videos.id || '/720p.mp4', 'pending', ?1 FROM videos
WHERE videos.plays = 0 AND {MAY_HAVE_RENDITION}
  AND NOT EXISTS (SELECT 1 FROM renditions WHERE renditions.video_id = videos.id)
ORDER BY videos.uploaded_at, videos.id LIMIT 100
ON CONFLICT DO NOTHING
"""
_DUE = f"""
SELECT renditions.video_id FROM renditions JOIN videos ON videos.id = renditions.video_id
WHERE renditions.status = 'pending' AND (renditions.next_attempt_at IS NULL OR renditions.next_attempt_at <= ?1)
  AND {MAY_HAVE_RENDITION}
ORDER BY renditions.created_at, renditions.video_id LIMIT 1
"""
_MADE = """
UPDATE renditions
SET status = 'completed', completed_at = ?3, width = ?4, height = ?5, duration_seconds = ?6, file_size = ?7,
    stage = 'made', progress = 1, lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, error_message = NULL
WHERE video_id = ?2 AND lease_owner = ?1 AND status = 'processing'
  AND EXISTS (SELECT 1 FROM videos WHERE videos.id = ?2)
"""
_HAS_VIDEO = "SELECT COUNT(*) AS n FROM videos WHERE id = ?1"
_FORGET = "DELETE FROM renditions WHERE NOT EXISTS (SELECT 1 FROM videos WHERE videos.id = renditions.video_id)"
_LINK_MARGIN_SECONDS = 300

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """The end of a job: made, or refused with the reason."""

    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is done with a claimed rendition. timeout_seconds: of one try; the links live a little longer."""

    bucket: R2Bucket
    db: D1Database
    processor: ProcessorClient
    leases: Leases
    metrics: Metrics
    now: Clock
    timeout_seconds: float

    async def decide(self, claim: Claim) -> Made:
        """Have it made, and write that down. Raises Refused, HandedBack, LeaseLost, and what a retry may mend."""
        video, key = claim.video, rendition_key(claim.video.id)
        lives = int(self.timeout_seconds) + _LINK_MARGIN_SECONDS
        request = RenditionRequest(
            video_url=await self.bucket.presigned_url(video.r2_key, expires_seconds=lives),
            video_id=video.id,
            rendition_url=await self.bucket.presigned_url(key, expires_seconds=lives, method="PUT"),
        )

        async def note(share: float) -> None:
            await self.leases.note_progress(claim, "render", share)

        with self.metrics.timed("render"):
            rendition = await self.processor.make_rendition(request, note, request_id=video.request_id)
        stored = await self.bucket.head(key)
        if stored is None or stored.size != rendition.size_bytes:
            raise ProcessorError("the rendition that the processor made is not in the store as it was made")
        await self._write(claim, rendition)
        return Made("made")

    async def refuse(self, claim: Claim, refused: Refused) -> Made:
        """Raises LeaseLost."""
        if not await self.leases.fail(claim, refused.message):
            raise LeaseLost(f"the rendition of {claim.video.id} is in other hands, or the video is gone")
        return Made("refused", refused.reason)

    async def tidy(self, video: Video, made: Made) -> None:
        """Nothing lies about."""

    async def _write(self, claim: Claim, rendition: Rendition) -> None:
        video_id = claim.video.id
        made = self.db.prepare(_MADE).bind(
            claim.owner,
            video_id,
            moment(self.now()),
            rendition.width,
            rendition.height,
            rendition.duration,
            rendition.size_bytes,
        )
        if (await made.run()).meta.changes > 0:
            return
        if not await self.db.prepare(_HAS_VIDEO).bind(video_id).first("n"):
            # It was deleted meanwhile, so long ago perhaps that its purge is over.
            await self.bucket.delete(rendition_key(video_id))
        raise LeaseLost(f"the rendition of {video_id} is in other hands, or the video is gone")


@dataclass(frozen=True, slots=True)
class Renditions:
    """jobs: does the ones that are due. poll_seconds: between two looks for such. is_on: False makes none."""

    jobs: Jobs[Made]
    db: D1Database
    now: Clock
    poll_seconds: float
    is_on: bool

    async def run_forever(self) -> None:
        """Returns at once when renditions are off."""
        while self.is_on:
            if not await self.run_once():
                await asyncio.sleep(self.poll_seconds)

    async def run_once(self) -> bool:
        """One rendition, if one is due. What fails is logged, and tried again when it is due again."""
        try:
            await self.db.prepare(_WANT).bind(moment(self.now())).run()
            video_id = await self.db.prepare(_DUE).bind(moment(self.now())).first("video_id")
            return video_id is not None and await self.jobs.take(str(video_id))
        except BindingError as error:
            _log.warning("renditions_wait", error=error.message)
        except Exception:
            _log.exception("renditions_failed")
        return False

    async def forget(self) -> None:
        """Rows whose video is gone: a gateway of the version before leaves them."""
        await self.db.prepare(_FORGET).run()


def renditions_of(env: Env, settings: Settings, leases: Leases, like: Jobs[Verdict]) -> Renditions:
    """like: jobs whose retries and notes these share."""
    rendering = Rendering(
        bucket=env.video_bucket,
        db=env.db,
        processor=env.processor,
        leases=leases,
        metrics=like.metrics,
        now=leases.now,
        timeout_seconds=settings.rendition_timeout_seconds,
    )
    jobs = Jobs(
        worker=like.worker,
        steps=rendering,
        purging=like.purging,
        leases=leases,
        hand=Hand(),
        outbox=like.outbox,
        queues={},
        metrics=like.metrics,
        random=like.random,
        max_retries=like.max_retries,
        retry_base=like.retry_base,
        retry_limit=like.retry_limit,
        timeout_seconds=settings.rendition_timeout_seconds,
    )
    return Renditions(jobs, env.db, leases.now, settings.sweep_seconds, settings.renditions == "unplayable")
