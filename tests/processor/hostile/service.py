"""The real service with small limits, for files that try to pass them."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from starlette.applications import Starlette

from processor.app import create_app
from processor.settings import Settings

MEMORY = 1 << 30
CPU_SECONDS = 2.0
"""Of a usual machine: what each of the files may take, those that get a fingerprint and those that are refused. The
dearest of those that are not refused for it take about 1.5."""
YARDSTICK_SECONDS = 0.033
"""What yardstick() takes on a usual machine, one that counts to 20 million by `i += 1` in two seconds."""
HANG_SECONDS = 300.0
"""Nothing here ends by this limit; it is there for what would never end."""
LIMITS = Settings(
    slots=1, worker_memory=MEMORY, extract_timeout=HANG_SECONDS, max_duration=3600.0, jobs_per_worker=10_000
)


def yardstick() -> float:
    """Processor seconds of a fixed piece of work, half of it Python's and half numpy's."""
    began, count, numbers = time.process_time(), 0, np.arange(1 << 16, dtype=np.float64)
    while count < 500_000:
        count += 1
    for _ in range(100):
        numbers = np.sqrt(numbers * numbers + 1.0)
    return time.process_time() - began


def cpu_seconds() -> float:
    """Processor time as much as CPU_SECONDS of a usual machine, and never less.

    A fixed number of seconds is another amount of work on another machine: too few of them, and harmless files are
    refused on a slow one; enough for that one, and files that take three times too long pass on all others. Others who
    work beside it make the same work cost up to twice the processor time, so it is measured now and the dearest counts.
    """
    yardstick()  # Once for what is only paid the first time.
    return CPU_SECONDS * max(1.0, *(yardstick() / YARDSTICK_SECONDS for _ in range(3)))


@dataclass
class Guarded:
    """The service, over HTTP; pid: of its one worker, None when that was killed and no video came since."""

    app: Starlette
    client: httpx.AsyncClient

    async def answer(self, url: str, **wanted: Any) -> tuple[int, Mapping[str, Any]]:
        asked = {"video_id": "v-1", "video_url": url, **wanted}
        answer = await self.client.post("/extract-fingerprint", json=asked)
        return answer.status_code, answer.json()

    async def is_up(self) -> bool:
        ready = await self.client.get("/readyz")
        return ready.status_code == 200 and ready.json()["busy"] == 0

    @property
    def pid(self) -> int | None:
        with self.app.state.service.pool.claim() as slot:
            pid: int | None = slot.pid
        return pid


@asynccontextmanager
async def guarded(**settings: Any) -> AsyncIterator[Guarded]:
    """settings: other limits than those above."""
    app = create_app(replace(LIMITS, **({"extract_cpu_seconds": cpu_seconds()} | settings)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://processor", timeout=2 * HANG_SECONDS) as client,
    ):
        yield Guarded(app, client)


def resident_peak(pid: int | None) -> int:
    """Bytes: the largest resident size of a process so far; where the system does not tell it (macOS), the present."""
    if pid is None:
        return 0
    told = Path(f"/proc/{pid}/status")
    if told.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", told.read_text())
        return int(found[1]) * 1024 if found else 0
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) * 1024


def forget_peak(pid: int | None) -> None:
    """From now on resident_peak() counts anew, where the system has that (Linux)."""
    told = Path(f"/proc/{pid}/clear_refs")
    if told.exists():
        told.write_text("5")
