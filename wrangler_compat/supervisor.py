"""Child processes kept running: started, known ready, restarted when they die, stopped in order, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wrangler_compat import watchdog
from wrangler_compat.child_log import ChildLog, last_lines

DEATHS_TOO_MANY = 3
DEATHS_WINDOW_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.5
STOP_GRACE_SECONDS = 10.0


class ChildError(Exception):
    """A child cannot be kept running, or does not become ready. The message says which, and what it said last."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """is_ready: asks once, blocks for a second or so at most, never raises; None: ready once started.

    is_shell_work: the program is a shell with programs of its own, which have to hear the signal to stop too.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    is_ready: Callable[[], bool] | None = None
    where: str = ""
    is_shell_work: bool = False


class _Child:
    def __init__(self, spec: ChildSpec, log: ChildLog) -> None:
        self.spec = spec
        self.log = log
        self.log_start = log.path.stat().st_size
        self.process: asyncio.subprocess.Process | None = None
        self.deaths: deque[float] = deque(maxlen=DEATHS_TOO_MANY)
        self.keeper: asyncio.Task[None] | None = None
        self.pump: asyncio.Task[None] | None = None

    def last_words(self) -> str:
        said = last_lines(self.log.path, start=self.log_start)
        return f"It said last:\n{said}\n" if said else "It said nothing.\n"


class Supervisor:
    """start() children, wait_ready(), then failure() until something is wrong; stop() in any case.

    say: tells the user a sentence. note_groups: told the running process groups whenever they change.
    """

    def __init__(
        self,
        logs: Path,
        say: Callable[[str], None],
        *,
        lock: int | None = None,
        note_groups: Callable[[Iterable[int]], None] = lambda _groups: None,
        stop_grace_seconds: float = STOP_GRACE_SECONDS,
    ) -> None:
        self._logs = logs
        self._say = say
        self._lock = lock
        self._note_groups = note_groups
        self._grace_seconds = stop_grace_seconds
        self._children: list[_Child] = []
        self._watchdog: asyncio.subprocess.Process | None = None
        self._groups: set[int] = set()
        self._stopping = False
        self._hurried = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, spec: ChildSpec) -> None:
        """Raises ChildError when its program cannot be run at all."""
        if self._watchdog is None:
            self._watchdog = await self._start_watchdog()
        child = _Child(spec, ChildLog(self._logs / f"{spec.name}.log"))
        self._children.append(child)
        await self._spawn(child)
        child.keeper = asyncio.create_task(self._keep(child))

    async def wait_ready(self, spec: ChildSpec, *, timeout_seconds: float = 60) -> None:
        """Raises ChildError when the child is not ready in time, or some child failed meanwhile."""
        child = next(child for child in self._children if child.spec is spec)
        deadline = time.monotonic() + timeout_seconds
        while spec.is_ready is not None and not await asyncio.to_thread(spec.is_ready):
            if self._failure.done():
                self._failure.result()
            if time.monotonic() > deadline:
                raise ChildError(
                    f"{spec.name} did not become ready{spec.where} within {timeout_seconds:g} s. "
                    f"{child.last_words()}All of its log: {child.log.path}"
                )
            await asyncio.sleep(0.05)

    async def run_to_end(self, spec: ChildSpec) -> None:
        """Run a command that ends by itself. Raises ChildError when it ends with a code other than 0."""
        if self._watchdog is None:
            self._watchdog = await self._start_watchdog()
        child = _Child(spec, ChildLog(self._logs / f"{spec.name}.log"))
        self._children.append(child)
        await self._spawn(child)
        code = await self._reap(child)
        self._children.remove(child)
        child.log.close()
        if code != 0:
            raise ChildError(f"{spec.name} ended with {_ending(code)}. {child.last_words()}All of it: {child.log.path}")

    async def failure(self) -> None:
        """Waits until a child cannot be kept running, and raises ChildError."""
        await asyncio.shield(self._failure)

    def hurry(self) -> None:
        """Make a stop() under way kill what has not ended yet."""
        self._hurried.set()

    async def stop(self) -> None:
        """End the children, the last one started first, each gently and then by force."""
        self._stopping = True
        for child in reversed(self._children):
            if child.keeper is not None:
                child.keeper.cancel()
                await asyncio.gather(child.keeper, return_exceptions=True)
            await self._end(child)
            child.log.close()
        if self._failure.done():
            self._failure.exception()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            await self._watchdog.wait()

    async def _start_watchdog(self) -> asyncio.subprocess.Process:
        # It holds the lock of the state folder too: nobody starts here again before it is done.
        return await asyncio.create_subprocess_exec(
            sys.executable,
            watchdog.__file__,
            str(self._grace_seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=() if self._lock is None else (self._lock,),
        )

    async def _spawn(self, child: _Child) -> None:
        # A pipe of ours: asyncio's would make the end of the process wait for the end of whoever inherited it.
        reading, writing = os.pipe()
        try:
            child.process = await asyncio.create_subprocess_exec(
                *child.spec.argv,
                cwd=child.spec.folder,
                env=dict(child.spec.environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                # A group of its own: Ctrl-C reaches this process alone, which then stops them in order.
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise ChildError(f"{child.spec.name} cannot be started: {error}.") from error
        finally:
            os.close(writing)
        self._watch("+", child.process.pid)
        child.pump = asyncio.create_task(_pump(reading, child.log))

    async def _keep(self, child: _Child) -> None:
        while True:
            code = await self._reap(child)
            child.deaths.append(time.monotonic())
            is_too_often = (
                len(child.deaths) == DEATHS_TOO_MANY and child.deaths[-1] - child.deaths[0] < DEATHS_WINDOW_SECONDS
            )
            if is_too_often:
                self._fail(
                    f"{child.spec.name} ended {DEATHS_TOO_MANY} times within {DEATHS_WINDOW_SECONDS:g} s, the last "
                    f"time with {_ending(code)}. {child.last_words()}All of its log: {child.log.path}"
                )
                return
            recent = [death for death in child.deaths if time.monotonic() - death < DEATHS_WINDOW_SECONDS]
            pause = FIRST_PAUSE_SECONDS * 2 ** (len(recent) - 1)
            self._say(f"{child.spec.name} ended with {_ending(code)}; starting it again in {pause:g} s.")
            await asyncio.sleep(pause)
            try:
                await self._spawn(child)
            except ChildError as error:
                self._fail(str(error))
                return

    async def _reap(self, child: _Child) -> int:
        """Wait for the child's end, and for the last of its output; its exit code."""
        assert child.process is not None
        assert child.pump is not None
        code = await child.process.wait()
        # What the child has left behind in its group goes with it.
        self._kill_group(child.process.pid)
        self._watch("-", child.process.pid)
        _, pending = await asyncio.wait({child.pump}, timeout=1)
        for pump in pending:
            pump.cancel()
        return code

    async def _end(self, child: _Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if child.spec.is_shell_work:
                os.killpg(process.pid, signal.SIGTERM)
            else:
                process.send_signal(signal.SIGTERM)
        reaping = asyncio.create_task(self._reap(child))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({reaping, hurried}, timeout=self._grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not reaping.done():
            self._kill_group(process.pid)
        await reaping

    def _kill_group(self, group: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    def _watch(self, change: str, group: int) -> None:
        if change == "+":
            self._groups.add(group)
        else:
            self._groups.discard(group)
        self._note_groups(sorted(self._groups))
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.write(f"{change}{group}\n".encode())

    def _fail(self, message: str) -> None:
        if not self._failure.done() and not self._stopping:
            self._failure.set_exception(ChildError(message))


async def _pump(descriptor: int, log: ChildLog) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while data := await reader.read(65_536):
            log.write(data)
    finally:
        transport.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
