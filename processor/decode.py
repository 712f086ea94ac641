"""FFmpeg's decoders, through PyAV. Reads hostile files, as processor.opening opens them; bounds what they show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any, BinaryIO, cast

import av
import av.error
import numpy as np
from av.audio import AudioStream
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video import VideoStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from processor.errors import (
    OUT_OF_MEMORY,
    TooDemandingError,
    TruncatedError,
    UndecodableError,
)
from processor.limits import (
    MAX_CODED_PIXELS,
    VIDEO_CODECS,
    DecodeLimits,
    check_dimensions,
    is_audible,
)
from processor.luma import full_range, has_luma_plane, is_sideways, luma_plane, plane_of, rotation_of, shrunk, upright
from processor.opening import BROKEN, audio_stream, fresh_context, media_of, open_container, pass_on_ours, video_stream
from processor.reading import PictureReader, SoundBlock, SoundReader, SoundSink, Span, packet_end, packet_time
from processor.sampling import Cells, GridSampler

_DECODER_OPTIONS = {"codec_whitelist": VIDEO_CODECS, "max_pixels": str(MAX_CODED_PIXELS)}
_HASTY = {"skip_loop_filter": "all"}
_FULL_RANGE, _LIMITED_RANGE = 2, 1
_BT709 = 1
_SEEK_MARGIN_SECONDS = 4.0
_SEEK_MARGINS_SECONDS = (_SEEK_MARGIN_SECONDS, 15.0, 60.0, math.inf)
_NEVER = 1 << 60
_REORDER_SECONDS = 2.0
"""An index may list decoding times; pictures are shown at most this much later."""
_FIRST_PICTURE_PACKETS = 1500
_MIN_PRESENT = 0.75
_GAP_SECONDS = 0.1


class Picture:
    """One decoded picture. Valid until the next is decoded; keep what you take from it, not the picture.

    matrix: of the video's first picture. Only a picture that is turned otherwise is asked for its own: PyAV ties a
    frame and its side data in a cycle, and hundreds of frames would wait for the garbage collector.
    """

    def __init__(self, frame: VideoFrame, matrix: NDArray[np.int32] | None = None) -> None:
        self._frame = frame
        self._matrix = matrix if frame.rotation == rotation_of(matrix) else display_matrix(frame)

    def luma(self) -> NDArray[np.uint8]:
        """uint8 [h, w], full range, upright, reduced by a whole number when large."""
        return upright(_luma(self._frame), self._matrix)

    def rgb(self, max_width: int, display_aspect: float) -> NDArray[np.uint8]:
        """uint8 [h, w, 3], upright, at most max_width wide. display_aspect: width / height as shown."""
        height = max(2, round(min(max_width, self._frame.width, self._frame.height * display_aspect) / display_aspect))
        return self.small(max(2, min(max_width, round(height * display_aspect))), height)

    def small(self, width: int, height: int) -> NDArray[np.uint8]:
        """uint8 [height, width, 3], upright."""
        if is_sideways(self._matrix):
            width, height = height, width
        small = self._frame.reformat(width=width, height=height, format="rgb24", dst_color_range=_FULL_RANGE)
        return upright(np.asarray(small.to_ndarray(), np.uint8), self._matrix)

    def yuv(self, width: int, height: int, reformatter: VideoReformatter) -> VideoFrame:
        """yuv420p, limited range, the colours of BT.709; upright, without a time. width, height: even.

        reformatter: kept from picture to picture, since it is dear to set up.
        """
        if is_sideways(self._matrix):
            width, height = height, width
        small = reformatter.reformat(
            self._frame, width, height, "yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED_RANGE
        )
        return small if self._matrix is None else _turned(small, self._matrix)


class Clip:
    """An opened video.

    duration: seconds from the first picture to the announced end (measured when none is announced). width, height: as
    shown, after rotation and pixel aspect. end: in the file's own time. lost_packets: those that could not be decoded.
    media: what it is made of. is_hasty: decode without the loop filter, which nobody misses in small pictures.
    """

    def __init__(self, container: InputContainer, limits: DecodeLimits, *, is_hasty: bool = True) -> None:
        self._container = container
        self._limits = limits
        self._video = video_stream(container)
        self._sound = audio_stream(container)
        self._base = float(self._video.time_base or 1)
        self._size_bytes = container.size
        check_dimensions(self._video.codec_context.width, self._video.codec_context.height)
        limits.check_pictures(len(self._video.index_entries))
        self.lost_packets = 0
        self._decoder_options = _DECODER_OPTIONS | (_HASTY if is_hasty else {})
        self._ran_out_of_memory = False
        frame = self._first_frame()
        self._matrix = display_matrix(frame)
        self.media = media_of(container, self._video, frame.format.name)
        self._origin = float(frame.pts or 0) * self._base
        self.end = self._find_end()
        self.duration = self.end - self._origin
        if not self.duration > 0:
            raise UndecodableError("every picture of the video is shown for no time at all; re-encode it")
        self.width, self.height = _shown_size(frame, self._video)
        limits.check_duration(self.duration)
        self._check_complete()

    @property
    def has_sound(self) -> bool:
        return self._sound is not None

    @property
    def channels(self) -> int:
        """Of the sound, as the file announces them; 0: it does not, or there is no sound."""
        return 0 if self._sound is None else self._sound.codec_context.layout.nb_channels

    @property
    def rate(self) -> float:
        """Pictures in a second where they follow one another at once; 0: not known."""
        return max(float(self._video.average_rate or 0), float(self._video.base_rate or 0))

    def play(self, span: Span, emit: Callable[[float, Picture], None], sound: Sequence[SoundBlock] = ()) -> None:
        """Gives emit(time, picture) for each sample of the span and feeds the sound blocks, in one pass.

        Damaged packets are left out. Raises UndecodableError when nothing in the whole file could be decoded and
        TruncatedError when the data end long before the announced end.
        """
        if span.keyframes_only:
            self._play_keyframes(span, emit)
        else:
            self._play_all(span, emit, sound)

    def frames(self) -> Iterator[tuple[float, Picture | AudioFrame]]:
        """Every picture and every piece of sound, once, in the order of the file, with its time: seconds from the first
        picture; nan: right after the one before. Damaged packets are left out."""
        hearing = None if self._sound is None else fresh_context(self._sound)
        self._seek(math.inf)
        streams: list[Any] = [self._video] if self._sound is None else [self._video, self._sound]
        for packet in self._packets(streams):
            if packet.stream is self._video:
                yield from self._timed(self._decode(packet))
            elif hearing is not None:
                yield from self._heard(hearing, packet)
        yield from self._timed(self._decode(None))
        if hearing is not None:
            yield from self._heard(hearing, None)

    def _timed(self, frames: Sequence[VideoFrame]) -> Iterator[tuple[float, Picture]]:
        for frame in frames:
            if frame.pts is not None:
                yield frame.pts * self._base - self._origin, self._picture(frame)

    def _heard(
        self, context: AudioCodecContext, packet: Packet[AudioStream] | None
    ) -> Iterator[tuple[float, AudioFrame]]:
        assert self._sound is not None
        base = float(self._sound.time_base or 1)
        try:
            frames = context.decode(packet)
        except BROKEN as broken:
            pass_on_ours(broken)
            return
        for frame in frames:
            if is_audible(frame.sample_rate, frame.layout.nb_channels):
                yield math.nan if frame.pts is None else frame.pts * base - self._origin, frame

    def _play_all(self, span: Span, emit: Callable[[float, Picture], None], sound: Sequence[SoundBlock]) -> None:
        """Decoders may need longer to settle after a seek than usual: then reading begins anew, from further back."""
        for margin in _SEEK_MARGINS_SECONDS:
            sampler = GridSampler(span.start, span.stop, span.interval, emit)
            if self._read(span, sampler, sound, margin):
                return

    def _read(self, span: Span, sampler: GridSampler[Picture], sound: Sequence[SoundBlock], margin: float) -> bool:
        """Whether the first sample was met; if not, nothing was emitted. The sound may be fed twice."""
        zero = self._origin + span.offset
        pictures = PictureReader(self._video, sampler, zero, self._decode, self._picture, is_exact=span.is_exact)
        speakers = self._speakers(zero, sound)
        target = zero + min([sampler.first_time, *(block.opens_at for block in sound)]) - margin
        self._seek(target)
        streams: list[Any] = [self._video] if speakers is None else [self._video, self._sound]
        data_end = self._origin
        for packet in self._packets(streams):
            if packet.pts is None and packet.dts is None:
                continue
            data_end = max(data_end, packet_end(packet))
            if packet.stream is self._video:
                pictures.push(packet)
                if pictures.is_late and target > self._origin:
                    return False
            elif speakers is not None:
                speakers.push(packet)
            if sampler.is_done and (speakers is None or speakers.is_done):
                break
        else:
            self._check_data_end(data_end)
            pictures.finish(self.end)
        if speakers is not None:
            speakers.finish()
        return True

    def _speakers(self, zero: float, sound: Sequence[SoundBlock]) -> SoundReader | None:
        stream = self._sound
        if stream is None or not sound:
            return None
        return SoundReader(zero, sound, lambda sink: _PcmDecoder(stream, zero, sink))

    def _play_keyframes(self, span: Span, emit: Callable[[float, Picture], None]) -> None:
        zero = self._origin + span.offset
        for packet in self._keyframe_packets(span, zero):
            time = packet_time(packet) - zero
            if span.start <= time < span.stop:
                for frame in self._decode_alone(packet):
                    emit(time, self._picture(frame))

    def _picture(self, frame: VideoFrame) -> Picture:
        return Picture(frame, self._matrix)

    def _keyframe_packets(self, span: Span, zero: float) -> Iterator[Packet[VideoStream]]:
        """The first keyframe of each cell, and perhaps some outside the span, with few bytes read between them."""
        if self._sound is not None:
            self._sound.discard = Discard.all
        cells = Cells(span.interval)
        self._seek(zero + cells.start_of(span.start) - _SEEK_MARGIN_SECONDS)
        listed = [entry.timestamp for entry in self._video.index_entries if entry.is_keyframe]
        if not self._covers(listed):
            for packet in self._packets([self._video]):
                time = packet_time(packet) - zero
                if time >= span.stop + _REORDER_SECONDS:
                    return
                if packet.is_keyframe and cells.takes(time):
                    yield packet
            return
        for timestamp, following in pairwise([*sorted(set(listed)), _NEVER]):
            time = timestamp * self._base - zero
            if cells.takes(time) and span.start - _REORDER_SECONDS <= time < span.stop + _REORDER_SECONDS:
                # Just before the following one: the index lists decoding times, but a seek counts by times of showing.
                self._container.seek(following - 1, stream=self._video)
                yield from islice(self._packets([self._video]), 1)

    def _covers(self, timestamps: Sequence[int]) -> bool:
        """Whether an index reaches far enough to be that of the whole file and not of what was read so far."""
        return len(timestamps) > 1 and max(timestamps) * self._base - self._origin > 0.5 * self.duration

    def _decode_alone(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """A keyframe as the one picture that it holds, whatever comes before and after."""
        context = self._video.codec_context
        try:
            frames = context.decode(packet) + context.decode(None)
        except BROKEN as broken:
            self._lose(broken)
            frames = []
        context.flush_buffers()
        return frames[:1]

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self._video.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except BROKEN as broken:
            self._lose(broken)
            return []

    def _lose(self, broken: BaseException) -> None:
        pass_on_ours(broken)
        self.lost_packets += 1
        self._ran_out_of_memory = self._ran_out_of_memory or isinstance(broken, MemoryError)

    def _packets(self, streams: Sequence[Any]) -> Iterator[Packet[Any]]:
        """Packets with content, until the data end or break off."""
        packets = self._container.demux(*streams)
        while True:
            try:
                packet = next(packets, None)
            except BROKEN as broken:
                pass_on_ours(broken)
                return
            if packet is None:
                return
            if packet.size:
                yield packet

    def _first_frame(self) -> VideoFrame:
        context = self._video.codec_context
        context.thread_count = self._limits.threads
        context.options = dict(self._decoder_options)
        for packet in islice(self._packets([self._video]), _FIRST_PICTURE_PACKETS):
            for frame in self._decode(packet):
                return frame
        for frame in self._decode(None):
            return frame
        if self._ran_out_of_memory:
            raise TooDemandingError(OUT_OF_MEMORY)
        raise UndecodableError("no picture of the video can be decoded; see that it plays, or re-encode it")

    def _seek(self, time: float) -> None:
        """To a keyframe at or before this time of the file, or to its start."""
        earliest = self._origin - _SEEK_MARGIN_SECONDS
        target = earliest if math.isinf(time) else max(time, earliest)
        for stamp in (math.floor(target / self._base), self._video.start_time or 0):
            try:
                return self._container.seek(stamp, stream=self._video)
            except BROKEN as broken:
                pass_on_ours(broken)
        raise UndecodableError("the video has no usable index; re-encode it, or remux it with its index")

    def _find_end(self) -> float:
        """Announced end in the file's time, or measured over all packets when nothing usable is announced."""
        start = float(self._video.start_time or 0) * self._base
        announced = 0.0
        if self._video.duration:
            announced = start + self._video.duration * self._base
        elif self._container.duration and self._container.duration > 0:
            announced = (self._container.duration + (self._container.start_time or 0)) / av.time_base
        if announced > self._origin and not self._may_go_on():
            return announced
        return max(announced, self._measure_end())

    def _may_go_on(self) -> bool:
        """Whether the file may be fragmented: its index stops well before its data."""
        if "mov" not in self._container.format.name:
            return False
        last = max((_index_end(stream) for stream in self._container.streams), default=0)
        return last < 0.9 * self._size_bytes

    def _measure_end(self) -> float:
        end = self._origin
        for packet in self._packets([self._video]):
            if packet.pts is not None:
                end = max(end, packet_end(packet))
            self._limits.check_duration(end - self._origin)
        return end

    def _check_complete(self) -> None:
        """An index that points beyond the end of the file tells that the rest is missing."""
        total = missing = 0
        for entry in self._video.index_entries:
            total += entry.size
            missing += max(0, min(entry.size, entry.pos + entry.size - self._size_bytes))
        if missing > (1 - _MIN_PRESENT) * total:
            raise TruncatedError("the end of the file is missing; upload the whole of it")

    def _check_data_end(self, end: float) -> None:
        if end - self._origin < _MIN_PRESENT * self.duration:
            raise TruncatedError("the file ends long before the length that it announces; upload the whole of it")


class _PcmDecoder:
    """One fresh decoder and resampler: packets -> int16 mono at 11,025 Hz, placed by their times."""

    RATE = 11025

    def __init__(self, stream: AudioStream, zero: float, sink: SoundSink) -> None:
        self._sink = sink
        self._zero = zero
        self._base = float(stream.time_base or 1)
        self._context = fresh_context(stream)
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None
        self._position = 0
        self._expected = -math.inf

    def push(self, packet: Packet[AudioStream] | None) -> None:
        try:
            frames = self._context.decode(packet)
        except BROKEN as broken:
            pass_on_ours(broken)
            return
        for frame in frames:
            if not is_audible(frame.sample_rate, frame.layout.nb_channels):
                continue
            time = self._expected if frame.pts is None else frame.pts * self._base - self._zero
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind != self._kind or abs(time - self._expected) > _GAP_SECONDS:
                self._flush()
                self._kind = kind
                self._resampler = AudioResampler(format="s16", layout="mono", rate=self.RATE)
                self._position = round(max(time, -10.0) * self.RATE)
                self._expected = time
            self._expected += frame.samples / frame.sample_rate
            frame.pts = None
            self._give(frame)

    def finish(self) -> None:
        self.push(None)
        self._flush()
        self._sink.finish()

    def _flush(self) -> None:
        if self._resampler is not None:
            self._give(None)
        self._resampler = None

    def _give(self, frame: Any) -> None:
        if self._resampler is None:
            return
        try:
            pieces = self._resampler.resample(frame)
        except BROKEN as broken:
            pass_on_ours(broken)
            return
        for piece in pieces:
            if piece is None:
                continue
            pcm = np.asarray(piece.to_ndarray(), np.int16).reshape(-1)
            self._sink.feed(self._position, pcm)
            self._position += len(pcm)


@contextmanager
def open_clip(file: BinaryIO, limits: DecodeLimits, *, is_hasty: bool = True) -> Iterator[Clip]:
    """Opens what file (seekable, read-only) holds. is_hasty: as in Clip.

    Raises UndecodableError, NoVideoStreamError, TooLongError, BadDimensionsError, TruncatedError, and whatever
    ProcessorError the file itself raises while it is read.
    """
    with open_container(file) as container:
        yield Clip(container, limits, is_hasty=is_hasty)


def encode_jpeg(rgb: NDArray[np.uint8], quantizer: int | None = None) -> bytes:
    """rgb: uint8 [h, w, 3]. quantizer: 2 (finest) to 31; None: FFmpeg chooses."""
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    frame = frame.reformat(format="yuvj420p", dst_color_range=_FULL_RANGE)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    if quantizer is not None:
        encoder.options = {"qmin": str(quantizer), "qmax": str(quantizer)}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def display_matrix(frame: VideoFrame) -> NDArray[np.int32] | None:
    """The nine numbers that say how the picture is turned and flipped for showing, or None."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(memoryview(cast(Any, data)), np.int32)


def _turned(frame: VideoFrame, matrix: NDArray[np.int32]) -> VideoFrame:
    """yuv420p, as matrix says it is to be shown, without its time."""
    planes = [plane_of(plane) for plane in frame.planes]
    turned = [np.ascontiguousarray(upright(plane, matrix)) for plane in planes]
    height, width = turned[0].shape
    flat = np.concatenate([plane.reshape(-1) for plane in turned])
    return VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format="yuv420p")


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    if not has_luma_plane(frame.format):
        frame = frame.reformat(format="gray", dst_color_range=_FULL_RANGE)
    is_full = frame.color_range == _FULL_RANGE or frame.format.name.startswith(("yuvj", "gray"))
    luma = shrunk(luma_plane(frame))
    return luma if is_full else full_range(luma)


def _shown_size(frame: VideoFrame, video: VideoStream) -> tuple[int, int]:
    aspect = float(video.sample_aspect_ratio or 1) or 1.0
    width, height = max(1, round(frame.width * aspect)), frame.height
    return (height, width) if is_sideways(display_matrix(frame)) else (width, height)


def _index_end(stream: Any) -> int:
    entries = stream.index_entries
    return max((entry.pos + entry.size for entry in entries[-64:]), default=0) if len(entries) else 0
