"""The parts of `make demo`: scenes that differ and move, copies that are what they say, verdicts told rightly."""

from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.demo import altering
from benchmarks.demo.altering import Clip
from benchmarks.demo.encoding import write
from benchmarks.demo.instance import DemoError, Memory, bare, opened, remembered
from benchmarks.demo.music import RATE, speech, tune
from benchmarks.demo.plan import Item, copies, make, original, originals, plan
from benchmarks.demo.scenes import HEIGHT, SCENES, WIDTH, lamp
from benchmarks.demo.telling import farewell, line, outcome, summary
from benchmarks.demo.uploading import Client
from benchmarks.demo.workshop import Workshop
from wrangler_compat.servers import free_port


def gray(picture: Any) -> Any:
    small = np.asarray(picture, np.float64).mean(axis=2)[::9, ::9]
    return (small - small.mean()) / small.std()


def drawn(seconds: float = 2.0) -> Clip:
    """A clip that is quickly made: every picture of another brightness, a bar at its left."""

    def draw(moment: float) -> altering.Frame:
        frame = np.full((40, 64, 3), int(40 + 60 * moment), np.uint8)
        frame[:, :8] = 250
        return frame

    return Clip(draw, seconds, tune(1, seconds))


# --- scenes and sounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_moves_and_is_the_same_whenever_it_is_drawn(name: str) -> None:
    scene = SCENES[name]()
    first, later = scene(1.0), scene(2.5)
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert np.isfinite(first).all()
    assert np.abs(first - later).mean() > 1.0
    np.testing.assert_array_equal(first, SCENES[name]()(1.0))


def test_no_two_scenes_look_alike() -> None:
    pictures = {name: gray(make_scene()(3.0)) for name, make_scene in SCENES.items()} | {"lamp": gray(lamp(1)(3.0))}
    for one, other in combinations(pictures, 2):
        assert (pictures[one] * pictures[other]).mean() < 0.75, f"{one} and {other}"


def test_sounds_differ_by_seed_and_stay_within_bounds() -> None:
    tunes = [tune(seed, 3.0) for seed in range(3)] + [speech(7, 3.0)]
    assert {len(each) for each in tunes} == {3 * RATE}
    assert all(0.5 < np.abs(each).max() <= 1 for each in tunes)
    assert all(abs(np.corrcoef(one, other)[0, 1]) < 0.2 for one, other in combinations(tunes, 2))


# --- what is done to them -------------------------------------------------------------------------------------------


def test_pictures_are_altered() -> None:
    clip = drawn()
    frame = clip.draw(1.0)
    np.testing.assert_array_equal(altering.mirrored(clip).draw(1.0)[:, -8:], frame[:, :8])
    boxed = altering.letterboxed(clip, 0.1).draw(1.0)
    assert boxed.shape == (48, 64, 3)
    assert not boxed[:4].any()
    np.testing.assert_array_equal(boxed[4:-4], frame)
    np.testing.assert_array_equal(altering.cropped(clip, 0.1).draw(1.0), frame[4:-4, 6:-6])
    assert altering.smaller(clip).draw(1.0).shape == (20, 32, 3)
    assert 0.005 < (altering.with_logo(clip).draw(1.0) != frame).any(axis=2).mean() < 0.1
    assert altering.graded(clip).draw(1.0)[0, -1, 0] != frame[0, -1, 0]


def test_a_picture_in_a_picture_has_the_host_around_it() -> None:
    host = altering.graded(drawn())
    shown = altering.in_picture(drawn(), host).draw(1.0)
    np.testing.assert_array_equal(shown[0], host.draw(1.0)[0])
    np.testing.assert_array_equal(shown[8:28, 20:52], altering.smaller(drawn()).draw(1.0))


def test_time_and_sound_are_altered_together() -> None:
    clip = drawn(4.0)
    assert clip.sound is not None
    part = altering.trimmed(clip, 1.0, 3.0)
    assert part.sound is not None
    assert (part.seconds, len(part.sound)) == (2.0, 2 * RATE)
    np.testing.assert_array_equal(part.draw(0.5), clip.draw(1.5))
    fast = altering.sped_up(clip, 1.25)
    assert fast.sound is not None
    assert (fast.seconds, len(fast.sound)) == (3.2, int(3.2 * RATE))
    np.testing.assert_array_equal(fast.draw(1.0), clip.draw(1.25))
    both = altering.joined(part, fast)
    assert both.sound is not None
    assert both.seconds == pytest.approx(5.2)
    assert len(both.sound) == len(part.sound) + len(fast.sound)
    np.testing.assert_array_equal(both.draw(3.0), fast.draw(1.0))
    assert altering.voiced(clip, speech(1, 4.0)).draw is clip.draw
    assert altering.joined(replace(part, sound=None), fast).sound is None


@pytest.mark.parametrize(("suffix", "codecs"), [(".mp4", ("h264", "aac")), (".webm", ("vp9", "opus"))])
def test_files_play_as_long_as_they_should(tmp_path: Path, suffix: str, codecs: tuple[str, str]) -> None:
    path = write(tmp_path / f"clip{suffix}", drawn())
    with av.open(str(path)) as container:
        assert tuple(stream.codec_context.name.removeprefix("lib") for stream in container.streams) == codecs
        assert sum(1 for _ in container.decode(video=0)) == 30
        assert (container.duration or 0) / av.time_base == pytest.approx(2.0, abs=0.1)
    assert list(tmp_path.iterdir()) == [path]


# --- the plan -------------------------------------------------------------------------------------------------------


def test_the_plan_has_a_dozen_copies_of_what_it_has() -> None:
    items = plan(small=False)
    names = [item.name for item in items]
    assert len(set(names)) == len(names)
    assert [item.name for item in items if item.is_original] == list(SCENES)
    assert len(copies()) >= 12
    assert all(set(item.of) <= set(SCENES) for item in items)
    small = plan(small=True)
    assert 4 <= len(small) < 8
    assert {scene for item in small for scene in item.of} == {item.name for item in small if item.is_original}


def test_the_bytes_of_an_original_are_made_once(tmp_path: Path) -> None:
    again = next(item for item in copies() if item.change is None)
    made = make(again, tmp_path, 1.0)
    stamp = made.stat().st_mtime_ns
    assert make(again.drawn, tmp_path, 1.0) == made
    assert made.stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["harbour.mp4"]


@pytest.mark.parametrize("item", [item for item in copies() if item.change], ids=lambda item: item.name)
def test_every_copy_can_be_drawn_and_heard(item: Item) -> None:
    assert item.change is not None
    copy = item.change(*(original(scene, 2.0) for scene in item.of))
    assert copy.draw(copy.seconds / 2).dtype == np.uint8
    assert copy.sound is not None
    assert len(copy.sound) == pytest.approx(copy.seconds * RATE, abs=2)


def test_the_workshop_makes_in_processes_of_its_own(tmp_path: Path) -> None:
    (item,) = [item for item in originals() if item.name == "billiards"]
    checks: list[None] = []
    with Workshop(tmp_path, 1.0, [item], lambda: checks.append(None)) as files:
        while (path := files.ready(item)) is None:
            files.pause(0.1)
    assert path.stat().st_size > 1000
    assert checks


# --- what is told ---------------------------------------------------------------------------------------------------

ITEMS = plan(small=True)
KNOWN = {item.name: f"id-of-{item.name}" for item in ITEMS}
BY_NAME = {item.name: item for item in ITEMS}


def told(name: str, **video: Any) -> Any:
    return outcome(BY_NAME[name], video, ITEMS, KNOWN)


def test_what_is_expected() -> None:
    assert told("harbour", status="approved").is_expected
    assert told("harbour-again", status="duplicate", duplicate_of="id-of-harbour").is_expected
    assert told("harbour-fast", status="flagged", duplicate_of="id-of-harbour-again").is_expected, "a copy of the same"
    assert not told("harbour-again", status="duplicate", duplicate_of="id-of-billiards").is_expected
    assert not told("harbour-again", status="duplicate", duplicate_of="unknown").is_expected
    assert not told("harbour-again", status="approved").is_expected
    assert not told("harbour", status="flagged", duplicate_of="id-of-billiards").is_expected
    assert not told("harbour", status="processing", failed=True, last_error="no").is_expected


def test_a_line_says_verdict_and_expectation() -> None:
    copy = told("harbour-again", status="duplicate", duplicate_of="id-of-harbour", similarity_score=0.999)
    said = line(copy, 3, 5)
    assert said.startswith(" 3/5  harbour-again      duplicate  as expected. A copy of harbour, 99 % alike.")
    assert said.endswith("It is harbour: the very same bytes.")
    missed = line(told("billiards-trimmed", status="approved"), 4, 5)
    assert "NOT as expected (flagged). Nothing matches it." in missed
    failed = told("harbour", status="processing", failed=True, last_error="The store is gone.")
    assert "failed" in line(failed, 1, 5)
    assert "Twinreel gave up: The store is gone." in line(failed, 1, 5)
    assert summary([copy, failed], 12.3) == "2 videos in 12 s: 1 duplicate, 1 failed. 1 of 2 as expected."


def test_the_farewell_names_the_address_and_each_token() -> None:
    said = farewell("http://127.0.0.1:8787", {"admin": "twr_a", "moderator": "twr_m", "uploader": "twr_u"}, "/data")
    for part in ("http://127.0.0.1:8787/", "twr_a", "twr_m", "twr_u", "/data"):
        assert part in said


# --- the instance ---------------------------------------------------------------------------------------------------


def test_memory_is_its_owner_s_alone(tmp_path: Path) -> None:
    memory = Memory("http://x", {"admin": "twr_a"}, {"harbour": "id"})
    memory.keep(tmp_path)
    assert remembered(tmp_path) == memory
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    assert remembered(tmp_path / "elsewhere") == Memory()


@pytest.mark.parametrize("text", ["{", '{"surprise": 1}', "[]"])
def test_a_damaged_memory_says_what_to_remove(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(DemoError, match=r"Remove .* begins anew"):
        remembered(tmp_path)


def test_servers_of_the_caller_are_not_the_demo_s() -> None:
    given = {"R2_ENDPOINT": "http://store", "DATABASE_URL": "sqlite:////x", "PATH": "/bin", "TWINREEL_TOKEN_FILE": "t"}
    assert bare(given) == {"PATH": "/bin"}


def test_a_folder_that_something_else_uses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "connections.json").write_text(json.dumps({"REDIS_URL": "redis://127.0.0.1:1"}))
    with (tmp_path / "lock").open("a") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        with pytest.raises(DemoError, match="stop it, or name another"), opened(tmp_path, {}, None):
            pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="name another: --folder DIR"), opened(tmp_path / "file" / "demo", {}, None):
        pass


def test_an_api_that_is_not_there_is_a_sentence() -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}", "twr_x") as client,
        pytest.raises(DemoError, match="was not answered"),
    ):
        client.video("0")
