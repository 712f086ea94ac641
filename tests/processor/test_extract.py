"""Whole videos and ranges, over clips of many kinds that the tests encode themselves."""

from __future__ import annotations

import base64
import io
import random
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from processor.errors import (
    BadDimensionsError,
    EmptyRangeError,
    MismatchedFragmentsError,
    NoVideoStreamError,
    TooLongError,
    TruncatedError,
    UndecodableError,
)
from processor.extract import Recipe, extract, merge
from processor.limits import DecodeLimits
from tests.processor.clips import Look, loop_clip, picture, turn_clip
from tests.processor.conftest import MakeClip
from wire.fingerprints import Fingerprint, Fragment, unpack, unpack_fragment
from wire.processing import ExtractRequest, ExtractResponse, Tier

RECIPE = Recipe(0.5, 8, DecodeLimits(max_duration=3600, threads=1))
H264 = Look()
VP9 = Look(video="libvpx-vp9", audio="libopus", seed=4)


def answer(
    path: Path,
    start: float | None = None,
    stop: float | None = None,
    *,
    tier: Tier = "standard",
    whole: bool = False,
    recipe: Recipe = RECIPE,
) -> ExtractResponse:
    with path.open("rb") as file:
        return extract(file, ExtractRequest("http://x/", "video-1", start, stop, tier, None, whole), recipe)


def fingerprint(path: Path, **how: object) -> Fingerprint:
    return unpack(base64.b64decode(answer(path, **how).fingerprint))  # type: ignore[arg-type]


def fragment(path: Path, start: float, stop: float, tier: Tier = "standard") -> Fragment:
    return unpack_fragment(base64.b64decode(answer(path, start, stop, tier=tier).fingerprint))


def merged(path: Path, edges: list[float], tier: Tier = "standard") -> str:
    parts = [answer(path, a, b, tier=tier) for a, b in pairwise(edges)]
    random.Random(1).shuffle(parts)
    return merge("video-1", [base64.b64decode(part.fingerprint) for part in parts], None, 8).fingerprint


LOOKS = {
    "h264.mp4": H264,
    "odd-gop.mp4": replace(H264, gop=37, seed=2),
    "open-gop.mp4": replace(H264, gop=30, seed=3, options=(("x264-params", "open-gop=1:bframes=5:b-pyramid=2"),)),
    "intra-refresh.mp4": replace(H264, gop=40, seed=12, options=(("x264-params", "intra-refresh=1:bframes=0"),)),
    "vp9.webm": VP9,
    "vp8.webm": replace(VP9, video="libvpx", audio="libopus", seed=5, seconds=4),
    "hevc.mp4": Look(video="libx265", seed=6, seconds=4, options=(("x265-params", "log-level=none:bframes=4"),)),
    "variable.mp4": replace(H264, drop=(1, 2, 3, 5), seed=7),
    "pcm.mov": replace(H264, audio="pcm_s16le", seed=8),
    "mp3.mp4": replace(H264, audio="mp3", seed=9),
    "fragmented.mp4": replace(H264, seed=10, mux_options=(("movflags", "frag_keyframe+empty_moov"),)),
    "mpeg4.avi": Look(video="mpeg4", audio=None, seed=11, seconds=4),
    "late-sound.mp4": replace(H264, sound_offset=1.2, seed=13),
    "sound-gap.mp4": replace(H264, sound_gap=(2.0, 4.0), seed=14),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("tier", ["standard", "economy", "premium"])
def test_ranges_merge_to_the_very_bytes_of_the_whole(make_clip: MakeClip, name: str, tier: Tier) -> None:
    clip = make_clip(name, LOOKS[name])
    whole = answer(clip, tier=tier)
    dice = random.Random(name)
    edges = [0.0, *sorted(round(dice.uniform(0.01, whole.duration - 0.01), 2) for _ in range(2)), whole.duration]
    assert merged(clip, edges, tier) == whole.fingerprint


@pytest.mark.parametrize("name", ["h264.mp4", "vp9.webm"])
def test_ranges_of_a_long_clip_merge_to_the_whole(make_clip: MakeClip, clip_folder: Path, name: str) -> None:
    """Longer than two sound blocks, cut in their middle and at their edge."""
    looped = clip_folder / f"looped-{name}"
    small = replace(LOOKS[name], width=96, height=54, fps=10, gop=20)
    loop_clip(make_clip(f"small-{name}", small), looped, times=24)
    whole = answer(looped)
    assert whole.duration > 130
    assert len(unpack(base64.b64decode(whole.fingerprint)).codes) > 1000
    assert merged(looped, [0.0, 47.3, 60.0, 121.9, whole.duration]) == whole.fingerprint


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_nothing(make_clip: MakeClip, threads: int) -> None:
    clip = make_clip("h264.mp4", H264)
    recipe = replace(RECIPE, limits=DecodeLimits(3600, threads))
    assert answer(clip, recipe=recipe).fingerprint == answer(clip).fingerprint


def test_what_the_whole_video_answers(make_clip: MakeClip) -> None:
    got = answer(make_clip("h264.mp4", H264))
    kept = unpack(base64.b64decode(got.fingerprint))
    assert got.video_id == "video-1"
    assert got.duration == kept.duration == pytest.approx(6.0, abs=0.01)
    assert (kept.width, kept.height, kept.tier, kept.interval) == (192, 108, "standard", 0.5)
    assert got.frame_count == 12
    assert kept.times.tolist() == [k * 0.5 for k in range(12)]
    assert len(got.video_vector) == 64
    assert np.linalg.norm(got.video_vector) == pytest.approx(1, abs=1e-5)
    assert got.audio_hash is not None
    assert len(got.audio_hash) == 8
    assert len(kept.codes) == pytest.approx((6 - 2.72) / 0.1238, abs=2)
    assert len(set(kept.codes.tolist())) > 10
    assert len(kept.tones) == len(kept.codes) + 19
    assert kept.tones.any(axis=1).all()


def test_samples_are_the_pictures_shown_at_their_times(make_clip: MakeClip) -> None:
    got = fragment(make_clip("h264.mp4", H264), 0, 100)
    for k, small in enumerate(got.thumbnails):
        index = round(k * 0.5 * 25 + 1e-9) if k % 2 == 0 else int(k * 12.5)
        shown = picture(H264, index).astype(float)
        assert np.corrcoef(small.ravel(), _averaged(shown).ravel())[0, 1] > 0.98, k


def test_both_containers_of_one_look_agree(make_clip: MakeClip) -> None:
    one = fingerprint(make_clip("h264.mp4", H264))
    two = fingerprint(make_clip("same.webm", replace(VP9, seed=0)))
    assert float(one.video_vector @ two.video_vector) > 0.98
    assert len(one.codes) == pytest.approx(len(two.codes), abs=1)
    count = min(len(one.codes), len(two.codes))
    assert np.bitwise_count(one.codes[:count] ^ two.codes[:count]).mean() / 32 < 0.1
    rows = min(len(one.tones), len(two.tones))
    assert np.corrcoef(one.tones[:rows].ravel(), two.tones[:rows].ravel())[0, 1] > 0.9


def test_limited_and_full_range_of_one_look_agree(make_clip: MakeClip) -> None:
    limited = fingerprint(make_clip("h264.mp4", H264))
    full = fingerprint(make_clip("full.mp4", replace(H264, full_range=True, pixel_format="yuvj420p")))
    assert np.abs(limited.brightness.astype(int) - full.brightness).max() <= 2
    assert np.abs(limited.contrast.astype(int) - full.contrast).max() <= 2


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p", "yuv420p10le", "gray"])
def test_pixel_formats_agree(make_clip: MakeClip, pixel_format: str) -> None:
    plain = fingerprint(make_clip("h264.mp4", H264))
    other = fingerprint(make_clip(f"{pixel_format}.mp4", replace(H264, pixel_format=pixel_format)))
    assert float(plain.video_vector @ other.video_vector) > 0.98
    assert np.abs(plain.brightness.astype(int) - other.brightness).max() <= 3


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_applied(make_clip: MakeClip, degrees: int) -> None:
    plain = fragment(make_clip("h264.mp4", H264), 0, 100)
    straight = make_clip("h264.mp4", H264)
    clip = turn_clip(straight, straight.with_name(f"turned{degrees}.mp4"), degrees)
    turned = fragment(clip, 0, 100)
    assert (turned.width, turned.height) == ((192, 108) if degrees == 180 else (108, 192))
    expected = np.rot90(plain.thumbnails, degrees // 90, axes=(1, 2))
    assert np.abs(turned.thumbnails.astype(int) - expected).max() <= 2
    width, height = _jpeg(answer(clip)).width, _jpeg(answer(clip)).height
    assert (width > height) is (degrees == 180)


def test_letterbox_is_found(make_clip: MakeClip) -> None:
    kept = fingerprint(make_clip("letterbox.mp4", replace(H264, letterbox=16)))
    assert kept.box[:2] == pytest.approx([16 / 108] * 2, abs=0.02)
    assert kept.box[2:] == pytest.approx([0, 0], abs=0.02)


def test_odd_sizes_decode(make_clip: MakeClip) -> None:
    kept = fingerprint(make_clip("odd.mp4", replace(H264, width=174, height=98, audio=None, seconds=3)))
    assert (kept.width, kept.height) == (174, 98)
    assert len(kept.codes) == 0


def test_silence_and_no_sound_give_no_codes_and_no_tones(make_clip: MakeClip) -> None:
    silent = answer(make_clip("silent.mp4", replace(H264, sound="silence")))
    assert silent.audio_hash is None
    assert len(unpack(base64.b64decode(silent.fingerprint)).codes) == 0
    assert len(unpack(base64.b64decode(silent.fingerprint)).tones) == 0
    assert answer(make_clip("mute.mp4", replace(H264, audio=None))).audio_hash is None


def test_a_silent_clip_in_ranges_is_as_silent(make_clip: MakeClip) -> None:
    clip = make_clip("silent.mp4", replace(H264, sound="silence"))
    whole = answer(clip)
    assert merged(clip, [0, 2.0, 4.4, whole.duration]) == whole.fingerprint
    assert answer(clip, 0, 3).audio_hash is None


def test_sound_keeps_its_place_beside_the_picture(make_clip: MakeClip) -> None:
    plain = fingerprint(make_clip("h264.mp4", H264)).codes
    late = fingerprint(make_clip("late.mp4", replace(H264, sound_offset=12 * 1365 / 11025))).codes
    errors = [np.bitwise_count(plain[: len(late) - k] ^ late[k:][: len(plain)]).mean() for k in range(16)]
    assert int(np.argmin(errors)) == 12


def test_economy_takes_keyframes_at_their_times_and_no_sound(make_clip: MakeClip) -> None:
    kept = fingerprint(make_clip("odd-gop.mp4", LOOKS["odd-gop.mp4"]), tier="economy")
    assert kept.times[0] == 0
    assert set(np.round(kept.times * 25).astype(int).tolist()) >= {0, 37, 50, 87, 100, 137}
    assert len(kept.codes) == len(kept.tones) == 0
    assert kept.tier == "economy"


def test_premium_samples_twice_as_often(make_clip: MakeClip) -> None:
    kept = fingerprint(make_clip("h264.mp4", H264), tier="premium")
    assert kept.interval == 0.25
    assert len(kept.times) == 24


def test_a_clip_of_a_video_is_a_video_of_its_own(make_clip: MakeClip) -> None:
    clip = make_clip("h264.mp4", H264)
    cut = fingerprint(clip, start=2.0, stop=5.0, whole=True)
    parent = fragment(clip, 2.0, 5.0)
    assert cut.duration == 3.0
    assert cut.times.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert np.abs(cut.brightness.astype(int) - np.round(parent.thumbnails.mean(axis=(1, 2)))).max() <= 2
    assert answer(clip, 2.0, 5.0, whole=True).thumbnail is not None


def test_a_range_answers_with_a_fragment(make_clip: MakeClip) -> None:
    got = answer(make_clip("h264.mp4", H264), 1.0, 3.0)
    kept = unpack_fragment(base64.b64decode(got.fingerprint))
    assert got.video_vector == (0.0,) * 64
    assert got.duration == pytest.approx(6.0, abs=0.01)
    assert got.thumbnail is None
    assert (kept.start, kept.stop, kept.first_code) == (1.0, 3.0, 9)
    assert kept.times.tolist() == [1.0, 1.5, 2.0, 2.5]


def test_a_range_past_the_end_stops_at_the_end(make_clip: MakeClip) -> None:
    got = answer(make_clip("h264.mp4", H264), 0, 300)
    assert unpack_fragment(base64.b64decode(got.fingerprint)).stop == got.duration


def test_a_range_outside_the_video_is_refused(make_clip: MakeClip) -> None:
    with pytest.raises(EmptyRangeError, match="lasts only"):
        answer(make_clip("h264.mp4", H264), 7, 9)


def test_the_thumbnail_is_a_small_jpeg(make_clip: MakeClip) -> None:
    jpeg = _jpeg(answer(make_clip("wide.mp4", replace(H264, width=640, height=360, seconds=2, audio=None))))
    assert (jpeg.width, jpeg.height) == (320, 180)
    assert _jpeg(answer(make_clip("h264.mp4", H264))).width == 192


def test_merging_keeps_the_thumbnail_given(make_clip: MakeClip) -> None:
    part = base64.b64decode(answer(make_clip("h264.mp4", H264), 0, 300).fingerprint)
    assert merge("v", [part], "abc=", 8).thumbnail == "abc="


def test_fragments_that_do_not_fit_are_refused(make_clip: MakeClip) -> None:
    clip = make_clip("h264.mp4", H264)
    parts = [base64.b64decode(answer(clip, a, b).fingerprint) for a, b in ((0, 2), (3, 6))]
    for packed in (parts, [b"junk"], [parts[0][:-9]]):
        with pytest.raises(MismatchedFragmentsError, match="cannot be merged"):
            merge("v", packed, None, 8)


def _cut(clip: Path, share: float, name: str) -> Path:
    data = clip.read_bytes()
    target = clip.with_name(name)
    target.write_bytes(data[: int(len(data) * share)])
    return target


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_file_cut_short_is_refused(make_clip: MakeClip, share: float) -> None:
    faststart = make_clip("faststart.mp4", replace(H264, mux_options=(("movflags", "faststart"),)))
    with pytest.raises(TruncatedError):
        answer(_cut(faststart, share, f"cut-{share}.mp4"))
    with pytest.raises(UndecodableError):
        answer(_cut(make_clip("h264.mp4", H264), share, f"cut-moov-{share}.mp4"))


def test_a_webm_cut_in_half_is_refused(make_clip: MakeClip) -> None:
    with pytest.raises(TruncatedError):
        answer(_cut(make_clip("vp9.webm", VP9), 0.5, "cut.webm"))


def test_a_file_that_lacks_its_last_bit_is_taken(make_clip: MakeClip) -> None:
    faststart = make_clip("faststart.mp4", replace(H264, mux_options=(("movflags", "faststart"),)))
    kept = fingerprint(_cut(faststart, 0.8, "cut-last.mp4"))
    assert 9 <= len(kept.times) < 12


def test_damage_in_the_middle_is_survived(make_clip: MakeClip) -> None:
    clip = make_clip("h264.mp4", H264)
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = random.Random(1).randbytes(3000)
    broken = clip.with_name("damaged.mp4")
    broken.write_bytes(data)
    assert len(fingerprint(broken).times) == 12


def test_no_picture_track(make_clip: MakeClip) -> None:
    with pytest.raises(NoVideoStreamError):
        answer(make_clip("sound-only.mp4", replace(H264, video=None)))


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am a text\n" * 50, b"\x00" * 5000, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 300]
)
def test_what_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(UndecodableError):
        answer(path)


def test_a_playlist_reaches_no_other_file(tmp_path: Path, make_clip: MakeClip) -> None:
    """FFmpeg would follow it."""
    secret = make_clip("h264.mp4", H264)
    for text in (f"#EXTM3U\n#EXTINF:6,\nfile://{secret}\n", f"ffconcat version 1.0\nfile '{secret}'\n"):
        path = tmp_path / "video.mp4"
        path.write_text(text)
        with pytest.raises(UndecodableError):
            answer(path)


def test_too_long(make_clip: MakeClip) -> None:
    with pytest.raises(TooLongError, match="6 s"):
        answer(make_clip("h264.mp4", H264), recipe=replace(RECIPE, limits=DecodeLimits(5, 1)))


def test_absurd_dimensions(make_clip: MakeClip) -> None:
    tiny = replace(H264, video="mpeg4", width=6, height=6, audio=None, seconds=1)
    with pytest.raises(BadDimensionsError, match="6 x 6"):
        answer(make_clip("tiny.mp4", tiny))


def test_random_damage_never_does_worse_than_refuse(make_clip: MakeClip) -> None:
    data = make_clip("h264.mp4", H264).read_bytes()
    dice = random.Random(5)
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(dice.choice([1, 10, 200])):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        with suppress(UndecodableError, NoVideoStreamError, TruncatedError, TooLongError, BadDimensionsError):
            assert extract(io.BytesIO(broken), ExtractRequest("http://x/", "v"), RECIPE).frame_count > 0


def _averaged(shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """[48, 48], by a simpler way than the processor's."""
    rows, columns = (np.linspace(0, side, 49).astype(int) for side in shown.shape)
    sums = np.add.reduceat(np.add.reduceat(shown, rows[:-1], axis=0), columns[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(rows), np.diff(columns)))


def _jpeg(got: ExtractResponse) -> av.VideoFrame:
    assert got.thumbnail is not None
    data = base64.b64decode(got.thumbnail)
    assert data.startswith(b"\xff\xd8\xff")
    with av.open(io.BytesIO(data), "r") as image:
        return next(image.decode(video=0))
