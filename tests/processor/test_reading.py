"""What is decoded and what is not, with packets that only have times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from processor.reading import PictureReader, SoundBlock, SoundReader, packet_end, packet_time
from processor.sampling import GridSampler

BASE = Fraction(1, 100)


@dataclass
class Packet:
    """Times in hundredths of a second."""

    pts: int | None
    dts: int | None = None
    duration: int | None = 4
    time_base: Fraction = BASE


@dataclass
class Context:
    name: str = "h264"
    skip_frame: str = "ALL"


@dataclass
class Stream:
    codec_context: Context = field(default_factory=Context)
    time_base: Fraction = BASE


@dataclass
class Video:
    """A decoder that gives each packet back as its frame, and notes how it was told to decode it."""

    stream: Stream = field(default_factory=Stream)
    decoded: list[tuple[int, str]] = field(default_factory=list)
    shown: list[tuple[float, int | None]] = field(default_factory=list)
    flushes: int = 0

    def decode(self, packet: Packet | None) -> list[Packet]:
        if packet is None:
            self.flushes += 1
            return []
        assert packet.pts is not None
        self.decoded.append((packet.pts, self.stream.codec_context.skip_frame))
        return [packet]

    def reader(self, start: float, stop: float, *, zero: float = 0.0, is_exact: bool = False) -> PictureReader[Packet]:
        sampler: GridSampler[Packet] = GridSampler(start, stop, 0.5, self._show)
        return PictureReader(self.stream, sampler, zero, self.decode, lambda frame: frame, is_exact=is_exact)

    def _show(self, time: float, packet: Packet) -> None:
        self.shown.append((time, packet.pts))


def feed(reader: PictureReader[Packet], stamps: Iterable[int], end: float) -> None:
    for stamp in stamps:
        reader.push(Packet(stamp))
    reader.finish(end)


def test_only_pictures_that_are_sampled_are_decoded_for_certain() -> None:
    video = Video()
    feed(video.reader(0, 1.0), range(0, 100, 4), 1.0)
    assert [stamp for stamp, how in video.decoded if how == "DEFAULT"] == [0, 48]
    assert {how for _, how in video.decoded} == {"DEFAULT", "NONREF"}
    assert video.shown == [(0.0, 0), (0.5, 48)]


def test_outside_the_range_nothing_is_decoded_for_certain() -> None:
    video = Video()
    feed(video.reader(1.0, 1.5), range(0, 200, 4), 2.0)
    assert [stamp for stamp, how in video.decoded if how == "DEFAULT"] == [100]
    assert video.shown == [(1.0, 100)]


@pytest.mark.parametrize("codec", ["vp9", "libdav1d", "mjpeg"])
def test_codecs_that_cannot_skip_decode_everything(codec: str) -> None:
    video = Video(Stream(Context(codec)))
    feed(video.reader(0, 1.0), range(0, 100, 4), 1.0)
    assert {how for _, how in video.decoded} == {"DEFAULT"}


def test_exact_reading_decodes_everything() -> None:
    video = Video()
    feed(video.reader(0, 1.0, is_exact=True), range(0, 100, 4), 1.0)
    assert {how for _, how in video.decoded} == {"DEFAULT"}


def test_times_count_from_zero_of_the_span() -> None:
    video = Video()
    feed(video.reader(0, 0.6, zero=10.0), range(1000, 1100, 4), 11.0)
    assert video.shown == [(0.0, 1000), (0.5, 1048)]


def test_after_the_last_sample_nothing_is_decoded_any_more() -> None:
    video = Video()
    feed(video.reader(0, 0.6), range(0, 10_000, 4), 100.0)
    assert max(stamp for stamp, _ in video.decoded) < 200


def test_the_last_picture_lasts_to_an_announced_end_that_is_near() -> None:
    video = Video()
    feed(video.reader(0, 9), range(0, 100, 4), 1.7)
    assert [time for time, _ in video.shown] == [0.0, 0.5, 1.0, 1.5]
    assert video.flushes == 1


def test_but_not_to_one_that_is_far() -> None:
    video = Video()
    feed(video.reader(0, 9), range(0, 100, 4), 9.0)
    assert [time for time, _ in video.shown] == [0.0, 0.5]


def test_a_first_picture_after_it_was_needed_is_late() -> None:
    video = Video()
    reader = video.reader(1.0, 2.0)
    for stamp in range(140, 300, 4):
        reader.push(Packet(stamp))
    assert reader.is_late
    assert not video.reader(1.0, 2.0).is_late


def test_packet_times() -> None:
    assert packet_time(Packet(50)) == 0.5
    assert packet_time(Packet(None, 25)) == 0.25
    assert packet_end(Packet(50, duration=10)) == 0.6
    assert packet_end(Packet(50, duration=None)) == 0.5


@dataclass
class Sink:
    fed: list[int] = field(default_factory=list)
    is_finished: bool = False

    def feed(self, position: int, pcm: NDArray[np.int16]) -> None:
        self.fed.append(position)

    def finish(self) -> None:
        self.is_finished = True


@dataclass
class SoundDecoder:
    sink: Sink

    def push(self, packet: Packet) -> None:
        assert not self.sink.is_finished
        self.sink.feed(packet.pts or 0, np.zeros(1, np.int16))

    def finish(self) -> None:
        self.sink.finish()


def sound_reader(*edges: tuple[float, float], zero: float = 0.0) -> tuple[SoundReader, list[Sink]]:
    sinks = [Sink() for _ in edges]
    blocks = [SoundBlock(opens, closes, sink) for (opens, closes), sink in zip(edges, sinks, strict=True)]
    by_id = {id(sink): sink for sink in sinks}
    return SoundReader(zero, blocks, lambda sink: SoundDecoder(by_id[id(sink)])), sinks


def test_each_block_gets_its_packets_and_neighbours_overlap() -> None:
    reader, (one, two) = sound_reader((-math.inf, 0.6), (0.4, 0.9))
    for stamp in range(0, 120, 10):
        reader.push(Packet(stamp))
    assert one.fed == [0, 10, 20, 30, 40, 50]
    assert two.fed == [40, 50, 60, 70, 80]
    assert one.is_finished
    assert two.is_finished
    assert reader.is_done


def test_packets_before_the_first_block_are_left_out() -> None:
    reader, (one,) = sound_reader((0.5, 9.0))
    for stamp in (10, 49, 50, 51):
        reader.push(Packet(stamp))
    assert one.fed == [50, 51]
    assert not reader.is_done
    reader.finish()
    assert one.is_finished


def test_a_gap_over_a_whole_block_leaves_it_silent() -> None:
    reader, (one, two, three) = sound_reader((-math.inf, 1.0), (0.9, 2.0), (1.9, 3.0))
    for stamp in (0, 50, 210, 250):
        reader.push(Packet(stamp))
    reader.finish()
    assert (one.fed, two.fed, three.fed) == ([0, 50], [], [210, 250])
    assert two.is_finished


def test_sound_times_count_from_zero_of_the_span() -> None:
    reader, (one,) = sound_reader((0.0, 1.0), zero=10.0)
    for stamp in (990, 1000, 1099, 1100):
        reader.push(Packet(stamp))
    assert one.fed == [1000, 1099]
