"""A rolling restart while uploads go on: nothing is lost, and nobody is told anything but to come again."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from random import Random

import pytest

from benchmarks.chaos.__main__ import wait_for_verdicts
from benchmarks.chaos.clips import padded, planned, synthesised
from benchmarks.chaos.outcome import faults
from benchmarks.chaos.rolling import Roller, counted, stopped
from benchmarks.chaos.storm import Clients
from benchmarks.slow_clients.__main__ import kept_by
from benchmarks.slow_clients.clients import Target, slow_upload
from tests.e2e.system import System, running_system
from tests.e2e.test_killed import slow_clip


@pytest.mark.slow
def test_every_service_is_restarted_while_uploads_go_on(tmp_path: Path) -> None:
    plan = planned(synthesised(tmp_path / "clips", 4), 16, 16.0, tmp_path / "uploads", Random(3))
    (tmp_path / "system").mkdir()
    with running_system(tmp_path / "system") as system:
        clients, roller = Clients(system), Roller(system, rounds=1, pause=2.0)
        rolling = threading.Thread(target=roller.run)
        rolling.start()
        clients.run(plan, 3)
        rolling.join()
        videos, _ = wait_for_verdicts(system, plan, patience=120)
        assert [restart.process for restart in roller.done] == ["edge_api", "consumer", "processor"]
        assert faults(clients.accepted, videos) == []
        assert counted(system) == []
        stop_beside_a_slow_upload(system, padded(plan[0].file.read_bytes(), 400_000, "slow"))
        stop_while_the_processor_works(system, slow_clip(tmp_path, 801))


def stop_beside_a_slow_upload(system: System, file: bytes) -> None:
    """It takes longer than the grace: it is told to come again, and leaves nothing."""

    async def stop_meanwhile() -> None:
        before = await kept_by(system)
        uploading = asyncio.create_task(slow_upload(Target(system.url, system.token), file, 10_000))
        await asyncio.sleep(1.5)
        await asyncio.to_thread(stopped, system.processes["edge_api"])
        answer = await uploading
        assert (answer.status, answer.code) == (503, "UNAVAILABLE")
        assert await kept_by(system) == before

    asyncio.run(stop_meanwhile())
    system.processes["edge_api"].start()


def stop_while_the_processor_works(system: System, clip: Path) -> None:
    """It answers what it has in hand before it ends, or the job is done again and nothing is counted."""
    video_id = system.upload(clip)
    system.wait_for_stage(video_id, "fingerprint")
    stopped(system.processes["processor"])
    system.processes["processor"].start()
    assert system.verdict(video_id)["status"] == "approved"
    assert counted(system) == []
    assert system.count("verdicts", video_id) == 1
