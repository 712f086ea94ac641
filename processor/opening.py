"""A file as FFmpeg's container, through PyAV. Reads hostile files.

What a file can make FFmpeg do is limited here: three container families, the usual codecs, no other URL or file ever
opened (external references are off, and opening anything but the given file is refused).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import av.error
import av.logging
from av.audio import AudioStream
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video import VideoStream

from processor.errors import NoVideoStreamError, ProcessorError, TooDemandingError, UndecodableError
from processor.limits import (
    AUDIO_CODECS,
    CONTAINERS,
    MAX_CODED_PIXELS,
    MAX_RATE,
    MAX_STREAMS,
    VIDEO_CODECS,
    is_audible,
)
from wire.media import UNKNOWN, Media

_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "codec_whitelist": f"{VIDEO_CODECS},{AUDIO_CODECS}",
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "use_absolute_path": "0",
    "seek2any": "0",
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_CODED_PIXELS),
}
BROKEN = (av.error.FFmpegError, ValueError, OSError)
"""What PyAV raises for a damaged file: FFmpeg's errors, its own, and those of a file asked for an impossible seek."""

_FAMILIES = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "webm"}


@contextmanager
def open_container(file: BinaryIO) -> Iterator[InputContainer]:
    """Opens what file (seekable, read-only) holds.

    Raises UndecodableError, TooDemandingError, and whatever ProcessorError the file itself raises while it is read.
    """
    av.logging.set_level(None)
    try:
        container = av.open(
            file, mode="r", options=_OPTIONS, buffer_size=64 * 1024, metadata_errors="ignore", io_open=_refuse
        )
    except BROKEN as broken:
        pass_on_ours(broken)
        if isinstance(broken, MemoryError):
            raise TooDemandingError(
                f"the file has more than {MAX_STREAMS} tracks, or needs more memory than WORKER_MEMORY; re-encode it"
            ) from broken
        raise UndecodableError(
            "the file is not a video that can be read (mp4, mov, webm, mkv, avi), or its picture is far too large"
        ) from broken
    with container:
        yield container


def video_stream(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        is_cover = bool(stream.disposition & Disposition.attached_pic)
        if not is_cover and stream.codec_context is not None and stream.codec_context.width > 0:
            return stream
    raise NoVideoStreamError("the file holds no moving picture; upload a video with a picture track")


def audio_stream(container: InputContainer) -> AudioStream | None:
    for stream in container.streams.audio:
        known = stream.codec_context
        if known is None or known.name not in AUDIO_CODECS.split(","):
            continue
        # Some containers leave rate and channels to the codec: none told is no reason to refuse.
        if is_audible(known.sample_rate or MAX_RATE, known.layout.nb_channels or 1):
            return stream
    return None


def media_of(container: InputContainer, video: VideoStream, pixel_format: str) -> Media:
    """What the file is made of. Of its sound the first track, which is what players take, whether it can be decoded
    here or not."""
    sounds = container.streams.audio
    return Media(
        container=_FAMILIES.get(container.format.name, container.format.name),
        video=_codec_of(video) or UNKNOWN,
        pixel_format=pixel_format,
        audio=(_codec_of(sounds[0]) or UNKNOWN) if sounds else None,
    )


def _codec_of(stream: VideoStream | AudioStream) -> str | None:
    """The codec's own name, whichever decoder is used for it."""
    context = stream.codec_context
    return None if context is None else context.codec.canonical_name


def fresh_context(stream: AudioStream) -> AudioCodecContext:
    known = stream.codec_context
    fresh = CodecContext.create(known.name, "r")
    assert isinstance(fresh, AudioCodecContext)
    fresh.extradata = known.extradata
    fresh.sample_rate = known.sample_rate
    fresh.layout = known.layout
    fresh.options = {"pkt_timebase": str(stream.time_base)}
    return fresh


def pass_on_ours(broken: BaseException) -> None:
    """What the file object raised comes back through FFmpeg: it says more than FFmpeg's own error."""
    seen: BaseException | None = broken
    while seen is not None:
        if isinstance(seen, ProcessorError):
            raise seen
        seen = seen.__cause__ or seen.__context__


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise UndecodableError("the file refers to another file or URL; upload a video that holds everything itself")
