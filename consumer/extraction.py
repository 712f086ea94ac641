"""From a video's source to its fingerprint, by way of the processor.

A video is fingerprinted in ranges of RANGE_SECONDS. The first answer tells how long the video is: most are done with
that one range, a long one has its other ranges fingerprinted in parallel. The fragments of all ranges are merged
into the fingerprint that the whole video would have given.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from consumer.errors import Refused
from consumer.processor_client import ProcessorClient, ProcessorError, decode_base64
from consumer.records import Extracted, PreviewStrip, Source, Video
from wire.fingerprints import ALGORITHM_VERSION, FingerprintFormatError, unpack
from wire.processing import ExtractRequest, ExtractResponse, Preview

Progress = Callable[[float], Awaitable[None]]
"""Told the share of the work that is done, 0..1."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Extraction:
    """range_seconds: of one range. max_duration: of a video, seconds."""

    processor: ProcessorClient
    range_seconds: float
    max_parallel: int
    max_duration: float

    async def extract(self, video: Video, source: Source, progress: Progress) -> Extracted:
        """Raises Refused, HandedBack, ProcessorError."""
        if source.start is not None or source.stop is not None:
            answer = await self._extract_part(video, source)
        else:
            answer = await self._extract_in_ranges(video, source, progress)
        await progress(1.0)
        return await asyncio.to_thread(_read, answer)

    async def _extract_part(self, video: Video, source: Source) -> ExtractResponse:
        """The user named a part: that part is the video."""
        if source.stop is not None:
            self._check_duration(source.stop - (source.start or 0.0))
        request = ExtractRequest(source.url, video.id, source.start, source.stop, video.tier, whole=True)
        return await self.processor.extract(request, request_id=video.request_id)

    async def _extract_in_ranges(self, video: Video, source: Source, progress: Progress) -> ExtractResponse:
        first = await self._extract_range(video, source, (0.0, self.range_seconds))
        self._check_duration(first.duration)
        rest = ranges_after_first(first.duration, self.range_seconds)
        done = 1
        await progress(done / (len(rest) + 1))
        slots = asyncio.Semaphore(self.max_parallel)

        async def extract(part: Range) -> ExtractResponse:
            nonlocal done
            async with slots:
                answer = await self._extract_range(video, source, part)
            done += 1
            await progress(done / (len(rest) + 1))
            return answer

        answers = [first, *await _all_or_first_error([extract(part) for part in rest])]
        if not any(answer.frame_count for answer in answers):
            raise Refused("undecodable", "No picture of the video can be decoded; see that it plays, or re-encode it.")
        merged = await self.processor.merge(
            video.id,
            [answer.fingerprint for answer in answers],
            thumbnail=first.thumbnail,
            previews=[answer.preview for answer in answers if answer.preview is not None],
            request_id=video.request_id,
        )
        return replace(merged, media=first.media)

    async def _extract_range(self, video: Video, source: Source, part: Range) -> ExtractResponse:
        request = ExtractRequest(source.url, video.id, part[0], part[1], video.tier)
        return await self.processor.extract(request, request_id=video.request_id)

    def _check_duration(self, seconds: float) -> None:
        if seconds > self.max_duration:
            raise Refused(
                "too_long",
                f"The video lasts {seconds:.0f} seconds; at most {self.max_duration:.0f} are accepted.",
            )


def ranges_after_first(duration: float, length: float) -> list[Range]:
    """The ranges of this length, but for the first, that tile a video of this duration. Seconds."""
    count = math.ceil(duration / length)
    return [(n * length, (n + 1) * length) for n in range(1, count)]


async def _all_or_first_error(work: list[Awaitable[ExtractResponse]]) -> list[ExtractResponse]:
    """All answers in order; the first error cancels what is still running and is raised as it is."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(answer: ExtractResponse) -> Extracted:
    try:
        fingerprint = unpack(decode_base64(answer.fingerprint))
    except FingerprintFormatError as error:
        raise ProcessorError(f"the processor's fingerprint cannot be read: {error}") from error
    if fingerprint.algorithm_version != ALGORITHM_VERSION:
        raise ProcessorError(
            f"the processor makes fingerprints of version {fingerprint.algorithm_version}, this consumer reads "
            f"version {ALGORITHM_VERSION}: run the same release of both"
        )
    return Extracted(
        fingerprint,
        decode_base64(answer.thumbnail) if answer.thumbnail else None,
        _preview_of(answer.preview),
        answer.media,
    )


def _preview_of(told: Preview | None) -> PreviewStrip | None:
    if told is None or told.jpeg is None:
        return None
    return PreviewStrip(decode_base64(told.jpeg), told.pictures, told.width, told.height)
