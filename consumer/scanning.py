"""The virus scan of an upload, before anything else is done with it. Off unless CLAMD_URL is set."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from consumer.clamd import Clamd, ClamdUnreachable
from consumer.errors import HandedBack, Refused
from consumer.records import Video
from wrangler_compat.r2.types import R2Bucket, R2Object

_AGAIN_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Scanning:
    bucket: R2Bucket
    clamd: Clamd

    async def check(self, video: Video) -> None:
        """Raises Refused where something is found, HandedBack while clamd cannot be asked, ScanFailed.

        Only what is in the bucket is scanned: a video that is named by URL is read by the processor, and not kept.
        """
        if video.source_url is not None:
            return
        body = await self.bucket.get(video.r2_key)
        if body is None or isinstance(body, R2Object):
            return
        try:
            found = await self.clamd.scan(aiter(body))
        except ClamdUnreachable as error:
            raise HandedBack(str(error), delay_seconds=_AGAIN_SECONDS) from error
        finally:
            await body.close()
        if found is not None:
            _log.warning("infected", signature=found)
            raise Refused("infected", "The file holds something that a virus scanner knows; it is not accepted.")
