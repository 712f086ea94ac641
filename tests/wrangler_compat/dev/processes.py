"""Processes that tests start and look for: by a mark in their environment, so that nobody else's are counted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

MARK = "TWINREEL_TEST_MARK"


def marked(mark: str) -> list[int]:
    """The ids of running processes with this mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in environ.split(b"\0") and state != "Z" and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def wait_until(
    is_so: Callable[[], bool], *, timeout_seconds: float = 60, why: Callable[[], object] = lambda: ""
) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not is_so():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
