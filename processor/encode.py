"""FFmpeg's encoders, through PyAV: pictures and sound -> an MP4 that browsers play, its index first."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio import AudioStream
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.video import VideoStream
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from processor.decode import Picture
from processor.opening import BROKEN, pass_on_ours
from processor.rendition import SOUND_RATE, SoundPlace

_TICKS = 90_000
"""Of the pictures' clock, in a second."""
_KEYFRAME_SECONDS = 2
_SILENCE_SAMPLES = 8192
_PICTURES = {"preset": "veryfast", "crf": "23", "maxrate": "4M", "bufsize": "8M", "profile": "high"}
_BIT_RATES = {"mono": 96_000, "stereo": 128_000}


class Spool:
    """A file that FFmpeg writes. fd: of a file open for writing and reading; it stays the caller's.

    Raises OSError: EFBIG beyond most_bytes, ENOSPC as the disk does. failure: what it raised, which FFmpeg forgets.
    """

    name = "rendition.mp4"

    def __init__(self, fd: int, most_bytes: int) -> None:
        self._fd = fd
        self._most_bytes = most_bytes
        self._at = 0
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._write(data)
        except OSError as failed:
            self.failure = self.failure or failed
            raise

    def _write(self, data: bytes) -> int:
        if self._at + len(data) > self._most_bytes:
            raise OSError(errno.EFBIG, "the rendition is too large")
        view = memoryview(data)
        while view:
            count = os.pwrite(self._fd, view, self._at)
            self._at += count
            view = view[count:]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = _sought(self._fd, self._at, offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at

    def read_again(self) -> _Written:
        return _Written(self._fd)


class _Written:
    """What a spool holds, from its start, while it is still written."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0

    def read(self, size: int) -> bytes:
        data = os.pread(self._fd, size, self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = _sought(self._fd, self._at, offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at


def _sought(fd: int, at: int, offset: int, whence: int) -> int:
    return {os.SEEK_SET: 0, os.SEEK_CUR: at, os.SEEK_END: os.fstat(fd).st_size}[whence] + offset


class Encoder:
    """picture() and sound() in any order, each in order of its times; finish() once.

    width, height: even. rate: pictures in a second, about. end: of the video, seconds. channels: of the sound; 0: none.
    Raises OSError as the spool does.
    """

    def __init__(
        self,
        container: OutputContainer,
        *,
        size: tuple[int, int],
        rate: float,
        end: float,
        channels: int | None,
        threads: int,
    ) -> None:
        self._container = container
        self._size = size
        self._reformatter = VideoReformatter()
        self._end = end
        self._rate = rate
        self._video = _picture_stream(container, size, rate, threads)
        self._sound = None if channels is None else _Sound(container, channels, end)
        self._last: VideoFrame | None = None

    def picture(self, time: float, picture: Picture) -> None:
        """time: seconds, later than the one before."""
        self._encode(time, picture.yuv(*self._size, self._reformatter))

    def _encode(self, time: float, frame: VideoFrame) -> None:
        frame.pts, frame.time_base = round(time * _TICKS), Fraction(1, _TICKS)
        frame.pict_type = 0
        self._container.mux(self._video.encode(frame))
        self._last = frame

    def sound(self, time: float, frame: AudioFrame) -> None:
        """time: seconds; nan: right after the one before. What cannot be converted is left out."""
        if self._sound is not None:
            for packet in self._sound.packets(time, frame):
                self._container.mux(packet)

    def finish(self) -> None:
        """The last picture stays until the end."""
        last = self._last
        if last is not None and last.pts is not None:
            before_end = self._end - 1 / self._rate
            if before_end - last.pts / _TICKS > 1 / self._rate:
                self._encode(before_end, last)
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            for packet in self._sound.last_packets():
                self._container.mux(packet)


class _Sound:
    """Any sound -> AAC, without gaps."""

    def __init__(self, container: OutputContainer, channels: int, end: float) -> None:
        self._layout = "mono" if channels == 1 else "stereo"
        self._channels = 1 if channels == 1 else 2
        stream = container.add_stream("aac", rate=SOUND_RATE, layout=self._layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = _BIT_RATES[self._layout]
        self._stream = stream
        self._place = SoundPlace(end)
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def packets(self, time: float, frame: AudioFrame) -> Iterator[Any]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._kind = kind
            self._resampler = AudioResampler(format="s16", layout=self._layout, rate=SOUND_RATE)
        frame.pts = None
        for pcm in self._resampled(frame):
            yield from self._placed(time, pcm)
            time = float("nan")

    def last_packets(self) -> Iterator[Any]:
        """A track without any sound would be none."""
        if self._place.position == 0:
            yield from self._placed(0.0, np.zeros((_SILENCE_SAMPLES, self._channels), np.int16))
        yield from self._stream.encode(None)

    def _resampled(self, frame: AudioFrame) -> list[NDArray[np.int16]]:
        """int16 [samples, channels] each."""
        if self._resampler is None:
            return []
        try:
            pieces = self._resampler.resample(frame)
        except BROKEN as broken:
            pass_on_ours(broken)
            return []
        return [np.asarray(piece.to_ndarray(), np.int16).reshape(-1, self._channels) for piece in pieces if piece]

    def _placed(self, time: float, pcm: NDArray[np.int16]) -> Iterator[Any]:
        at = self._place.position
        silence, first, stop = self._place.place(time, len(pcm))
        while silence > 0:
            quiet = np.zeros((min(silence, _SILENCE_SAMPLES), self._channels), np.int16)
            yield from self._encoded(at, quiet)
            at += len(quiet)
            silence -= len(quiet)
        if stop > first:
            yield from self._encoded(at, pcm[first:stop])

    def _encoded(self, position: int, pcm: NDArray[np.int16]) -> Iterator[Any]:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="s16", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, position, Fraction(1, SOUND_RATE)
        yield from self._stream.encode(frame)


@contextmanager
def open_encoder(
    spool: Spool, *, size: tuple[int, int], rate: float, end: float, channels: int | None, threads: int
) -> Iterator[Encoder]:
    """Leaving it writes the index, before everything else. channels: of the sound, 0 when that is not known; None: no
    sound. Raises OSError as the spool does."""

    def open_again(url: str, flags: int, options: dict[str, str]) -> _Written:
        # To make room for the index, the muxer moves what it has written.
        return spool.read_again()

    try:
        with av.open(spool, "w", format="mp4", options={"movflags": "faststart"}, io_open=open_again) as container:
            yield Encoder(container, size=size, rate=rate, end=end, channels=channels, threads=threads)
    except BROKEN:
        if spool.failure is not None:
            raise spool.failure from None
        raise


def _picture_stream(container: OutputContainer, size: tuple[int, int], rate: float, threads: int) -> VideoStream:
    stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = stream.time_base = Fraction(1, _TICKS)
    context.gop_size = max(1, round(rate * _KEYFRAME_SECONDS))
    context.thread_count = threads
    context.options = dict(_PICTURES)
    context.color_range = 1
    context.colorspace = context.color_primaries = context.color_trc = 1
    return stream
