"""The real service with small limits, for files that try to pass them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from processor.app import create_app
from processor.settings import Settings

MEMORY = 1 << 30
CPU_SECONDS = 6.0
LIMITS = Settings(
    slots=1,
    worker_memory=MEMORY,
    extract_cpu_seconds=CPU_SECONDS,
    extract_timeout=60.0,
    max_duration=3600.0,
    jobs_per_worker=10_000,
)


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
    app = create_app(replace(LIMITS, **settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://processor", timeout=120) as client,
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
