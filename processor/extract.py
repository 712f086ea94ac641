"""One video, or a range of it -> the answer of `POST /extract-fingerprint`. Runs inside a worker process."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from processor.bars import margins
from processor.decode import Clip, Picture, encode_jpeg, open_clip
from processor.errors import EmptyRangeError, MismatchedFragmentsError, UndecodableError
from processor.fingerprint import FragmentMismatchError, assemble
from processor.focus import LONGEST_SECONDS, may_have_focus, no_details
from processor.inset import may_have_inset
from processor.limits import DecodeLimits
from processor.phash import detailed, thumbnail
from processor.preview import Strip, join
from processor.reading import SoundBlock, Span
from processor.sound import BlockSound, audio_hash, blocks_of, first_code_at, without_quiet, without_silence
from wire.fingerprints import (
    ALGORITHM_VERSION,
    THUMBNAIL_SIDE,
    TONES,
    VECTOR_SIZE,
    Fingerprint,
    FingerprintFormatError,
    Fragment,
    pack,
    pack_fragment,
    unpack_fragment,
)
from wire.media import Media
from wire.processing import ExtractFormatError, ExtractRequest, ExtractResponse, Preview

JPEG_WIDTH = 320
_EARLY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """frame_interval: seconds between samples of the standard tier. phash_size: side of the block of frequencies in
    the video vector. limits: of the decoder."""

    frame_interval: float
    phash_size: int
    limits: DecodeLimits

    def interval(self, tier: str) -> float:
        return self.frame_interval / 2 if tier == "premium" else self.frame_interval


def extract(file: BinaryIO, request: ExtractRequest, recipe: Recipe) -> ExtractResponse:
    """Raises ProcessorError."""
    began = time.monotonic()
    with open_clip(file, recipe.limits) as clip:
        span, duration = _span(request, clip, recipe)
        is_fragment = not request.whole and (request.start is not None or request.stop is not None)
        has_jpeg = span.start == 0
        strip = Strip(duration, span.start, span.stop, span.interval, (clip.width, clip.height))
        is_close = duration <= LONGEST_SECONDS
        pictures = Pictures(clip.width / clip.height if has_jpeg else None, strip, is_close=is_close)
        sound = _sound_of(clip, request, span, duration)
        clip.play(span, pictures.add, [block for block, _ in sound])
        heard = [collected.finish() for _, collected in sound]
        if not pictures.times and not is_fragment:
            raise UndecodableError("no picture of the video can be decoded; see that it plays, or re-encode it")
        fragment = Fragment(
            algorithm_version=ALGORITHM_VERSION,
            tier=request.tier,
            duration=duration,
            start=span.start,
            stop=span.stop,
            width=clip.width,
            height=clip.height,
            interval=span.interval,
            first_code=first_code_at(span.start),
            times=np.array(pictures.times, np.float32),
            thumbnails=np.frombuffer(pictures.thumbnails, np.uint8).reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE),
            margins=np.array(pictures.margins, np.uint16).reshape(-1, 4),
            codes=np.concatenate([np.zeros(0, np.uint32), *(block.codes for block in heard)]),
            tones=np.concatenate([np.zeros((0, TONES), np.uint8), *(block.tones for block in heard)]),
            details=pictures.kept_details(),
        )
        media = clip.media
    shown = Shown(pictures.jpeg(), strip.finish(), media)
    del pictures, strip
    if is_fragment:
        return _answer_fragment(request.video_id, fragment, shown, began)
    return _answer(request.video_id, finished([fragment], recipe.phash_size), shown, began)


def merge(
    video_id: str, packed: list[bytes], thumbnail_base64: str | None, phash_size: int, previews: Sequence[Preview] = ()
) -> ExtractResponse:
    """The answer for the whole video from the fragments of its ranges, in any order. previews: in that of time.

    Raises MismatchedFragmentsError.
    """
    began = time.monotonic()
    try:
        fingerprint = finished([unpack_fragment(data) for data in packed], phash_size)
        preview = join(previews)
    except (FingerprintFormatError, FragmentMismatchError, ExtractFormatError) as broken:
        raise MismatchedFragmentsError(f"the fragments cannot be merged: {broken}") from broken
    answer = _answer(video_id, fingerprint, Shown(None, preview), began)
    return replace(answer, thumbnail=thumbnail_base64)


def finished(fragments: list[Fragment], phash_size: int) -> Fingerprint:
    """`assemble`, without the codes and tones of a video that is silent from beginning to end."""
    fingerprint = assemble(fragments, phash_size)
    codes, tones = without_silence(fingerprint.codes), without_quiet(fingerprint.tones)
    return replace(fingerprint, codes=codes, tones=tones)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is told of the video beside its fingerprint. thumbnail: a JPEG."""

    thumbnail: bytes | None
    preview: Preview | None
    media: Media | None = None

    @property
    def thumbnail_base64(self) -> str | None:
        return None if self.thumbnail is None else base64.b64encode(self.thumbnail).decode()


class Pictures:
    """Collects the samples, and the most telling early one as the thumbnail; shows each to the strip.

    thumbnails: 48 x 48 bytes each, end to end: 33 MB for an hour at four samples a second.
    details: 192 x 192 bytes each, of videos that may have a focus or an inset: 44 MB for five minutes, the longest.
    """

    def __init__(self, display_aspect: float | None, strip: Strip, *, is_close: bool) -> None:
        self.times: list[float] = []
        self.thumbnails = bytearray()
        self.details = bytearray()
        self._is_close = is_close
        self.margins: list[NDArray[np.uint16]] = []
        self._display_aspect = display_aspect
        self._strip = strip
        self._last: Picture | None = None
        self._best_contrast = -1.0
        self._best: NDArray[np.uint8] | None = None

    def add(self, time: float, picture: Picture) -> None:
        if picture is not self._last:
            luma = picture.luma()
            self._small, self._margins = thumbnail(luma), margins(luma)
            self._detailed = detailed(luma) if self._is_close else no_details()
            self._last = picture
            self._consider(time, picture)
        self._strip.add(time, picture)
        self.times.append(time)
        self.thumbnails += self._small.data
        self.details += self._detailed.data
        self.margins.append(self._margins)

    def kept_details(self) -> NDArray[np.uint8]:
        """uint8 [n, 192, 192]; n = 0 when the video moves too widely to have a focus, and shows no inset."""
        details = np.frombuffer(self.details, np.uint8).reshape(-1, *no_details().shape[1:])
        return details if may_have_focus(details) or may_have_inset(details) else no_details()

    def jpeg(self) -> bytes | None:
        return None if self._best is None else encode_jpeg(self._best)

    def _consider(self, time: float, picture: Picture) -> None:
        contrast = float(self._small.std())
        if self._display_aspect is not None and time < _EARLY_SECONDS and contrast > self._best_contrast:
            self._best_contrast = contrast
            self._best = np.array(picture.rgb(JPEG_WIDTH, self._display_aspect))


def _span(request: ExtractRequest, clip: Clip, recipe: Recipe) -> tuple[Span, float]:
    """What to read, and the duration to report. Raises EmptyRangeError."""
    start = request.start or 0.0
    stop = clip.duration if request.stop is None else min(request.stop, clip.duration)
    if start >= stop:
        raise EmptyRangeError(f"the range starts at {start} s, but the video lasts only {clip.duration:.3f} s")
    offset, duration = 0.0, clip.duration
    if request.whole:
        offset, duration = start, stop - start
        start, stop = 0.0, duration
    keyframes_only, is_exact = request.tier == "economy", request.tier == "premium"
    return Span(offset, start, stop, recipe.interval(request.tier), keyframes_only, is_exact), duration


def _sound_of(clip: Clip, request: ExtractRequest, span: Span, duration: float) -> list[tuple[SoundBlock, BlockSound]]:
    """The economy tier has no sound: reading it would mean reading the file."""
    if not clip.has_sound or request.tier == "economy":
        return []
    sound = []
    for block in blocks_of(span.start, span.stop, duration):
        collected = BlockSound(block)
        sound.append((SoundBlock(block.opens_at, block.closes_at, collected), collected))
    return sound


def _answer(video_id: str, fingerprint: Fingerprint, shown: Shown, began: float) -> ExtractResponse:
    return ExtractResponse(
        video_id=video_id,
        video_vector=tuple(float(number) for number in fingerprint.video_vector),
        audio_hash=audio_hash(fingerprint.codes),
        duration=fingerprint.duration,
        frame_count=len(fingerprint.times),
        processing_time_ms=round((time.monotonic() - began) * 1000),
        fingerprint=base64.b64encode(pack(fingerprint)).decode(),
        thumbnail=shown.thumbnail_base64,
        preview=shown.preview,
        media=shown.media,
    )


def _answer_fragment(video_id: str, fragment: Fragment, shown: Shown, began: float) -> ExtractResponse:
    return ExtractResponse(
        video_id=video_id,
        video_vector=(0.0,) * VECTOR_SIZE,
        audio_hash=audio_hash(without_silence(fragment.codes)),
        duration=fragment.duration,
        frame_count=len(fragment.times),
        processing_time_ms=round((time.monotonic() - began) * 1000),
        fingerprint=base64.b64encode(pack_fragment(fragment)).decode(),
        thumbnail=shown.thumbnail_base64,
        preview=shown.preview,
        media=shown.media,
    )
