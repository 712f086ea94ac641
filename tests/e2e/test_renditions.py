"""What browsers do not play, through real processes, to a rendition that they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.system import BUCKET, System, eventually, running_system
from tests.processor.clips import Look, loop_clip, write_clip
from tests.processor.renditions import Seen, look_at

HEVC = Look(width=192, height=108, seconds=8.0, fps=12, video="libx265")
TEN_BITS = replace(HEVC, video="libx264", pixel_format="yuv420p10le")
# Long enough that something can be done while it is made, and no longer: others go first on a machine that is busy.
LONG = Look(width=320, height=180, seconds=4.0, fps=15, video="mpeg4")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("twinreel-renditions")
    (folder / "made").mkdir()
    with running_system(folder, RENDITIONS="unplayable", RENDITION_FOLDER=str(folder / "made")) as system:
        yield system


def rendition(system: System, video_id: str) -> dict[str, object] | None:
    rows = system.rows("SELECT * FROM renditions WHERE video_id = ?", video_id)
    return rows[0] if rows else None


def stored(system: System, video_id: str) -> list[Path]:
    return [path for path in (system.folder / "s3" / BUCKET / "processed" / video_id).rglob("*") if path.is_file()]


def wait_until_made(system: System, video_id: str) -> Seen:
    eventually(lambda: (system.video(video_id).get("rendition") or {}).get("status") == "made", "a rendition")
    return look_at(httpx.get(system.video(video_id)["playback_url"]).content)


def wait_until_under_way(system: System, video_id: str) -> None:
    """It is claimed, and not made."""

    def is_under_way() -> bool:
        found = rendition(system, video_id)
        assert found is None or found["status"] in ("pending", "processing"), f"too late: {found}"
        return found is not None and found["status"] == "processing"

    eventually(is_under_way, f"a rendition of {video_id} is under way", pause=0.01)


def long_clip(folder: Path, seed: int) -> Path:
    """A minute."""
    return loop_clip(write_clip(folder / "piece.mp4", replace(LONG, seed=seed)), folder / f"long-{seed}.mp4", 15)


@pytest.mark.parametrize(("seed", "look"), [(201, HEVC), (202, TEN_BITS)])
def test_it_is_decided_first_and_then_made_into_what_browsers_play(
    system: System, tmp_path: Path, seed: int, look: Look
) -> None:
    video_id = system.upload(write_clip(tmp_path / "a.mp4", replace(look, seed=seed)))
    assert system.verdict(video_id)["status"] == "approved"
    seen = wait_until_made(system, video_id)
    assert (seen.container, seen.video, seen.pixel_format) == ("mov,mp4,m4a,3gp,3g2,mj2", "h264", "yuv420p")
    assert (seen.sound, seen.size) == ("aac", (192, 108))
    # The last one once more, so that it is shown until the end.
    assert len(seen.pictures) in (96, 97)
    assert seen.seconds == pytest.approx(8.0, abs=0.1)
    assert seen.sound_seconds == pytest.approx(8.0, abs=0.2)
    assert seen.is_index_first
    video = system.video(video_id)
    assert video["r2_url"] != video["playback_url"]
    assert list((system.folder / "made").iterdir()) == []
    assert system.run("consumer", "doctor", "--older-than", "60").returncode == 0


def test_what_plays_is_left_as_it_is(system: System, tmp_path: Path) -> None:
    video_id = system.upload(write_clip(tmp_path / "a.mp4", replace(HEVC, seed=203, video="libx264")))
    video = system.verdict(video_id)
    assert httpx.get(video["playback_url"]).content == (tmp_path / "a.mp4").read_bytes()
    (row,) = system.rows("SELECT plays FROM videos WHERE id = ?", video_id)
    assert row["plays"] == 1
    assert rendition(system, video_id) is None


def test_the_processor_dies_in_the_middle(system: System, tmp_path: Path) -> None:
    video_id = system.upload(long_clip(tmp_path, 204))
    system.verdict(video_id)
    wait_until_under_way(system, video_id)
    system.processes["processor"].kill()
    assert stored(system, video_id) == []
    assert list((system.folder / "made").iterdir()) == []
    system.processes["processor"].start()
    seen = wait_until_made(system, video_id)
    assert seen.size == (320, 180)
    assert seen.seconds == pytest.approx(60.0, abs=0.5)
    found = rendition(system, video_id)
    assert found is not None
    assert found["attempt_count"] == 2


def test_the_consumer_dies_in_the_middle(system: System, tmp_path: Path) -> None:
    video_id = system.upload(long_clip(tmp_path, 205))
    system.verdict(video_id)
    wait_until_under_way(system, video_id)
    system.processes["consumer"].kill()
    system.processes["consumer"].start()
    assert wait_until_made(system, video_id).seconds == pytest.approx(60.0, abs=0.5)


def test_a_video_deleted_in_the_middle_leaves_nothing(system: System, tmp_path: Path) -> None:
    video_id = system.upload(long_clip(tmp_path, 206))
    system.verdict(video_id)
    wait_until_under_way(system, video_id)
    system.delete(video_id)
    other = system.upload(write_clip(tmp_path / "b.mp4", replace(HEVC, seed=207)))
    wait_until_made(system, other)
    assert rendition(system, video_id) is None
    assert stored(system, video_id) == []
    eventually(lambda: system.count("purges", video_id) == 0, "its purge is over")
    assert stored(system, video_id) == []
    assert [path for path in (system.folder / "s3" / BUCKET).rglob(f"*{video_id}*") if path.is_file()] == []
