"""Real videos through real processes: upload, verdict, and what follows from it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.system import BUCKET, MAX_DURATION, RANGE_SECONDS, ROOT, System, eventually
from tests.processor.clips import Look, loop_clip, write_clip, write_webm
from wire.fingerprints import CODE_SECONDS, unpack

LOOK = Look(width=192, height=108, seconds=8.0, fps=12)


def clip(folder: Path, seed: int) -> Path:
    return write_clip(folder / f"clip-{seed}.mp4", replace(LOOK, seed=seed))


def copy_of(folder: Path, seed: int) -> Path:
    """The same as WebM, smaller."""
    return write_webm(folder / f"copy-{seed}.webm", replace(LOOK, seed=seed, width=160, height=90))


def test_a_new_video_is_approved_and_its_copy_in_another_encoding_is_a_duplicate(
    system: System, tmp_path: Path
) -> None:
    original = system.upload(clip(tmp_path, 1))
    video = system.verdict(original)
    assert video["status"] == "approved", video
    assert video["duration"] == 8
    assert httpx.get(video["r2_url"]).content == (tmp_path / "clip-1.mp4").read_bytes()

    copy = system.upload(copy_of(tmp_path, 1))
    video = system.verdict(copy)
    assert (video["status"], video["duplicate_of"]) == ("duplicate", original), video
    assert video["similarity_score"] >= 0.95
    assert video["matches"][0]["segments"]


def test_unrelated_videos_are_approved(system: System, tmp_path: Path) -> None:
    for seed in (11, 12, 13):
        video = system.verdict(system.upload(clip(tmp_path, seed)))
        assert video["status"] == "approved", video


def test_twins_in_different_encodings_at_the_same_instant(system: System, tmp_path: Path) -> None:
    for seed in (21, 22, 23):
        clips = [clip(tmp_path, seed), copy_of(tmp_path, seed)]
        with ThreadPoolExecutor(2) as both:
            videos = list(both.map(system.upload, clips))
        verdicts = sorted(system.verdict(video_id)["status"] for video_id in videos)
        assert verdicts == ["approved", "duplicate"]


def test_a_deleted_originals_copy_takes_its_place(system: System, tmp_path: Path) -> None:
    original = system.upload(clip(tmp_path, 31))
    system.verdict(original)
    copy = system.upload(copy_of(tmp_path, 31))
    assert system.verdict(copy)["status"] == "duplicate"
    system.delete(original)
    eventually(lambda: system.video(copy)["status"] == "approved", "the copy is approved")
    again = system.verdict(system.upload(clip(tmp_path, 31)))
    assert (again["status"], again["duplicate_of"]) == ("duplicate", copy), again
    eventually(lambda: system.count("segment_vectors", original) == 0, "its vectors are gone")


def test_a_long_video_is_fingerprinted_in_ranges(system: System, tmp_path: Path) -> None:
    piece = write_clip(tmp_path / "piece.mp4", replace(LOOK, seed=41, width=96, height=54, seconds=20.0, fps=10))
    long = loop_clip(piece, tmp_path / "long.mp4", 9)
    video = system.verdict(system.upload(long))
    assert video["status"] == "approved", video
    assert 175 <= video["duration"] <= 185
    (row,) = system.rows("SELECT fingerprint_id FROM videos WHERE id = ?", video["video_id"])
    fingerprint = unpack((system.folder / "s3" / BUCKET / row["fingerprint_id"]).read_bytes())
    assert fingerprint.duration > 2 * RANGE_SECONDS
    assert len(fingerprint.times) == round(video["duration"] / fingerprint.interval)
    assert len(fingerprint.codes) * CODE_SECONDS == pytest.approx(fingerprint.duration, abs=5)


def test_a_video_that_is_too_long_is_rejected(system: System, tmp_path: Path) -> None:
    piece = write_clip(tmp_path / "piece.mp4", replace(LOOK, seed=42, width=96, height=54, seconds=20.0, fps=5))
    video = system.verdict(system.upload(loop_clip(piece, tmp_path / "long.mp4", MAX_DURATION // 20 + 2)))
    assert (video["status"], video["reason"]) == ("rejected", "too_long"), video


def test_an_mp4_without_a_picture_is_refused_and_leaves_nothing(system: System, tmp_path: Path) -> None:
    def kept() -> tuple[int, set[Path]]:
        rows = system.rows("SELECT COUNT(*) AS n FROM videos")[0]["n"]
        return rows, set((system.folder / "s3" / BUCKET / "videos").rglob("*.mp4"))

    before = kept()
    answer = system.post_upload(write_clip(tmp_path / "a.mp4", replace(LOOK, seed=43, video=None)))
    assert (answer.status_code, answer.json()["code"]) == (400, "NO_VIDEO_TRACK"), answer.text
    assert kept() == before


def test_a_webm_without_a_picture_is_rejected(system: System, tmp_path: Path) -> None:
    """The gateway walks the boxes of an mp4 only; here the processor finds out."""
    only_sound = replace(LOOK, seed=43, video=None, audio="libopus")
    video = system.verdict(system.upload(write_clip(tmp_path / "a.webm", only_sound)))
    assert (video["status"], video["reason"]) == ("rejected", "no_video_stream"), video


def test_the_log_follows_one_request_through_all_services(system: System, tmp_path: Path) -> None:
    video_id = system.upload(clip(tmp_path, 51))
    system.verdict(video_id)
    (row,) = system.rows("SELECT request_id FROM videos WHERE id = ?", video_id)
    for name in ("consumer", "processor"):
        lines = [
            json.loads(line) for line in (system.folder / f"{name}.log").read_text().splitlines() if video_id in line
        ]
        assert any(line.get("request_id") == row["request_id"] for line in lines), name


def test_the_worker_says_how_it_is(system: System) -> None:
    answer = httpx.get(f"{system.processes['consumer'].program.url}/readyz", timeout=10)
    assert answer.status_code == 200, answer.text
    assert "twinreel_verdicts_total" in system.metrics("consumer")
    assert system.run("arq", "--check", "consumer.worker.WorkerSettings").returncode == 0


def test_a_lost_index_is_rebuilt_by_one_command(system: System, tmp_path: Path) -> None:
    original = system.upload(clip(tmp_path, 61))
    system.verdict(original)
    url = f"{system.environ['CHROMA_URL']}/api/v2/tenants/default_tenant/databases/default_database/collections"
    for name in ("video-fingerprints", "video-segments"):
        assert httpx.delete(f"{url}/{name}", timeout=10).status_code == 200
    rebuilt = system.run("consumer", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr + rebuilt.stdout
    copy = system.verdict(system.upload(copy_of(tmp_path, 61)))
    assert (copy["status"], copy["duplicate_of"]) == ("duplicate", original), copy


@pytest.mark.parametrize("module", ["consumer"])
def test_a_worker_without_its_connections_says_what_is_missing(module: str) -> None:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "arq"), f"{module}.worker.WorkerSettings"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "REDIS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
