"""From a claimed video to its fingerprint: scanned if that is wanted, presigned, and read by the processor."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.extraction import Extraction
from consumer.leases import Leases
from consumer.metrics import Metrics
from consumer.records import Claim, Extracted, Source, Video
from consumer.scanning import Scanning
from wrangler_compat.r2.types import R2Bucket

_PRESIGNED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Fingerprinting:
    """scanning: None when nothing is scanned. leases: told of the progress."""

    bucket: R2Bucket
    extraction: Extraction
    leases: Leases
    metrics: Metrics
    scanning: Scanning | None = None

    async def scan(self, video: Video) -> None:
        """Raises Refused, HandedBack, ScanFailed."""
        if self.scanning is not None:
            with self.metrics.timed("scan"):
                await self.scanning.check(video)

    async def presign(self, video: Video) -> Source:
        if video.source_url is not None:
            return Source(video.source_url, video.range_start, video.range_stop)
        url = await self.bucket.presigned_url(video.r2_key, expires_seconds=_PRESIGNED_SECONDS)
        return Source(url, video.range_start, video.range_stop)

    async def extract(self, claim: Claim, source: Source, *, begun: float = 0.1, done: float = 0.7) -> Extracted:
        """begun, done: the progress of the job before and after. Raises Refused, HandedBack, ProcessorError."""

        async def note(share: float) -> None:
            await self.leases.note_progress(claim, "fingerprint", begun + (done - begun) * share)

        await note(0.0)
        with self.metrics.timed("fingerprint"):
            return await self.extraction.extract(claim.video, source, note)
