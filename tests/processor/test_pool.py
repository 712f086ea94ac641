"""The pool against the real worker, and against workers that behave as badly as a video can make them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from processor.errors import BusyError, NoVideoStreamError, TimedOutError, TooDemandingError, WorkerDiedError
from processor.pool import WORKER_COMMAND, Pool
from processor.settings import worker_environ
from processor.worker import WorkerOrders, run
from tests.processor.clips import Look
from tests.processor.conftest import MakeClip
from tests.processor.range_server import RangeServer

ORDERS = WorkerOrders(0.5, 8, max_duration=600, threads=1, timeout=20, memory=3 << 30)
CLIP = Look(seconds=2)

FAKE = """
import json, os, sys, time, signal, ctypes
def say(report, body=b""):
    head = json.dumps(report).encode()
    sys.stdout.buffer.write(len(head).to_bytes(8, "little") + head + len(body).to_bytes(8, "little") + body)
    sys.stdout.buffer.flush()
sys.stdin.buffer.readline()
say({"ready": True})
for line in sys.stdin.buffer:
    job = json.loads(line)
    do = job["video_id"]
    if do == "hang": time.sleep(600)
    if do == "crash": ctypes.string_at(0)
    if do == "exit": print("no such library", file=sys.stderr); sys.exit(3)
    if do == "spin": os.kill(os.getpid(), signal.SIGXCPU)
    if do == "grow": os._exit(77)
    if do == "babble": os.write(1, b"x" * 5000)
    if do == "refuse": say({"code": "NO_VIDEO_STREAM", "message": "there is no picture"}); continue
    say({"bytes_read": 1}, json.dumps({"pid": os.getpid()}).encode())
"""


@asynccontextmanager
async def started(
    *,
    slots: int = 1,
    seconds: float = 20,
    jobs_per_worker: int = 100,
    command: tuple[str, ...] = (sys.executable, "-c", FAKE),
) -> AsyncIterator[Pool]:
    orders = WorkerOrders(0.5, 8, max_duration=600, threads=1, timeout=seconds, memory=3 << 30)
    pool = Pool(orders, slots=slots, jobs_per_worker=jobs_per_worker, environ=worker_environ(), command=command)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def ask(pool: Pool, what: str) -> int:
    with pool.claim() as slot:
        answer = json.loads((await slot.run({"video_id": what, "video_url": "http://x/"})).body)
    return int(answer["pid"])


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_one_worker_does_many_jobs() -> None:
    async with started() as pool:
        assert await ask(pool, "a") == await ask(pool, "b")


async def test_a_worker_is_replaced_after_so_many_jobs() -> None:
    async with started(jobs_per_worker=2) as pool:
        pids = [await ask(pool, "x") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize(
    ("how", "told"),
    [("crash", "SIGSEGV"), ("exit", r"code 3 \(no such library\)"), ("babble", "killed")],
)
async def test_a_worker_that_dies_is_told_and_the_next_job_is_fine(how: str, told: str) -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        with pytest.raises(WorkerDiedError, match=told):
            await ask(pool, how)
        assert await ask(pool, "x") != first
        assert pool.busy == 0


@pytest.mark.parametrize(("how", "told"), [("spin", "EXTRACT_CPU_SECONDS"), ("grow", "WORKER_MEMORY")])
async def test_a_worker_that_a_limit_ended_is_the_videos_fault(how: str, told: str) -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        with pytest.raises(TooDemandingError, match=told):
            await ask(pool, how)
        assert await ask(pool, "x") != first


async def test_a_worker_that_hangs_is_killed_in_time() -> None:
    async with started(seconds=0.2) as pool:
        first = await ask(pool, "x")
        with pytest.raises(TimedOutError, match="EXTRACT_TIMEOUT"):
            async with asyncio.timeout(300):  # By itself it would hang for twice as long.
                await ask(pool, "hang")
        assert not is_running(first)
        assert await ask(pool, "x") != first


async def test_a_killed_worker_is_replaced() -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        job = asyncio.create_task(ask(pool, "hang"))
        await asyncio.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="SIGKILL"):
            await job
        assert await ask(pool, "x") != first


async def test_a_worker_killed_while_idle_is_replaced() -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        os.kill(first, signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert await ask(pool, "x") != first


async def test_all_slots_busy_is_told_at_once() -> None:
    async with started(slots=2) as pool:
        with pool.claim(), pool.claim():
            assert pool.busy == pool.slots == 2
            with pytest.raises(BusyError, match="2 slots"), pool.claim():
                pass
        assert pool.busy == 0


async def test_cancelling_kills_the_worker_and_frees_the_slot() -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        job = asyncio.create_task(ask(pool, "hang"))
        await asyncio.sleep(0.1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert not is_running(first)
        assert pool.busy == 0
        assert await ask(pool, "x") != first


async def test_an_error_report_becomes_its_error_and_spares_the_worker() -> None:
    async with started() as pool:
        first = await ask(pool, "x")
        with pytest.raises(NoVideoStreamError, match="no picture"):
            await ask(pool, "refuse")
        assert await ask(pool, "x") == first


async def test_a_pool_that_cannot_start_says_why() -> None:
    with pytest.raises(WorkerDiedError, match="No module named"):
        async with started(command=(sys.executable, "-c", "import nothing_of_that_name")):
            pass


async def test_closing_leaves_no_process() -> None:
    async with started(slots=2) as pool:
        with pool.claim() as one, pool.claim() as two:
            pids = [one.pid, two.pid]
    assert None not in pids
    assert not any(is_running(pid) for pid in pids if pid)


async def test_the_real_worker_extracts(make_clip: MakeClip, server: RangeServer) -> None:
    job = {"video_url": server.url(make_clip("two.mp4", CLIP).name), "video_id": "v"}
    async with started(command=WORKER_COMMAND) as pool:
        with pool.claim() as slot:
            result = await slot.run(job)
    answer = json.loads(result.body)
    assert (answer["video_id"], answer["frame_count"]) == ("v", 4)
    assert result.report["bytes_read"] > 1000
    assert result.report["requests"] >= 1
    assert result.report["peak_memory"] > 1 << 20
    assert result.report["cpu_seconds"] > 0


async def test_the_real_worker_survives_what_it_refuses(
    make_clip: MakeClip, server: RangeServer, clip_folder: Path
) -> None:
    sound = make_clip("sound.mp4", Look(seconds=2, video=None))
    good = make_clip("two.mp4", CLIP)
    async with started(command=WORKER_COMMAND) as pool:
        with pool.claim() as slot:
            pid = slot.pid
            with pytest.raises(NoVideoStreamError):
                await slot.run({"video_url": server.url(sound.name), "video_id": "v"})
            await slot.run({"video_url": server.url(good.name), "video_id": "v"})
            assert slot.pid == pid


async def test_the_real_worker_leaves_when_its_parent_is_gone() -> None:
    process = await asyncio.create_subprocess_exec(
        *WORKER_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=worker_environ(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(ORDERS.to_line())
    await process.stdout.readexactly(8)
    process.stdin.close()
    async with asyncio.timeout(60):
        assert await process.wait() == 0


LIMITED = """
import json, os, resource, sys
from processor.confinement import confine
confine(1 << 30)
try:
    bytearray(2 << 30)
except MemoryError:
    print("memory is limited")
try:
    open(sys.argv[1], "wb", buffering=0).write(b"x" * 10)
except OSError as full:
    print("files are limited")
try:
    held = [os.dup(2) for _ in range(100)]
except OSError:
    print("open files are limited")
"""


async def test_the_limits_take_effect(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIMITED, str(tmp_path / "out"), stdout=asyncio.subprocess.PIPE, env=worker_environ()
    )
    said, _ = await process.communicate()
    assert said.decode().splitlines() == ["memory is limited", "files are limited", "open files are limited"]


def test_too_little_memory_is_the_videos_fault_not_the_workers(
    make_clip: MakeClip, server: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("processor.worker.extract", greedy)
    monkeypatch.setattr("processor.worker.grant_cpu", lambda _: None)
    clip = make_clip("two.mp4", CLIP)
    report, body = run({"video_url": server.url(clip.name), "video_id": "v"}, ORDERS)
    assert report["code"] == TooDemandingError.code
    assert body == b""


def test_no_secret_reaches_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSOR_SECRET", "s3cret")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy/")
    assert not {"PROCESSOR_SECRET", "HTTP_PROXY"} & worker_environ().keys()
