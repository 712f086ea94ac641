"""Poison, outages of everything at once, and the doctor, on the running system."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.system import System, eventually
from tests.e2e.test_killed import PIECE, decided_once, slow_clip
from tests.processor.clips import write_clip


def kill_the_workers_of(system: System, name: str) -> int:
    """kill -9 to the processes that this one has started; how many."""
    process = system.processes[name].running
    assert process is not None
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    return len(listed.stdout.split())


def job_of(system: System, video_id: str) -> dict[str, object]:
    (job,) = system.rows("SELECT * FROM processing_jobs WHERE video_id = ?", video_id)
    return job


def test_a_file_that_kills_the_processors_worker_twice_is_set_aside_and_the_queue_goes_on(
    system: System, tmp_path: Path
) -> None:
    """The processes that look at it are killed each time they do: that is what a poison file looks like."""
    poison = system.upload(slow_clip(tmp_path, 301, times=60))

    def has_died(times: int) -> bool:
        return job_of(system, poison)["worker_deaths"] == times

    for wanted in (1, 2):
        eventually(
            lambda: (
                job_of(system, poison)["status"] == "processing" and job_of(system, poison)["stage"] == "fingerprint"
            ),
            "it is being looked at",
            pause=0.02,
        )
        time.sleep(0.3)
        assert kill_the_workers_of(system, "processor") > 0
        eventually(partial(has_died, wanted), "a death")
    job = job_of(system, poison)
    assert job["status"] == "failed"
    shown = system.video(poison)
    assert (shown["status"], shown["failed"]) == ("processing", True)
    assert "set aside" in shown["last_error"]
    good = system.upload(write_clip(tmp_path / "good.mp4", replace(PIECE, seed=302)))
    assert system.verdict(good)["status"] == "approved"
    listed = system.run("consumer", "failed", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    told = json.loads(listed.stdout)
    assert [(each["video_id"], each["worker_deaths"]) for each in told["failed"]] == [(poison, 2)]
    assert system.run("consumer", "failed", "purge", poison).returncode == 0
    assert system.video(poison)["status"] == "rejected"


@pytest.mark.slow
def test_everything_but_the_gateway_away_for_a_while(system: System, tmp_path: Path) -> None:
    begun = system.upload(slow_clip(tmp_path, 303, times=8))
    system.wait_for_stage(begun, "fingerprint")
    names = ("processor", "chroma", "s3", "redis")
    for name in names:
        system.processes[name].kill()
    clip = write_clip(tmp_path / "meanwhile.mp4", replace(PIECE, seed=304))
    refused = system.post_upload(clip)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    time.sleep(20)
    for name in names:
        system.processes[name].start()
    meanwhile = system.upload(clip)
    for video_id in (begun, meanwhile):
        decided_once(system, video_id)
    job = job_of(system, begun)
    assert job["status"] == "completed"
    assert int(str(job["attempt_count"])) - int(str(job["interruptions"])) <= 1


def test_the_doctor_finds_what_a_killed_gateway_leaves_and_nothing_else(system: System, tmp_path: Path) -> None:
    def doctor(*more: str) -> dict[str, int]:
        ran = system.run("consumer", "doctor", "--json", "--older-than", "0", *more, seconds=120)
        assert ran.returncode in (0, 3), ran.stderr
        found = json.loads(ran.stdout)["found"]
        return {kind: count for kind, count in found.items() if count}

    doctor("--fix", "--yes")
    assert doctor() == {}
    kept = system.upload(write_clip(tmp_path / "kept.mp4", replace(PIECE, seed=305)))
    system.verdict(kept)
    lost = system.upload(write_clip(tmp_path / "lost.mp4", replace(PIECE, seed=306)))
    system.verdict(lost)
    for name in ("processing_jobs", "verdicts", "notifications", "duplicate_detections"):
        system.execute(f"DELETE FROM {name} WHERE video_id = ?", lost)
    system.execute("DELETE FROM videos WHERE id = ?", lost)
    found = doctor()
    assert (found["object_without_row"], found["fingerprint_without_row"]) == (3, 1)
    assert found["vector_without_row"] >= 2
    doctor("--fix")
    assert doctor() == {}
    assert system.video(kept)["status"] == "approved"
