"""Films made by processes beside the demo, while it does something else."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from benchmarks.demo.instance import DemoError
from benchmarks.demo.plan import Item, make

_MAKERS = 2


class Workshop:
    """Begins with the items at once, in their order. On leaving, what is not begun is not made."""

    def __init__(self, folder: Path, seconds: float, items: Sequence[Item], check: Callable[[], None]) -> None:
        """check: raises when nobody needs the films any more."""
        self._folder, self._seconds, self._check = folder, seconds, check
        self._pool = ProcessPoolExecutor(_MAKERS, multiprocessing.get_context("spawn"), _ignore_interrupts)
        self._making: dict[str, Future[Path]] = {}
        for item in items:
            self._begun(item)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ready(self, item: Item) -> Path | None:
        """The file, when it is made. Raises DemoError, OSError."""
        making = self._begun(item)
        try:
            return making.result() if making.done() else None
        except BrokenProcessPool as error:
            raise DemoError(f"{item.name} could not be made: its process died. Is there memory enough?") from error

    def pause(self, seconds: float) -> None:
        """Let time pass, and see that it is not in vain."""
        time.sleep(seconds)
        self._check()

    def _begun(self, item: Item) -> Future[Path]:
        name = item.drawn.name
        if name not in self._making:
            self._making[name] = self._pool.submit(make, item.drawn, self._folder, self._seconds)
        return self._making[name]


def _ignore_interrupts() -> None:
    """Ctrl-C reaches these processes, too; the demo itself ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
