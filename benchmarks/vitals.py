"""What a running process takes: resident memory and file handles, of itself and all its descendants. Linux only."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Vitals:
    """resident: bytes; pages that processes share count for each of them."""

    resident: int
    handles: int
    processes: int


def vitals(pid: int) -> Vitals:
    """Processes that end meanwhile are left out. Raises OSError when there is no /proc."""
    family = descendants(pid)
    resident = handles = processes = 0
    for member in family:
        with suppress(FileNotFoundError, ProcessLookupError):
            pages = int((_PROC / str(member) / "statm").read_text(encoding="ascii").split()[1])
            handles += len(os.listdir(_PROC / str(member) / "fd"))
            resident += pages * os.sysconf("SC_PAGE_SIZE")
            processes += 1
    return Vitals(resident, handles, processes)


def descendants(pid: int) -> list[int]:
    """The process itself first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir(_PROC):
        if entry.isdecimal():
            with suppress(FileNotFoundError, ProcessLookupError):
                # The name, in parentheses, may hold anything; the parent is the second field behind it.
                fields = (_PROC / entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
                children[int(fields.split()[1])].append(int(entry))
    family = [pid]
    for member in family:
        family += children[member]
    return family
