"""What one request costs: processor time of the process that answers, and time on the wall, beside a yardstick."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field

import httpx

from benchmarks.pages.asking import Ask
from benchmarks.pages.visitors import Visitors

WARM_UP = 3
"""Requests before those that count: templates are compiled, statements prepared."""


@dataclass
class Cost:
    """Seconds. processor: of all requests together; None where the system does not tell it of another process."""

    wall: list[float] = field(default_factory=list)
    processor: float | None = None

    @property
    def processor_each(self) -> float | None:
        return None if self.processor is None else self.processor / len(self.wall)


@dataclass
class Measured:
    """bare: the yardstick, asked in turns with it. size: bytes of the last answer's body, as it was sent."""

    ask: Ask
    cost: Cost
    bare: Cost
    size: int

    @property
    def server_seconds(self) -> float:
        """Processor time of one request; where there is none to be had, the median on the wall, which is more."""
        each = self.cost.processor_each
        return percentile(self.cost.wall, 50) if each is None else each


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers."""

    pid: int
    url: str


def measured(visitors: Visitors, gateway: Served, bare: Served, ask: Ask, requests: int) -> Measured:
    """Raises UnexpectedError."""
    with httpx.Client(base_url=bare.url, timeout=60, trust_env=False) as plain:
        in_turns(visitors, plain, ask, WARM_UP)
        before = processor_seconds(gateway.pid), processor_seconds(bare.pid)
        cost, yardstick, size = in_turns(visitors, plain, ask, requests)
        cost.processor = _between(before[0], processor_seconds(gateway.pid))
        yardstick.processor = _between(before[1], processor_seconds(bare.pid))
    return Measured(ask, cost, yardstick, size)


def in_turns(visitors: Visitors, plain: httpx.Client, ask: Ask, times: int) -> tuple[Cost, Cost, int]:
    """The page's, the yardstick's, and the bytes of the last answer."""
    cost, yardstick, size = Cost(), Cost(), 0
    for _ in range(times):
        opened = visitors.opened(ask)
        began = time.perf_counter()
        size = visitors.ask(ask, opened).num_bytes_downloaded
        between = time.perf_counter()
        plain.get("/").raise_for_status()
        cost.wall.append(between - began)
        yardstick.wall.append(time.perf_counter() - between)
    return cost, yardstick, size


def processor_seconds(pid: int) -> float | None:
    """That a process of this machine has used, all its threads together, since it began; None where the system has no
    such clock (macOS). Raises OSError when there is no such process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "clock_getcpuclockid"):
        return None
    clock = ctypes.c_int()
    if libc.clock_getcpuclockid(ctypes.c_int(pid), ctypes.byref(clock)) != 0:
        raise OSError(f"there is no process {pid} to read the clock of")
    return time.clock_gettime(clock.value)


def percentile(values: list[float], percent: int) -> float:
    """By the nearest rank."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _between(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
