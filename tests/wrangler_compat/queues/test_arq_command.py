"""`arq ...WorkerSettings` from the command line, as users start it: ready, checked, stopped, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wrangler_compat.queues.arq_queue import open_arq_queue
from wrangler_compat.servers import free_port, redis_program, running

ROOT = Path(__file__).parents[3]
ARQ = (str(Path(sys.executable).parent / "arq"), "tests.wrangler_compat.queues.example_worker.WorkerSettings")


class Command:
    """The worker as its own process, and the file it writes its events to."""

    def __init__(self, folder: Path, redis_url: str, prefix: str, **environ: str) -> None:
        self.events_file = folder / "events"
        self.log_file = folder / "log"
        self.environ = {
            **os.environ,
            "REDIS_URL": redis_url,
            "QUEUE_PREFIX": prefix,
            "EVENTS": str(self.events_file),
            **environ,
        }

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(ARQ, cwd=ROOT, env=self.environ, stdout=log, stderr=log)
        try:
            self.wait(lambda: "started" in self.events())
            yield process
        finally:
            process.kill()
            process.wait()

    def events(self) -> list[str]:
        return self.events_file.read_text().splitlines() if self.events_file.exists() else []

    def wait(self, is_so: Callable[[], bool], timeout_seconds: float = 60) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not is_so():
            assert time.monotonic() < deadline, self.log_file.read_text()
            time.sleep(0.05)

    def check(self) -> int:
        return subprocess.run(
            [*ARQ, "--check"], cwd=ROOT, env=self.environ, capture_output=True, timeout=60, check=False
        ).returncode


def send(redis_url: str, queue: str, *bodies: str) -> None:
    async def sending() -> None:
        async with open_arq_queue(redis_url, queue) as opened:
            for body in bodies:
                await opened.send(body)

    asyncio.run(sending())


def test_it_serves_its_queues_and_stops_gracefully(redis_url: str, unique_name: str, tmp_path: Path) -> None:
    command = Command(tmp_path, redis_url, unique_name, WORK_SECONDS="0.5")
    with command.started() as process:
        for priority in ("low", "normal", "high"):
            send(redis_url, f"{unique_name}-{priority}", priority)
        command.wait(lambda: len([event for event in command.events() if event.startswith("begin")]) == 3)
        assert command.check() == 0
        process.terminate()
        assert process.wait(60) == 0
    events = command.events()
    assert events[-1] == "stopped"
    assert {event for event in events if event.startswith("end")} == {"end low", "end normal", "end high"}
    assert command.check() == 1


def test_a_killed_worker_is_known_dead_and_its_message_comes_back(
    redis_url: str, unique_name: str, tmp_path: Path
) -> None:
    command = Command(tmp_path, redis_url, unique_name, WORK_SECONDS="60")
    send(redis_url, f"{unique_name}-normal", "precious")
    with command.started() as process:
        command.wait(lambda: "begin precious 1" in command.events())
        assert command.check() == 0
        process.kill()
        command.wait(lambda: command.check() == 1)
    command.environ["WORK_SECONDS"] = "0"
    command.events_file.write_text("")
    with command.started():
        command.wait(lambda: "end precious" in command.events())
        assert "begin precious 2" in command.events()


def test_a_redis_outage_of_seconds_does_not_end_it(unique_name: str, tmp_path: Path) -> None:
    program = redis_program(tmp_path, free_port())
    command = Command(tmp_path, program.url, unique_name)
    with contextlib.ExitStack() as stack:
        with running(program, tmp_path / "redis-log", os.environ):
            process = stack.enter_context(command.started())
            assert command.check() == 0
        time.sleep(2)
        assert command.check() != 0
        with running(program, tmp_path / "redis-log", os.environ):
            send(program.url, f"{unique_name}-high", "after")
            command.wait(lambda: "end after" in command.events())
            assert process.poll() is None
            command.wait(lambda: command.check() == 0)
            process.terminate()
            assert process.wait(60) == 0


def test_a_worker_whose_startup_fails_exits_with_an_error(redis_url: str, unique_name: str, tmp_path: Path) -> None:
    command = Command(tmp_path, redis_url, unique_name, EVENTS=str(tmp_path / "no-such-folder" / "events"))
    ended = subprocess.run(ARQ, cwd=ROOT, env=command.environ, capture_output=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert b"FileNotFoundError" in ended.stderr


@pytest.mark.parametrize("name", ["unreachable"])
def test_without_redis_it_ends_with_an_error_in_time(name: str, tmp_path: Path) -> None:
    command = Command(tmp_path, f"redis://127.0.0.1:{free_port()}/0", name)
    ended = subprocess.run(ARQ, cwd=ROOT, env=command.environ, capture_output=True, timeout=60, check=False)
    assert ended.returncode != 0
