"""A bounded pool of worker processes. A worker that hangs, crashes or is no longer wanted is killed and replaced.

Nothing that a video does to its worker reaches the service: the worst answer is WORKER_DIED.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from processor.confinement import OUT_OF_MEMORY_EXIT
from processor.errors import (
    BY_CODE,
    OUT_OF_MEMORY,
    BusyError,
    ProcessorError,
    TimedOutError,
    TooDemandingError,
    WorkerDiedError,
)
from processor.worker import WorkerOrders

WORKER_COMMAND = (sys.executable, "-m", "processor.worker")
Tell = Callable[[float], None]
"""Told the share of a job that is done, 0..1, when the worker says it."""

_START_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_MAX_REPORT_BYTES = 1 << 16
_MAX_BODY_BYTES = 1 << 29
_STDERR_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """body: the JSON of the ExtractResponse or the Rendition. report: bytes_read, requests, peak_memory."""

    body: bytes
    report: Mapping[str, Any]


class Pool:
    """slots workers, each at one job at a time, replaced after jobs_per_worker jobs.

    environ: of the workers. command: how to start one. timeout_setting, cpu_setting: what raises these limits.
    """

    def __init__(
        self,
        orders: WorkerOrders,
        *,
        slots: int,
        jobs_per_worker: int,
        environ: Mapping[str, str],
        command: Sequence[str] = WORKER_COMMAND,
        timeout_setting: str = "EXTRACT_TIMEOUT",
        cpu_setting: str = "EXTRACT_CPU_SECONDS",
    ) -> None:
        self.timeout_setting, self.cpu_setting = timeout_setting, cpu_setting
        self._orders = orders
        self._jobs_per_worker = jobs_per_worker
        self._environ = dict(environ)
        self._command = tuple(command)
        self._idle = [Slot(self) for _ in range(slots)]
        self._all = tuple(self._idle)

    @property
    def slots(self) -> int:
        return len(self._all)

    @property
    def all_slots(self) -> Sequence[Slot]:
        return self._all

    @property
    def busy(self) -> int:
        return len(self._all) - len(self._idle)

    @property
    def timeout(self) -> float:
        return self._orders.timeout

    @property
    def jobs_per_worker(self) -> int:
        return self._jobs_per_worker

    async def start(self) -> None:
        """Raises WorkerDiedError when a worker cannot start: something is missing on this machine."""
        try:
            await asyncio.gather(*(slot.prepare() for slot in self._all))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Kills every worker. Jobs under way fail."""
        await asyncio.gather(*(slot.discard() for slot in self._all))

    @contextmanager
    def claim(self) -> Iterator[Slot]:
        """A slot until the end of the with block. Raises BusyError at once when all are taken."""
        if not self._idle:
            raise BusyError(f"all {self.slots} slots are busy; try again in a few seconds")
        slot = self._idle.pop()
        try:
            yield slot
        finally:
            self._idle.append(slot)

    async def spawn(self) -> Worker:
        """Raises WorkerDiedError."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environ,
            start_new_session=True,
        )
        worker = Worker(process, self.cpu_setting)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker.ask(self._orders.to_line())
        except BaseException as failed:
            await worker.kill()
            if isinstance(failed, TimeoutError):
                raise WorkerDiedError(
                    "a worker process did not start in time; see that the machine is not overloaded"
                ) from failed
            raise
        return worker


class Slot:
    """A place for one worker, which is started when it is first needed and replaced when it is spent."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._worker: Worker | None = None

    @property
    def pid(self) -> int | None:
        return None if self._worker is None else self._worker.pid

    async def prepare(self) -> Worker:
        worker = self._worker
        if worker is None or worker.is_dead:
            await self.discard()
            worker = self._worker = await self._pool.spawn()
        return worker

    async def discard(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.kill()

    async def run(self, job: Mapping[str, Any], tell: Tell = lambda share: None) -> Result:
        """Raises the ProcessorError that the job ended with; TimedOutError and WorkerDiedError among them.

        Cancelling it kills the worker.
        """
        worker = await self.prepare()
        try:
            async with asyncio.timeout(self._pool.timeout + _GRACE_SECONDS):
                report, body = await worker.ask(json.dumps(dict(job)).encode() + b"\n", tell)
        except TimeoutError as late:
            await self.discard()
            raise TimedOutError(
                f"the work took longer than {self._pool.timeout:.0f} s; try again or raise {self._pool.timeout_setting}"
            ) from late
        except BaseException:
            await self.discard()
            raise
        if worker.jobs > self._pool.jobs_per_worker:
            await self.discard()
        if "code" in report:
            raise BY_CODE.get(report["code"], ProcessorError)(report["message"])
        return Result(body, report)


class Worker:
    """One process. jobs: how many lines it was sent, its orders included."""

    def __init__(self, process: asyncio.subprocess.Process, cpu_setting: str) -> None:
        self._process = process
        self._cpu_setting = cpu_setting
        self._said = bytearray()
        self._listening = asyncio.create_task(self._listen())
        self.jobs = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_dead(self) -> bool:
        return self._process.returncode is not None

    async def ask(self, line: bytes, tell: Tell = lambda share: None) -> tuple[dict[str, Any], bytes]:
        """tell: hears how far it is. Raises WorkerDiedError, and TooDemandingError when a limit ended the process."""
        self.jobs += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
            while True:
                head = json.loads(await self._part(_MAX_REPORT_BYTES))
                body = await self._part(_MAX_BODY_BYTES)
                if "progress" not in head:
                    return head, body
                tell(float(head["progress"]))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as broken:
            await self.kill()
            raise self._death() from broken

    async def kill(self) -> None:
        if self._process.returncode is None:
            # Not Process.kill(): it may reap a process that just died, and then its return code is lost.
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._listening

    async def _part(self, most: int) -> bytes:
        assert self._process.stdout is not None
        length = int.from_bytes(await self._process.stdout.readexactly(8), "little")
        if length > most:
            raise ValueError("the answer is too long")
        return await self._process.stdout.readexactly(length)

    async def _listen(self) -> None:
        """Keeps the last of what the process says on its standard error."""
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(4096):
            self._said += piece
            del self._said[:-_STDERR_TAIL_BYTES]

    def _death(self) -> ProcessorError:
        if self._process.returncode == -signal.SIGXCPU:
            return TooDemandingError(
                f"the video takes more processor time than {self._cpu_setting} allows; re-encode it or raise the limit"
            )
        if self._process.returncode == OUT_OF_MEMORY_EXIT:
            return TooDemandingError(OUT_OF_MEMORY)
        return WorkerDiedError(f"the worker process {self._end()}; try again")

    def _end(self) -> str:
        code = self._process.returncode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        last = bytes(self._said).decode(errors="replace").strip().splitlines()
        return f"{how} ({last[-1]})" if last else how
