"""Ends the process groups of a supervisor that died without a word (kill -9), so that nothing is left running.

A script of its own: `python watchdog.py GRACE_SECONDS`. On standard input: a line "+ID" for each group to watch, "-ID"
for one that has ended. The end of the input is the death of the supervisor (or its normal end, with no group left).
Only the standard library: it must start fast and never fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time


def main(grace_seconds: float) -> None:
    # What ends the supervisor must not end its watchdog.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change, group = line[:1], int(line[1:])
        if change == "+":
            groups.add(group)
        else:
            groups.discard(group)
    end(groups, grace_seconds)


def end(groups: set[int], grace_seconds: float) -> None:
    """SIGTERM to every group, and SIGKILL to those that are still there after the grace."""
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while (groups := {group for group in groups if is_alive(group)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    main(float(sys.argv[1]))
