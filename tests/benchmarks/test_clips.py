from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality.clips import (
    ClipError,
    dealt,
    described,
    is_audible,
    listened,
    need_ffmpeg,
    no_longer_than,
    videos_in,
)
from tests.benchmarks.scenery import clip

VIDEO = {"codec_type": "video", "width": 640, "height": 360, "avg_frame_rate": "30000/1001", "duration": "9.5"}


def probed(*streams: dict[str, Any], seconds: str = "9.6") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps({"streams": streams, "format": {"duration": seconds}}))
    return told


def test_a_clip_is_described_by_its_picture() -> None:
    found = described(Path("/a/b.mp4"), probed(VIDEO, {"codec_type": "audio"}))
    assert (found.name, found.width, found.height, found.seconds, found.fps) == ("b", 640, 360, 9.5, 29.97)
    assert found.has_sound


def test_a_turned_clip_is_as_it_is_shown() -> None:
    turned = {**VIDEO, "side_data_list": [{"rotation": -90}]}
    assert (described(Path("x"), probed(turned)).width, described(Path("x"), probed(turned)).height) == (360, 640)
    over = {**VIDEO, "side_data_list": [{"rotation": 180}, {}]}
    assert described(Path("x"), probed(over)).width == 640


def test_webm_has_its_length_in_the_container() -> None:
    without = {name: value for name, value in VIDEO.items() if name != "duration"}
    assert described(Path("x.webm"), probed(without)).seconds == 9.6
    assert not described(Path("x.webm"), probed(without)).has_sound


@pytest.mark.parametrize(
    "streams",
    [[], [{"codec_type": "audio"}], [{**VIDEO, "avg_frame_rate": "0/0"}], [{"codec_type": "video"}]],
)
def test_what_is_no_video_is_refused(streams: list[dict[str, Any]]) -> None:
    with pytest.raises((LookupError, ValueError, ZeroDivisionError)):
        described(Path("x"), probed(*streams))


@pytest.mark.parametrize(
    ("told", "audible"),
    [
        ("[x] mean_volume: -91.0 dB\n[x] max_volume: -91.0 dB", False),
        ("[x] max_volume: -4.2 dB", True),
        ("[x] max_volume: 0.0 dB", True),
        ("Output file is empty", False),
    ],
)
def test_a_silent_track_is_no_sound(told: str, audible: bool) -> None:
    assert is_audible(told) is audible


def test_a_clip_without_a_track_is_not_listened_to() -> None:
    mute = clip("mute", sound=False)
    assert listened(mute) is mute


def test_a_missing_tool_is_named_with_the_way_to_get_it() -> None:
    need_ffmpeg(lambda name: f"/bin/{name}")
    with pytest.raises(ClipError, match="ffprobe not found: apt-get install ffmpeg"):
        need_ffmpeg({"ffmpeg": "/bin/ffmpeg"}.get)


def test_a_folder_needs_four_videos_of_different_names(tmp_path: Path) -> None:
    for name in ("c.mp4", "a.webm", "b.MOV", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ClipError, match="holds 3 videos"):
        videos_in(tmp_path)
    (tmp_path / "d.mkv").touch()
    assert [path.name for path in videos_in(tmp_path)] == ["a.webm", "b.MOV", "c.mp4", "d.mkv"]
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ClipError, match="same name"):
        videos_in(tmp_path)


def test_short_clips_are_taken_as_they_are(tmp_path: Path) -> None:
    short = clip("short", seconds=20.4)
    assert no_longer_than(short, 20, tmp_path / "none") is short
    assert not (tmp_path / "none").exists()


CLIPS = [clip(f"clip-{number}", sound=number % 2 == 0, seconds=3 + number) for number in range(40)]


def test_every_clip_plays_one_part() -> None:
    corpus = dealt(CLIPS, None)
    assert len(corpus.fillers) == 5
    assert not set(corpus.fillers) & set(corpus.catalogue)
    assert corpus.altered == corpus.catalogue
    assert {*corpus.fillers, *corpus.catalogue} == set(CLIPS)


def test_fillers_sound_and_last() -> None:
    assert all(filler.has_sound and filler.seconds >= 5 for filler in dealt(CLIPS, None).fillers)


def test_the_order_of_the_folder_does_not_matter() -> None:
    assert dealt(CLIPS, 7) == dealt(CLIPS[::-1], 7)


def test_fewer_sources_leave_the_catalogue_whole() -> None:
    corpus = dealt(CLIPS, 3)
    assert len(corpus.altered) == 3
    assert corpus.altered == corpus.catalogue[:3]
    assert len(corpus.catalogue) == 35


def test_named_clips_are_altered_and_fill_nothing() -> None:
    names = [filler.name for filler in dealt(CLIPS, None).fillers]
    corpus = dealt(CLIPS, None, names)
    assert sorted(each.name for each in corpus.altered) == sorted(names)
    assert not {filler.name for filler in corpus.fillers} & set(names)
    assert len(dealt(CLIPS, 2, names).altered) == 2


def test_unknown_names_and_too_few_clips_are_refused() -> None:
    with pytest.raises(ClipError, match="not in the folder: nobody"):
        dealt(CLIPS, None, ["nobody"])
    with pytest.raises(ClipError, match="too few clips"):
        dealt(CLIPS[:4], None, [each.name for each in CLIPS[:3]])
