"""Packets in file order -> the pictures and the sound that a span needs. Knows of no codec library.

Packets and frames are PyAV's; only their times are looked at here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from processor.sampling import GridSampler, Lookahead

_Picture = TypeVar("_Picture")

_SKIPPABLE_CODECS = frozenset({"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video"})
"""Those whose decoder can leave out a picture that no other refers to, decided packet by packet."""

_NEAR_END_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a video that is read: [start, stop) counted from offset, which is counted from the first picture.

    Seconds. interval: between samples. is_exact: decode every picture as the standard says, loop filter included.
    """

    offset: float
    start: float
    stop: float
    interval: float
    keyframes_only: bool = False
    is_exact: bool = False


class SoundSink(Protocol):
    """Takes the sound of one block: `processor.sound.BlockSound`."""

    def feed(self, position: int, pcm: NDArray[np.int16]) -> None: ...

    def finish(self) -> object: ...


class SoundDecoder(Protocol):
    """Decodes packets into one SoundSink."""

    def push(self, packet: Any) -> None: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """Decode the packets with opens_at <= time < closes_at (seconds, counted from Span.offset) into sink."""

    opens_at: float
    closes_at: float
    sink: SoundSink


class PictureReader(Generic[_Picture]):
    """Packets of the picture -> frames -> sampler, decoding no more than the samples need.

    zero: where the sampler's time begins, in the file's time. decode: None flushes. wrap: makes the sampler's picture
    of a frame.
    """

    def __init__(
        self,
        stream: Any,
        sampler: GridSampler[_Picture],
        zero: float,
        decode: Callable[[Any], Iterable[Any]],
        wrap: Callable[[Any], _Picture],
        *,
        is_exact: bool,
    ) -> None:
        self._sampler = sampler
        self._zero = zero
        self._decode = decode
        self._wrap = wrap
        self._lookahead: Lookahead[Any] = Lookahead()
        self._base = float(stream.time_base or 1)
        self._context = stream.codec_context
        self._can_skip = not is_exact and self._context.name in _SKIPPABLE_CODECS
        self._context.skip_frame = "DEFAULT"
        self._end = 0.0

    @property
    def is_late(self) -> bool:
        return self._sampler.is_late

    def push(self, packet: Any) -> None:
        if self._sampler.is_done:
            return
        self._end = max(self._end, packet_end(packet) - self._zero)
        for ready in self._lookahead.push(packet, packet_time(packet) - self._zero):
            self._take(*ready)

    def finish(self, announced_end: float) -> None:
        """No packet follows. The last picture stays until announced_end (in the file's time) when that is near."""
        for ready in self._lookahead.flush():
            self._take(*ready)
        self._context.skip_frame = "DEFAULT"
        self._show(self._decode(None))
        announced = announced_end - self._zero
        self._sampler.finish(announced if announced - self._end < _NEAR_END_SECONDS else self._end)

    def _take(self, packet: Any, shown_from: float, shown_until: float) -> None:
        if self._can_skip:
            self._context.skip_frame = "DEFAULT" if self._sampler.wants(shown_from, shown_until) else "NONREF"
        self._show(self._decode(packet))

    def _show(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            if frame.pts is not None:
                self._sampler.push(frame.pts * self._base - self._zero, self._wrap(frame))


class SoundReader:
    """Packets of the sound -> the decoders of the blocks that they belong to.

    zero: where the blocks' time begins, in the file's time. blocks: in order of time.
    """

    def __init__(
        self, zero: float, blocks: Sequence[SoundBlock], open_decoder: Callable[[SoundSink], SoundDecoder]
    ) -> None:
        self._zero = zero
        self._waiting = deque(blocks)
        self._open_decoder = open_decoder
        self._open: list[tuple[SoundBlock, SoundDecoder]] = []

    @property
    def is_done(self) -> bool:
        return not self._waiting and not self._open

    def push(self, packet: Any) -> None:
        time = packet_time(packet) - self._zero
        while self._waiting and time >= self._waiting[0].opens_at:
            block = self._waiting.popleft()
            self._open.append((block, self._open_decoder(block.sink)))
        for block, decoder in list(self._open):
            if time >= block.closes_at:
                decoder.finish()
                self._open.remove((block, decoder))
            else:
                decoder.push(packet)

    def finish(self) -> None:
        for _, decoder in self._open:
            decoder.finish()
        self._open.clear()


def packet_time(packet: Any) -> float:
    """When it is shown or heard, in the file's time. Seconds."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return float((stamp or 0) * packet.time_base)


def packet_end(packet: Any) -> float:
    return packet_time(packet) + float((packet.duration or 0) * packet.time_base)
