from __future__ import annotations

import json

import pytest

from wire.media import Media, plays_in_browsers

H264 = Media("mp4", "h264", "yuv420p", "aac")
VP9 = Media("webm", "vp9", "yuv420p", "opus")


@pytest.mark.parametrize(
    "media",
    [
        H264,
        Media("mp4", "h264", "yuvj420p", "mp3"),
        Media("mp4", "h264", "yuv420p", None),
        Media("mp4", "av1", "yuv420p", "opus"),
        VP9,
        Media("webm", "vp8", "yuva420p", "vorbis"),
        Media("webm", "av1", "yuv420p", None),
    ],
)
def test_what_plays(media: Media) -> None:
    assert plays_in_browsers(media)


@pytest.mark.parametrize(
    "media",
    [
        Media("mp4", "hevc", "yuv420p", "aac"),
        Media("mp4", "mpeg4", "yuv420p", "aac"),
        Media("mp4", "prores", "yuv422p10le", "pcm_s16le"),
        Media("mp4", "h264", "yuv420p10le", "aac"),
        Media("mp4", "h264", "yuv422p", "aac"),
        Media("mp4", "h264", "yuv444p", "aac"),
        Media("mp4", "h264", "yuv420p", "pcm_s16le"),
        Media("mp4", "h264", "yuv420p", "ac3"),
        Media("mp4", "h264", "yuv420p", "unknown"),
        Media("mp4", "unknown", "yuv420p", None),
        Media("webm", "h264", "yuv420p", "opus"),
        Media("webm", "vp9", "yuv420p10le", "opus"),
        Media("webm", "vp9", "yuv420p", "aac"),
        Media("avi", "h264", "yuv420p", "mp3"),
    ],
)
def test_what_does_not_play_everywhere(media: Media) -> None:
    assert not plays_in_browsers(media)


def test_as_the_row_keeps_it() -> None:
    assert Media.from_json(json.loads(H264.to_text())) == H264
