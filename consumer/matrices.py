"""Pictures of how alike the moments of an upload are to those of what it matches, for people to look at.

Drawn when the verdict is made and before it is written, so that both are seen at once, under the lease of the job; and
never in its way: a picture that cannot be drawn, or takes too long, is not there. The row names those that lie in R2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from consumer.metrics import Metrics
from consumer.records import Found, Video, matrix_key
from consumer.similarity.matrix import matrix
from consumer.workers import Workers
from wire.fingerprints import Fingerprint, unpack
from wire.verdicts import Match, Segment, Verdict
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket, R2HttpMetadata, R2Object

MOST_DRAWN = 3
"""Of the matches of a verdict: few people look at more."""

_LONGEST_SECONDS = 5.0
"""A verdict waits for its pictures no longer."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Drawn:
    """named: keys of the pictures of a verdict, by the other video's id. tried: keys at which something may lie, drawn
    for this verdict or for one that was not written."""

    named: Mapping[str, str] = field(default_factory=dict)
    tried: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matrices:
    """seconds: a verdict waits for its pictures no longer."""

    bucket: R2Bucket
    workers: Workers
    metrics: Metrics
    seconds: float = _LONGEST_SECONDS

    async def draw(
        self, video: Video, fingerprint: Fingerprint, verdict: Verdict, found: Found, before: Drawn
    ) -> Drawn:
        """Of the first matches of a verdict that people will look at. before: what was drawn for the verdict that was
        not written. Raises nothing."""
        keys = {match.video_id: matrix_key(video, match.video_id) for match in drawable(verdict)}
        missing = [match for match in drawable(verdict) if match.video_id not in before.named]
        drawn: Mapping[str, str] = {}
        if missing:
            try:
                with self.metrics.timed("draw"):
                    async with asyncio.timeout(self.seconds):
                        drawn = await self._put(missing, keys, fingerprint, found)
            except Exception as error:
                _log.warning("matrix_not_drawn", error=str(error) or type(error).__name__)
        named = {other: key for other, key in {**before.named, **drawn}.items() if other in keys}
        return Drawn(named, before.tried | {*keys.values()})

    async def tidy(self, video: Video, drawn: Drawn) -> None:
        """After the verdict is written: what it does not name goes. What cannot be removed goes with the video."""
        left = ({*video.matrices.values()} | drawn.tried) - {*drawn.named.values()}
        try:
            if left:
                await self.bucket.delete(sorted(left))
        except BindingError as error:
            _log.warning("matrices_left_to_purge", error=error.message)

    async def _put(
        self, matches: Sequence[Match], keys: Mapping[str, str], fingerprint: Fingerprint, found: Found
    ) -> dict[str, str]:
        """The keys of those that lie in R2 now. Raises what stands in the way."""
        kept_at = {each.video_id: each.fingerprint_key for each in found.candidates}
        bodies = await asyncio.gather(*(self._kept(kept_at.get(match.video_id)) for match in matches))
        there = [(match, body) for match, body in zip(matches, bodies, strict=True) if body is not None]
        pairs = [(body, match.segments) for match, body in there]
        pictures = await self.workers.run(drawn_of, fingerprint, pairs)
        is_png = R2HttpMetadata(content_type="image/png")
        for (match, _), png in zip(there, pictures, strict=True):
            await self.bucket.put(keys[match.video_id], png, http_metadata=is_png)
        return {match.video_id: keys[match.video_id] for match, _ in there}

    async def _kept(self, key: str | None) -> bytes | None:
        body = None if key is None else await self.bucket.get(key)
        return None if body is None or isinstance(body, R2Object) else await body.bytes()


def drawable(verdict: Verdict) -> list[Match]:
    """The first matches in picture of a duplicate or a flagged video: what people look at."""
    if verdict.status not in ("duplicate", "flagged"):
        return []
    return [match for match in verdict.matches if match.kind != "audio"][:MOST_DRAWN]


def drawn_of(fingerprint: Fingerprint, others: Sequence[tuple[bytes, Sequence[Segment]]]) -> list[bytes]:
    """A PNG of each of the others, which are kept fingerprints and the segments that match. Raises ValueError when one
    of them cannot be read, or shows nothing."""
    from consumer.png import gray_png

    return [gray_png(matrix(fingerprint, unpack(body), segments)) for body, segments in others]
