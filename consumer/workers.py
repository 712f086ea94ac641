"""CPU-bound work off the event loop: in a few processes of our own, so that it also uses every core.

A process that dies (killed, out of memory) takes the work at hand with it, which is tried again as any failed job; the
pool is made anew. Processes whose parent was killed notice it and end.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

_ORPHAN_CHECK_SECONDS = 1.0
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What numpy's linear algebra reads when it is first imported."""

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """Runs functions in an executor, which bounds how much runs at a time; `make` makes one, and another if it breaks.

    With processes, functions, arguments and results must be picklable.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._executor = make()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Raises what `work` raises, and BrokenExecutor when a process died under it: try again."""
        executor = self._executor
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, partial(work, *args, **kwargs))
        except BrokenExecutor:
            if self._executor is executor:
                self._executor = self._make()
                executor.shutdown(wait=False, cancel_futures=True)
            raise

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def open_workers(make: Callable[[], Executor]) -> Iterator[Workers]:
    workers = Workers(make)
    try:
        yield workers
    finally:
        workers.close()


def processes(count: int) -> Callable[[], Executor]:
    """Makes pools of `count` processes. They start when there is work for them."""
    context = multiprocessing.get_context("spawn")
    return partial(ProcessPoolExecutor, count, mp_context=context, initializer=_settle_in, initargs=(os.getpid(),))


def _settle_in(parent: int) -> None:
    """Ctrl-C in the terminal is the parent's to handle; a parent that is gone ends us. The matrices are small and there
    are several processes: a second thread in each would only wait for the first, busily."""
    for name in _ONE_THREAD:
        os.putenv(name, "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(1)
