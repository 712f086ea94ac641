from __future__ import annotations

import pytest

from processor.errors import BadDimensionsError, TooDemandingError, TooLongError
from processor.limits import (
    AUDIO_CODECS,
    CONTAINERS,
    MAX_CODED_PIXELS,
    MAX_PIXELS,
    VIDEO_CODECS,
    DecodeLimits,
    check_dimensions,
    is_audible,
)

LIMITS = DecodeLimits(max_duration=3600, threads=1)


@pytest.mark.parametrize(("width", "height"), [(8, 8), (3840, 2160), (8192, 4096), (16384, 2048), (5792, 5792)])
def test_usual_sizes(width: int, height: int) -> None:
    check_dimensions(width, height)


@pytest.mark.parametrize(
    ("width", "height"), [(7, 100), (100, 0), (16385, 100), (30000, 30000), (8192, 4097), (-8, -8)]
)
def test_sizes_out_of_bounds(width: int, height: int) -> None:
    with pytest.raises(BadDimensionsError, match=f"{width} x {height}"):
        check_dimensions(width, height)


@pytest.mark.parametrize("side", [5792, 5760, 4096])
def test_a_decoder_may_round_up_what_is_within_bounds(side: int) -> None:
    check_dimensions(side, MAX_PIXELS // side)
    rounded = -(-side // 128) * 128
    assert rounded * (-(-(MAX_PIXELS // side) // 128) * 128) <= MAX_CODED_PIXELS


def test_length() -> None:
    LIMITS.check_duration(3600)
    with pytest.raises(TooLongError, match=r"3601 s, 3600 s are allowed"):
        LIMITS.check_duration(3601)


def test_as_many_pictures_as_the_fastest_camera_makes_in_the_longest_video() -> None:
    LIMITS.check_pictures(3600 * 240)
    with pytest.raises(TooDemandingError, match="lists 2000000 pictures"):
        LIMITS.check_pictures(2_000_000)
    DecodeLimits(max_duration=2, threads=1).check_pictures(50_000)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000, 192000, 384000])
def test_sound_as_it_is(rate: int) -> None:
    assert is_audible(rate, 1)
    assert is_audible(rate, 8)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (1, 1), (999, 2), (2**31 - 1, 2), (44100, 0), (44100, 65535)])
def test_sound_that_nobody_hears(rate: int, channels: int) -> None:
    assert not is_audible(rate, channels)


def test_nothing_on_the_lists_opens_anything_else() -> None:
    """Demuxers that follow references, and codecs of text and of other programs' formats, are not among them."""
    assert set(CONTAINERS.split(",")) == {"mov", "matroska", "avi"}
    known = set(f"{VIDEO_CODECS},{AUDIO_CODECS}".split(","))
    assert not known & {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "ass", "srt", "webvtt", "svg", "tak"}
