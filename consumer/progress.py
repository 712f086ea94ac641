"""A long command at a terminal: how far it is, how long it may take, and Ctrl-C that ends it in good order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TextIO

_EVERY_SECONDS = 0.2


class Progress:
    """One line that is written over, on a terminal; elsewhere nothing. now: seconds."""

    def __init__(self, what: str, total: int, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._total = total
        self._stream = stream if stream.isatty() else None
        self._now = now
        self._begun = now()
        self._shown_at = self._begun
        self._done = 0

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        at = self._now()
        if self._stream is not None and (at - self._shown_at >= _EVERY_SECONDS or self._done == self._total):
            self._shown_at = at
            self._stream.write(f"\r\x1b[K{self._what} {self._done}/{self._total}{self._time_left(at)}")
            self._stream.flush()

    def _time_left(self, at: float) -> str:
        left = (at - self._begun) / self._done * (self._total - self._done)
        return f", about {spoken(left)} left" if left >= 1 else ""

    def end(self) -> None:
        """Wipes the line."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@contextmanager
def progress(what: str, total: int, stream: TextIO) -> Iterator[Progress]:
    shown = Progress(what, total, stream)
    try:
        yield shown
    finally:
        shown.end()


def spoken(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


async def side_by_side(count: int, work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs work() so many times at once. The first failure ends them all, and is raised."""
    runs = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await asyncio.gather(*runs)
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


@contextmanager
def interruptible() -> Iterator[asyncio.Event]:
    """Inside a running loop: the first Ctrl-C sets the event, the second interrupts as ever."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def note() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, note)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
