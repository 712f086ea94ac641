"""Renditions of clips that browsers do not play, looked at by decoding them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from processor.decode import open_clip
from processor.errors import NoRoomError, RenditionTooLargeError, TooLongError, UndecodableError
from processor.limits import DecodeLimits
from processor.render import render, unnamed_file
from tests.processor.clips import Look, picture, turn_clip
from tests.processor.conftest import MakeClip
from tests.processor.renditions import Seen, look_at
from wire.media import Media
from wire.renditions import Rendition

LIMITS = DecodeLimits(max_duration=600, threads=1)
LOOK = Look(seconds=2.0, video="libx265")
MOST = 1 << 28


def made(clip: Path, most_bytes: int = MOST, limits: DecodeLimits = LIMITS) -> tuple[Rendition, Seen, list[float]]:
    told: list[float] = []
    with clip.open("rb") as source, unnamed_file(None) as target:
        rendition = render(source, target, "v-1", limits, most_bytes, told.append)
        content = os.pread(target.fileno(), most_bytes, 0)
    assert rendition.size_bytes == len(content)
    return rendition, look_at(content), told


def media(clip: Path) -> Media:
    with clip.open("rb") as source, open_clip(source, LIMITS) as opened:
        return opened.media


@pytest.mark.parametrize(
    ("name", "look", "is_made_of"),
    [
        ("render-hevc.mp4", LOOK, Media("mp4", "hevc", "yuv420p", "aac")),
        ("render-ten-bit.mp4", replace(LOOK, video="libx264", pixel_format="yuv420p10le"), None),
        ("render-pcm.mov", replace(LOOK, video="libx264", pixel_format="yuv422p", audio="pcm_s16le"), None),
        ("render-part2.mp4", replace(LOOK, video="mpeg4", audio="mp3"), Media("mp4", "mpeg4", "yuv420p", "mp3")),
        (
            "render-vp9.webm",
            replace(LOOK, video="libvpx-vp9", audio="libopus"),
            Media("webm", "vp9", "yuv420p", "opus"),
        ),
        ("render-mute.mp4", replace(LOOK, audio=None), Media("mp4", "hevc", "yuv420p", None)),
    ],
)
def test_what_browsers_do_not_play_becomes_what_they_do(
    make_clip: MakeClip, name: str, look: Look, is_made_of: Media | None
) -> None:
    clip = make_clip(name, look)
    assert is_made_of in (None, media(clip))
    rendition, seen, told = made(clip)
    assert (seen.video, seen.pixel_format, seen.sound) == ("h264", "yuv420p", "aac" if look.audio else None)
    assert seen.size == (rendition.width, rendition.height) == (192, 108)
    assert seen.seconds == pytest.approx(2.0, abs=0.05)
    assert rendition.duration == pytest.approx(2.0, abs=0.05)
    assert len(seen.pictures) == 50
    assert seen.is_index_first
    assert told == sorted(told)
    assert 0.9 < told[-1] <= 1.0
    # The very pictures, in the range that the limited one stands for.
    for index in (0, 30, 49):
        shown = seen.pictures[index].astype(float)
        assert np.corrcoef(shown.ravel(), picture(look, index).astype(float).ravel())[0, 1] > 0.97
    if look.audio:
        assert seen.sound_seconds == pytest.approx(2.0, abs=0.1)
        assert seen.loudness_at(1.0) > 0.05


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_is_made_upright(make_clip: MakeClip, tmp_path: Path, degrees: int) -> None:
    straight = make_clip("render-hevc.mp4", LOOK)
    _, before, _ = made(straight)
    rendition, seen, _ = made(turn_clip(straight, tmp_path / "turned.mp4", degrees))
    assert (rendition.width, rendition.height) == ((192, 108) if degrees == 180 else (108, 192))
    expected = np.rot90(before.pictures[0], degrees // 90)
    assert np.corrcoef(seen.pictures[0].ravel(), expected.ravel())[0, 1] > 0.99


def test_a_large_video_has_720_lines(make_clip: MakeClip) -> None:
    rendition, seen, _ = made(make_clip("render-large.mp4", Look(width=1920, height=1080, seconds=0.4, video="mpeg4")))
    assert seen.size == (rendition.width, rendition.height) == (1280, 720)


def test_pixels_that_are_not_square_become_so(make_clip: MakeClip, tmp_path: Path) -> None:
    source, target = make_clip("render-hevc.mp4", LOOK), tmp_path / "wide.mov"
    with av.open(str(source)) as clip, av.open(str(target), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 192, 108, "yuv420p"
        stream.sample_aspect_ratio = stream.codec_context.sample_aspect_ratio = 2  # type: ignore[assignment]
        for frame in clip.decode(video=0):
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    rendition, seen, _ = made(target)
    assert seen.size == (rendition.width, rendition.height) == (384, 108)


def test_sound_that_begins_late_or_has_a_gap_stays_where_it_is(make_clip: MakeClip) -> None:
    late = replace(
        LOOK, seconds=3.0, video="libvpx-vp9", audio="libopus", sound="tone", sound_offset=0.5, sound_gap=(1.0, 2.0)
    )
    _, seen, _ = made(make_clip("render-late.webm", late))
    assert seen.sound_seconds == pytest.approx(3.5, abs=0.1)
    loud = [seen.loudness_at(time) for time in (0.3, 0.8, 1.3, 2.0, 2.7, 3.2)]
    assert [level > 0.01 for level in loud] == [False, True, True, False, True, True], loud


def test_a_still_at_the_end_is_shown_as_long_as_in_the_video(make_clip: MakeClip) -> None:
    """Of each seven pictures the last six are left out, the last of all too."""
    still = replace(LOOK, seconds=4.0, drop=(1, 2, 3, 4, 5, 6), fps=7)
    rendition, seen, _ = made(make_clip("render-still.mp4", still))
    assert seen.seconds == pytest.approx(rendition.duration, abs=0.2)


def test_too_large_a_rendition_is_refused(make_clip: MakeClip) -> None:
    with pytest.raises(RenditionTooLargeError):
        made(make_clip("render-hevc.mp4", LOOK), most_bytes=10_000)


def test_too_long_a_video_is_refused(make_clip: MakeClip) -> None:
    with pytest.raises(TooLongError):
        made(make_clip("render-hevc.mp4", LOOK), limits=DecodeLimits(max_duration=1.0, threads=1))


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_bytes(b"this is text " * 1000)
    with pytest.raises(UndecodableError):
        made(tmp_path / "text.mp4")


def test_nothing_is_left_in_the_folder(make_clip: MakeClip, tmp_path: Path) -> None:
    with make_clip("render-hevc.mp4", LOOK).open("rb") as source, unnamed_file(str(tmp_path)) as target:
        render(source, target, "v-1", LIMITS, MOST, lambda share: None)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), unnamed_file(str(tmp_path / "gone")):
        raise AssertionError("there is no such folder")


def test_a_full_disk_is_no_fault_of_the_video(make_clip: MakeClip) -> None:
    clip = make_clip("render-hevc.mp4", LOOK)
    with (
        clip.open("rb") as source,
        open("/dev/full", "r+b", buffering=0) as full,
        pytest.raises(NoRoomError) as refused,
    ):
        render(source, full, "v-1", LIMITS, MOST, lambda share: None)
    assert refused.value.retryable
