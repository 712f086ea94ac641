"""A rolling restart: each service in turn is told to stop, as an upgrade does it, while uploads go on."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.chaos.outcome import Kill
from tests.e2e.system import Process, System, answers
from wrangler_compat.servers import free_port

ROLLED = ("edge_api", "consumer", "processor")
_GRACE_SECONDS = 60.0


@dataclass
class Roller:
    """rounds: how often each service is restarted. pause: seconds between two."""

    system: System
    rounds: int
    pause: float
    done: list[Kill] = field(default_factory=list)

    def run(self) -> None:
        """Returns when everything answers again after the last. Raises RuntimeError when one does not stop well."""
        begun = time.monotonic()
        for number in range(self.rounds):
            for name in ROLLED:
                time.sleep(self.pause)
                at = time.monotonic()
                self.restart(name, number)
                self.done.append(Kill(name, at - begun, time.monotonic() - at))
                print(f"{at - begun:7.1f} s  {name}, restarted in {self.done[-1].seconds:.1f} s", flush=True)

    def restart(self, name: str, number: int) -> None:
        """The new one first, but for the processor: its address is one."""
        old = self.system.processes[name]
        new = self._successor(name, number)
        self.system.processes[name] = new
        try:
            if name == "processor":
                stopped(old)
                new.start()
            else:
                new.start()
                stopped(old)
                new.program = replace(new.program, is_ready=answers(f"{new.program.url}/livez"))
        finally:
            old.end()

    def _successor(self, name: str, number: int) -> Process:
        old = self.system.processes[name]
        log = self.system.folder / f"{name}.{number + 1}.log"
        program = old.program
        if name == "consumer":
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            environ = {**program.environ, "METRICS_PORT": str(port)}
            program = replace(program, port=port, url=url, is_ready=answers(f"{url}/livez"), environ=environ)
        elif name == "edge_api":
            # Its predecessor answers at the same address.
            program = replace(program, is_ready=lambda: _has_started(log))
        return Process(program, log, old.environ)


def stopped(process: Process) -> None:
    """SIGTERM, and wait. Raises RuntimeError when it takes too long, or ends in another way."""
    code = process.stop(_GRACE_SECONDS)
    if code not in (0, -signal.SIGTERM):
        raise RuntimeError(f"{process.program.name} ended with {code} after SIGTERM")


def counted(system: System) -> list[str]:
    """Jobs that a restart cost an attempt, in sentences."""
    rows = system.rows(
        "SELECT video_id, attempt_count, interruptions, worker_deaths FROM processing_jobs "
        "WHERE attempt_count - interruptions > 1 OR worker_deaths > 0"
    )
    return [
        f"{row['video_id']} took {row['attempt_count']} attempts, {row['interruptions']} of them cut short, "
        f"{row['worker_deaths']} deaths"
        for row in rows
    ]


def _has_started(log: Path) -> bool:
    return log.exists() and "Application startup complete" in log.read_text(errors="replace")
