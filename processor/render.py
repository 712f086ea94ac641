"""A video -> its rendition: H.264 and AAC in an MP4 that browsers play. Runs inside a worker process of its own pool.

It is written to a file without a name, which is gone with the process, whatever ends that.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from processor.decode import Clip, Picture, open_clip
from processor.encode import Encoder, Spool, open_encoder
from processor.errors import NoRoomError, RenditionTooLargeError, UndecodableError
from processor.limits import DecodeLimits
from processor.rendition import Pace, fitted, rate_of
from wire.renditions import Rendition

Tell = Callable[[float], None]
"""Told the share that is done, 0..1."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def render(
    source: BinaryIO, target: BinaryIO, video_id: str, limits: DecodeLimits, most_bytes: int, tell: Tell
) -> Rendition:
    """Writes the rendition of what source (seekable) holds into target, a real file, empty and open for both.

    Raises RenditionTooLargeError beyond most_bytes, NoRoomError when the disk is full, and what open_clip raises.
    """
    with open_clip(source, limits, is_hasty=False) as clip, _file_errors():
        size = fitted(clip.width, clip.height)
        spool = Spool(target.fileno(), most_bytes)
        channels = clip.channels if clip.has_sound else None
        rate = rate_of(clip.rate)
        with open_encoder(
            spool, size=size, rate=rate, end=clip.duration, channels=channels, threads=limits.threads
        ) as encoder:
            if not _encode(clip, encoder, limits, tell):
                raise UndecodableError("no picture of the video can be decoded; see that it plays, or re-encode it")
            encoder.finish()
        return Rendition(video_id, *size, clip.duration, os.fstat(target.fileno()).st_size)


def _encode(clip: Clip, encoder: Encoder, limits: DecodeLimits, tell: Tell) -> int:
    """How many pictures there are."""
    pace, count = Pace(), 0
    for time, frame in clip.frames():
        if not isinstance(frame, Picture):
            encoder.sound(time, frame)
        elif pace.takes(time):
            limits.check_duration(time)
            encoder.picture(max(0.0, time), frame)
            count += 1
            tell(min(1.0, time / clip.duration))
    return count


@contextmanager
def unnamed_file(folder: str | None) -> Iterator[BinaryIO]:
    """An empty file for writing and reading that no name leads to: nothing of it stays, even after a kill. folder: None
    is the system's own. Raises NoRoomError."""
    with _file_errors(), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        yield file


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        if failed.errno == errno.EFBIG:
            raise RenditionTooLargeError(
                "the video's rendition would have more bytes than RENDITION_MAX_BYTES; raise it"
            ) from failed
        if failed.errno in _NO_ROOM:
            raise NoRoomError("the disk that renditions are written to is full; make room on it") from failed
        raise
