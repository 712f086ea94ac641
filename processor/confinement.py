"""What a worker process takes from itself before it touches anything from outside.

| what | how | where |
|---|---|---|
| memory | RLIMIT_AS; where that has no effect, a thread that watches the largest resident size | Linux; macOS |
| processor time of one job | RLIMIT_CPU, raised for each job by what one may use | everywhere |
| written files | RLIMIT_FSIZE: not one byte; of what makes renditions, as much as one may have | everywhere |
| open files | RLIMIT_NOFILE | everywhere |
| core dumps | RLIMIT_CORE 0 | everywhere |
| new privileges | PR_SET_NO_NEW_PRIVS: no program that it starts, setuid or not, gains any | Linux |

A process that is not root's cannot take any of it back, but for the processor time, whose hard limit stays open for
the next job.
Wall-clock time is the pool's.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

MAX_OPEN_FILES = 64
OUT_OF_MEMORY_EXIT = 77
"""The exit status of a worker whose watch found it too large."""

_PR_SET_NO_NEW_PRIVS = 38
_WATCH_SECONDS = 0.05
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def confine(memory_bytes: int, *, written_bytes: int = 0) -> None:
    """Every limit but processor time, for good. written_bytes: of one file."""
    limits = [
        (resource.RLIMIT_FSIZE, written_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ]
    if sys.platform == "darwin":
        watch_memory(memory_bytes)
    else:
        limits.append((resource.RLIMIT_AS, memory_bytes))
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))
    if sys.platform == "linux":
        _refuse_new_privileges()


def grant_cpu(seconds: float) -> None:
    """So much processor time from now on, then SIGXCPU. Whole seconds, rounded up."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(cpu_seconds_used() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def cpu_seconds_used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_memory() -> int:
    """Bytes: the largest resident size of this process so far.

    Not by getrusage on Linux: there ru_maxrss begins with what the parent had when it started this process.
    """
    if sys.platform == "linux":
        with suppress(OSError, StopIteration), open("/proc/self/status", "rb") as status:
            told = next(line for line in status if line.startswith(b"VmHWM:"))
            return int(told.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def watch_memory(most_bytes: int, leave: Callable[[int], object] = os._exit) -> threading.Thread:
    """leave(OUT_OF_MEMORY_EXIT) within a moment of the process having been larger than that."""

    def watch() -> None:
        while peak_memory() <= most_bytes:
            time.sleep(_WATCH_SECONDS)
        leave(OUT_OF_MEMORY_EXIT)

    watching = threading.Thread(target=watch, daemon=True, name="memory-watch")
    watching.start()
    return watching


def _refuse_new_privileges() -> None:
    """prctl(2). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"this process cannot give up new privileges: {os.strerror(number)}")
