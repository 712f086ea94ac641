"""Runs worker processes, a bounded number at a time, and puts a new one in the place of one that hangs or crashes."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from processor.settings import Settings, worker_environ

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("worker.py")
SAMPLE_SECONDS = Settings().frame_interval
"""Between two samples of the picture, as the processor takes them unless told otherwise."""
_PATIENCE_SECONDS = 600.0
_SAY_EACH_SECONDS = {True: 1.0, False: 60.0}
"""To a terminal, which shows one line of it; to a file, which keeps them all."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class MissingMethodError(Exception):
    """The worker cannot do what it is for: something is not installed."""


class Worker:
    """One process, started when first asked. Not for two threads at once."""

    def __init__(self, command: Sequence[str], patience: float = _PATIENCE_SECONDS) -> None:
        self._command = list(command)
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self.version = ""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"answer", "wall", "cpu"}, or {"error"}. Raises MissingMethodError."""
        process = self._process or self._start()
        line = self._line_of(process, json.dumps(request) + "\n")
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.close()
        return {"error": f"the worker died or took more than {self._patience:g} s", "died": True}

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def start(self) -> None:
        """Raises MissingMethodError."""
        if self._process is None:
            self._start()

    def _start(self) -> subprocess.Popen[str]:
        environ = worker_environ() | {"PYTHONPATH": str(ROOT)}
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environ,
            )
        except OSError as missing:
            raise MissingMethodError(str(missing)) from missing
        self._process = process
        greeting = json.loads(self._line_of(process, "") or '{"error": "it ends at once"}')
        if "error" in greeting:
            self.close()
            raise MissingMethodError(greeting["error"])
        self.version = greeting["version"]
        return process

    def _line_of(self, process: subprocess.Popen[str], line: str) -> str:
        """The next line out, or nothing when the process died or was killed for being late."""
        watchdog = threading.Timer(self._patience, process.kill)
        watchdog.start()
        try:
            if process.stdin is None or process.stdout is None:
                raise AssertionError("both are pipes")
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return ""
        finally:
            watchdog.cancel()


class Team:
    """Some workers of one method, for any number of threads."""

    def __init__(self, command: Sequence[str], size: int) -> None:
        self._workers = [Worker(command) for _ in range(size)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        worker = self._idle.get()
        try:
            return worker.ask(request)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


@contextmanager
def team(command: Sequence[str], size: int) -> Iterator[Team]:
    """Its workers are gone at the end, whatever happens."""
    found = Team(command, size)
    try:
        yield found
    finally:
        found.close()


def command_of(method: str, python: str) -> list[str]:
    return [python, str(SCRIPT), method, str(SAMPLE_SECONDS)]


class Progress:
    """Says on stderr how far a phase is."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total = label, total
        self._terminal = sys.stderr.isatty()
        self._said = time.monotonic()

    def at(self, done: int) -> None:
        now, finished = time.monotonic(), done == self._total
        if not finished and now - self._said < _SAY_EACH_SECONDS[self._terminal]:
            return
        self._said = now
        begin, end = ("\r" if self._terminal else ""), ("" if self._terminal and not finished else "\n")
        print(f"{begin}{self._label}: {done}/{self._total}", end=end, file=sys.stderr, flush=True)


def each(items: Sequence[Item], work: Callable[[Item], Result], jobs: int, label: str) -> list[Result]:
    """work(item) for all, `jobs` at a time, in the order of the items; says on stderr how far it is.

    The first exception stops what has not begun and is raised.
    """
    results: dict[int, Result] = {}
    progress = Progress(label, len(items))
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {pool.submit(work, item): index for index, item in enumerate(items)}
        for done in as_completed(waiting):
            results[waiting[done]] = done.result()
            progress.at(len(results))
    finally:
        pool.shutdown(cancel_futures=True)
    return [results[index] for index in range(len(items))]
