"""How much is read and decoded, and what a hostile or odd file can do, through the real FFmpeg."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from processor.decode import Clip, Picture, encode_jpeg, open_clip
from processor.errors import SourceUnreachableError, TimedOutError
from processor.limits import DecodeLimits
from processor.reading import SoundBlock, Span
from processor.source import RemoteFile
from processor.transport import RangeClient
from tests.processor.clips import Look, loop_clip
from tests.processor.conftest import MakeClip
from tests.processor.range_server import RangeServer

LIMITS = DecodeLimits(max_duration=3600, threads=1)
RICH = Look(width=320, height=180, seconds=12, gop=100, audio="aac", options=(("crf", "12"), ("sc_threshold", "0")))


class Heard:
    """A sound sink that keeps all of it."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.pieces: list[NDArray[np.int16]] = []
        self.is_finished = False

    def feed(self, position: int, pcm: NDArray[np.int16]) -> None:
        if self.first is None:
            self.first = position
        self.pieces.append(pcm)

    def finish(self) -> None:
        self.is_finished = True

    @property
    def pcm(self) -> NDArray[np.int16]:
        return np.concatenate(self.pieces)


def played(clip: Clip, span: Span, heard: Heard | None = None) -> list[float]:
    times: list[float] = []

    def emit(time: float, picture: Picture) -> None:
        assert picture.luma().dtype == np.uint8
        times.append(time)

    sound = [] if heard is None else [SoundBlock(-np.inf, np.inf, heard)]
    clip.play(span, emit, sound)
    return times


def bytes_read(server: RangeServer, path: Path, span: Span) -> float:
    """As a share of the file."""
    client = RangeClient(server.url(path.name), deadline=time.monotonic() + 60)
    with RemoteFile(client) as file, open_clip(file, LIMITS) as clip:  # type: ignore[arg-type]
        assert played(clip, span)
    return client.bytes_read / path.stat().st_size


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_keyframes_alone_read_a_small_part_of_the_file(make_clip: MakeClip, server: RangeServer, suffix: str) -> None:
    look = RICH if suffix == "mp4" else replace(RICH, video="libvpx-vp9", audio="libopus", options=(("b", "2M"),))
    seed = make_clip(f"rich.{suffix}", look)
    path = seed.with_name(f"rich-looped.{suffix}")
    loop_clip(seed, path, times=6)
    whole = Span(0, 0, 1e6, 0.5)
    assert path.stat().st_size > 4_000_000
    assert bytes_read(server, path, replace(whole, keyframes_only=True)) < 0.5
    assert 0.9 < bytes_read(server, path, whole) < 1.2


def test_a_range_reads_little_more_than_itself(make_clip: MakeClip, server: RangeServer) -> None:
    path = make_clip("rich.mp4", RICH).with_name("rich-for-range.mp4")
    loop_clip(make_clip("rich.mp4", RICH), path, times=6)
    assert bytes_read(server, path, Span(0, 40.0, 44.0, 0.5)) < 0.45


def test_sound_is_mono_at_11025_hz_and_in_its_place(make_clip: MakeClip) -> None:
    heard = Heard()
    with make_clip("tone.mp4", Look(seconds=3, sound="tone")).open("rb") as file, open_clip(file, LIMITS) as clip:
        assert clip.has_sound
        played(clip, Span(0, 0, 3, 0.5), heard)
    assert abs(heard.first or 0) < 600
    assert len(heard.pcm) == pytest.approx(3 * 11025, abs=2500)
    assert 3000 < np.abs(heard.pcm.astype(int)).max() < 12000


def test_sound_that_begins_later_is_placed_later(make_clip: MakeClip) -> None:
    heard = Heard()
    look = Look(seconds=3, sound="tone", sound_offset=1.0)
    with make_clip("tone-late.mp4", look).open("rb") as file, open_clip(file, LIMITS) as clip:
        played(clip, Span(0, 0, 3, 0.5), heard)
    assert heard.first == pytest.approx(11025, abs=600)


def test_a_clip_can_be_played_again_and_in_any_order(make_clip: MakeClip) -> None:
    with make_clip("h264.mp4", Look()).open("rb") as file, open_clip(file, LIMITS) as clip:
        late = played(clip, Span(0, 4.0, 5.0, 0.5))
        early = played(clip, Span(0, 0.0, 1.0, 0.5))
        again = played(clip, Span(0, 4.0, 5.0, 0.5))
    assert (late, early) == ([4.0, 4.5], [0.0, 0.5])
    assert again == late


def test_a_span_counts_from_its_offset(make_clip: MakeClip) -> None:
    with make_clip("h264.mp4", Look()).open("rb") as file, open_clip(file, LIMITS) as clip:
        assert played(clip, Span(3.0, 0, 1.0, 0.5)) == [0.0, 0.5]


def test_blocks_are_finished_as_soon_as_their_time_is_over(make_clip: MakeClip) -> None:
    early, late = Heard(), Heard()

    def emit(time: float, picture: Picture) -> None:
        if time >= 8:
            assert early.is_finished
            assert not late.is_finished

    with make_clip("rich.mp4", RICH).open("rb") as file, open_clip(file, LIMITS) as clip:
        clip.play(Span(0, 0, 1e6, 0.5), emit, [SoundBlock(-np.inf, 3, early), SoundBlock(2, np.inf, late)])
    assert late.is_finished


@pytest.mark.parametrize("rotation", [0, 90])
def test_pictures_do_not_wait_for_the_garbage_collector(make_clip: MakeClip, rotation: int) -> None:
    look = Look(width=96, height=54, seconds=8, audio=None, rotation=rotation)
    with make_clip(f"no-garbage-{rotation}.mp4", look).open("rb") as file, open_clip(file, LIMITS) as clip:
        gc.collect()
        gc.disable()
        try:
            assert len(played(clip, Span(0, 0, 1e6, 0.5))) == 16
            waiting = sum(isinstance(each, VideoFrame) for each in gc.get_objects())
        finally:
            gc.enable()
    assert waiting < 5


def test_what_the_source_says_is_not_lost_in_ffmpeg(make_clip: MakeClip, server: RangeServer) -> None:
    path = make_clip("rich.mp4", RICH).with_name("rich-unreachable.mp4")
    loop_clip(make_clip("rich.mp4", RICH), path, times=3)
    client = RangeClient(server.url(path.name), deadline=time.monotonic() + 60)
    with RemoteFile(client) as file, open_clip(file, LIMITS) as clip:  # type: ignore[arg-type]
        server.manners.fail_next = 10_000
        with pytest.raises(SourceUnreachableError, match="503"):
            played(clip, Span(0, 0, 1e6, 0.5))


def test_the_deadline_reaches_through_ffmpeg(make_clip: MakeClip, server: RangeServer) -> None:
    path = make_clip("rich.mp4", RICH).with_name("rich-slow.mp4")
    loop_clip(make_clip("rich.mp4", RICH), path, times=3)
    client = RangeClient(server.url(path.name), deadline=time.monotonic() + 1.5)
    with RemoteFile(client) as file, open_clip(file, LIMITS) as clip:  # type: ignore[arg-type]
        time.sleep(1.6)
        with pytest.raises(TimedOutError):
            played(clip, Span(0, 0, 1e6, 0.5))


def test_pixel_aspect_widens_what_is_shown(make_clip: MakeClip) -> None:
    wide = Look(seconds=1, audio=None, options=(("x264-params", "sar=4/3"),))
    with make_clip("anamorphic.mp4", wide).open("rb") as file, open_clip(file, LIMITS) as clip:
        assert (clip.width, clip.height) == (256, 108)


@pytest.mark.parametrize("shape", [(64, 96, 3), (33, 47, 3)])
def test_jpegs_of_any_size(shape: tuple[int, int, int]) -> None:
    data = encode_jpeg(np.full(shape, 128, np.uint8))
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
