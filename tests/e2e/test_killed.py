"""kill -9 at the worst moment: the video still reaches its verdict, once, and soon by the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from consumer.settings import load
from tests.e2e.system import System, eventually
from tests.processor.clips import Look, loop_clip, write_clip

PIECE = Look(width=192, height=108, seconds=10.0, fps=12)


def slow_clip(folder: Path, seed: int, times: int = 18) -> Path:
    """Three minutes, so that there is time to kill something in the middle."""
    return loop_clip(write_clip(folder / "piece.mp4", replace(PIECE, seed=seed)), folder / f"slow-{seed}.mp4", times)


def decided_once(system: System, video_id: str) -> None:
    video = system.verdict(video_id)
    assert video["status"] == "approved", video
    assert system.count("verdicts", video_id) == 1
    assert system.count("notifications", video_id) == 1


def test_nobody_waits_longer_than_half_a_minute_for_what_was_in_a_dead_ones_hands() -> None:
    """A worker that lives, or the next one to start, sends it again: at the first sweep after the lease, and what Redis
    lost at the first one after the grace."""
    _, settings, _ = load({})
    assert settings.lease_seconds + settings.sweep_seconds <= 30
    assert settings.pending_grace_seconds + settings.sweep_seconds <= 30


@pytest.mark.parametrize("stage", ["fingerprint", "index"])
def test_the_consumer_dies_in_the_middle_of_a_job(system: System, tmp_path: Path, stage: str) -> None:
    video_id = system.upload(slow_clip(tmp_path, 101 if stage == "fingerprint" else 102))
    system.wait_for_stage(video_id, stage)
    system.processes["consumer"].kill()
    (job,) = system.rows("SELECT status FROM processing_jobs WHERE video_id = ?", video_id)
    assert job["status"] == "processing"
    system.processes["consumer"].start()
    decided_once(system, video_id)
    (job,) = system.rows("SELECT attempt_count FROM processing_jobs WHERE video_id = ?", video_id)
    assert job["attempt_count"] == 2


def test_the_processor_dies_in_the_middle_of_a_job(system: System, tmp_path: Path) -> None:
    video_id = system.upload(slow_clip(tmp_path, 103))
    system.wait_for_stage(video_id, "fingerprint")
    system.processes["processor"].kill()
    system.processes["processor"].start()
    decided_once(system, video_id)


def test_redis_loses_everything(system: System, tmp_path: Path) -> None:
    system.processes["consumer"].stop()
    videos = [system.upload(write_clip(tmp_path / f"{n}.mp4", replace(PIECE, seed=n))) for n in (104, 105)]
    system.forget_all_messages()
    system.processes["consumer"].start()
    for video_id in videos:
        decided_once(system, video_id)


def test_an_upload_while_redis_is_away_is_accepted_and_decided(system: System, tmp_path: Path) -> None:
    system.processes["redis"].kill()
    video_id = system.upload(write_clip(tmp_path / "a.mp4", replace(PIECE, seed=106)))
    system.processes["redis"].start()
    decided_once(system, video_id)


def test_a_consumer_told_to_stop_hands_its_work_over_or_finishes_it(system: System, tmp_path: Path) -> None:
    video_id = system.upload(slow_clip(tmp_path, 107))
    system.wait_for_stage(video_id, "fingerprint")
    system.processes["consumer"].stop()
    (job,) = system.rows("SELECT status, lease_owner FROM processing_jobs WHERE video_id = ?", video_id)
    assert job["status"] in ("pending", "completed")
    assert job["lease_owner"] is None
    eventually(
        lambda: system.run("arq", "--check", "consumer.worker.WorkerSettings").returncode == 1,
        "arq --check says that nobody is there",
    )
    system.processes["consumer"].start()
    decided_once(system, video_id)
