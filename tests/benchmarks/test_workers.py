"""Worker processes that answer, fail, hang and die, written in a line each."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from benchmarks.quality.workers import MissingMethodError, Progress, Worker, command_of, each, team

GREETING = "import json, sys, os, time; print(json.dumps({'version': '7'}), flush=True)\n"
ECHO = (
    GREETING + "for line in sys.stdin: print(json.dumps({'answer': json.loads(line), 'pid': os.getpid()}), flush=True)"
)
DIES = GREETING + "sys.stdin.readline()"
HANGS = GREETING + "time.sleep(60)"


def running(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_worker_answers_and_says_its_version() -> None:
    worker = Worker(running(ECHO))
    try:
        first, second = (worker.ask({"n": n}) for n in (1, 2))
        assert (first["answer"], second["answer"]) == ({"n": 1}, {"n": 2})
        assert first["pid"] == second["pid"]
        assert worker.version == "7"
    finally:
        worker.close()


def test_a_worker_that_dies_is_replaced() -> None:
    worker = Worker(running(DIES))
    try:
        assert worker.ask({})["died"]
        assert "died" in worker.ask({})["error"]
    finally:
        worker.close()


def test_a_worker_that_hangs_is_ended() -> None:
    worker = Worker(running(HANGS), patience=1.0)
    try:
        assert "took more than 1 s" in worker.ask({"n": 1})["error"]
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (running('print(\'{"error": "No module named vpdq"}\')'), "No module named vpdq"),
        (running("pass"), "it ends at once"),
        (["/nowhere/python"], "/nowhere/python"),
        (command_of("vpdq", sys.executable), "vpdq"),
    ],
)
def test_what_is_missing_is_told(command: list[str], reason: str) -> None:
    with pytest.raises(MissingMethodError, match=reason):
        Worker(command).start()


def test_a_team_shares_its_workers() -> None:
    with team(running(ECHO), 2) as workers:
        answers = each(list(range(12)), lambda n: workers.ask({"n": n}), 4, "echo")
    assert [answer["answer"]["n"] for answer in answers] == list(range(12))
    assert len({answer["pid"] for answer in answers}) <= 2


def test_work_is_bounded_and_in_order() -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def work(n: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        with lock:
            busy -= 1
        return n * n

    assert each(list(range(50)), work, 3, "squares") == [n * n for n in range(50)]
    assert most <= 3


def test_the_first_failure_stops_the_rest() -> None:
    begun: list[int] = []

    def work(n: int) -> None:
        begun.append(n)
        if n == 0:
            raise ValueError("broken")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="broken"):
        each(list(range(1000)), work, 1, "broken")
    assert len(begun) < 1000


def test_progress_says_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("copies", 3)
    for done in (1, 2, 3):
        progress.at(done)
    assert capsys.readouterr().err == "copies: 3/3\n"
