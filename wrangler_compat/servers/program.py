"""A server program: what to run, what it needs, and how to know that it answers."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class ProgramError(Exception):
    """A server cannot be found, started or reached. The message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """argv and environ (on top of the parent's) start it; url is where it answers.

    is_ready asks once, blocks for a second at most, and never raises.
    """

    name: str
    argv: tuple[str, ...]
    port: int
    url: str
    is_ready: Callable[[], bool]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def find(names: Sequence[str], *, missing: str, extra: Sequence[Path] = ()) -> str:
    """The first of these programs: beside this Python, on PATH, or in the extra folders. Raises ProgramError."""
    beside = Path(sys.executable).parent
    for name in names:
        for folder in (beside, *extra):
            found = shutil.which(name, path=str(folder))
            if found:
                return found
        on_path = shutil.which(name)
        if on_path:
            return on_path
    raise ProgramError(missing)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(
    program: Program, log: Path, environ: Mapping[str, str], *, timeout_seconds: float = 30
) -> Iterator[Program]:
    """The program, started and ready; stopped on leaving. Its output goes to `log`. Raises ProgramError."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**environ, **program.environ}
        )
    try:
        _wait(program, process, log, timeout_seconds)
        yield program
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], *, grace_seconds: float = 5) -> None:
    """Ask the process to end, then make it."""
    process.terminate()
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(program: Program, process: subprocess.Popen[bytes], log: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not program.is_ready():
        code = process.poll()
        if code is not None:
            raise ProgramError(f"{program.name} ended with code {code} before it was ready: {last_words(log)}")
        if time.monotonic() > deadline:
            raise ProgramError(
                f"{program.name} did not answer at {program.url} within {timeout_seconds:g} s: {last_words(log)}"
            )
        time.sleep(0.05)


def last_words(log: Path, *, lines: int = 5) -> str:
    """The end of a log, for an error message."""
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return " / ".join(text.splitlines()[-lines:]) or f"it wrote nothing to {log}"
