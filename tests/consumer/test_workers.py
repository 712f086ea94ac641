from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from consumer.similarity import compare
from consumer.workers import Workers, open_workers, processes
from tests.consumer.clips import clip, fingerprint_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workers() -> Iterator[Workers]:
    with open_workers(processes(1)) as opened:
        yield opened


async def test_work_runs_in_another_process_and_its_answer_comes_back(workers: Workers) -> None:
    assert await workers.run(os.getpid) != os.getpid()
    assert await workers.run(divmod, 7, 2) == (3, 1)


async def test_what_the_work_raises_is_raised(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        await workers.run(divmod, 1, 0)


async def test_fingerprints_and_evidence_cross_the_border(workers: Workers) -> None:
    fingerprint = fingerprint_of(clip(1))
    evidence = await workers.run(compare, fingerprint, fingerprint)
    assert evidence == compare(fingerprint, fingerprint)


async def test_a_process_computes_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as the libraries that it loads are told so: what it starts is told the same."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with open_workers(processes(1)) as workers:
        for name in names:
            tell = [sys.executable, "-c", f"import os; print(os.environ.get({name!r}))"]
            assert await workers.run(subprocess.check_output, tell) == b"1\n"


async def test_the_event_loop_goes_on_meanwhile(workers: Workers) -> None:
    await workers.run(os.getpid)
    working = asyncio.create_task(workers.run(time.sleep, 0.5))
    turns = 0
    while not working.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10


async def test_a_process_killed_under_its_work_is_replaced(workers: Workers) -> None:
    victim = await workers.run(os.getpid)
    working = asyncio.create_task(workers.run(time.sleep, 60))
    await asyncio.sleep(0.2)
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(BrokenExecutor):
        await working
    assert await workers.run(os.getpid) != victim


def test_processes_end_when_their_parent_is_killed() -> None:
    script = (
        "import asyncio, os, time\n"
        "from consumer.workers import Workers, processes\n"
        "async def main():\n"
        "    workers = Workers(processes(1))\n"
        "    print(await workers.run(os.getpid), flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.1)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
