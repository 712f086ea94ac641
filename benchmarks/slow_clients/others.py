"""Ordinary clients: each uploads a small video, asks for its status, rests, and does so again. They are timed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field

import httpx

from benchmarks.slow_clients.clients import Target

REST_SECONDS = 0.3


@dataclass
class Served:
    """What the ordinary clients saw in a stretch of time. Seconds."""

    uploads: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Served) -> Served:
        return Served(self.uploads + other.uploads, self.asked + other.asked, self.answers + other.answers)

    @property
    def accepted(self) -> int:
        return self.answers["upload 200"]

    @property
    def faults(self) -> list[str]:
        """Answers other than 200, in words."""
        return [f"{count} x {what}" for what, count in sorted(self.answers.items()) if not what.endswith(" 200")]


async def served(target: Target, files: Iterator[bytes], clients: int, seconds: float) -> Served:
    """So many clients for so long. files: one for each upload, all different."""
    seen = Served()
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(
        base_url=target.url, headers={"Authorization": f"Bearer {target.token}"}, timeout=120, trust_env=False
    ) as http:
        await asyncio.gather(*(_client(http, files, seen, until) for _ in range(clients)))
    return seen


async def _client(http: httpx.AsyncClient, files: Iterator[bytes], seen: Served, until: float) -> None:
    while time.monotonic() < until:
        began = time.perf_counter()
        answer = await _asked(http.post("/api/upload", files={"video": ("small.mp4", next(files))}))
        seen.uploads.append(time.perf_counter() - began)
        seen.answers[f"upload {answer.status_code if answer else 'no answer'}"] += 1
        if answer is not None and answer.status_code == 200:
            began = time.perf_counter()
            shown = await _asked(http.get(f"/api/videos/{answer.json()['video_id']}"))
            seen.asked.append(time.perf_counter() - began)
            seen.answers[f"status {shown.status_code if shown else 'no answer'}"] += 1
        await asyncio.sleep(REST_SECONDS)


async def _asked(asking: Awaitable[httpx.Response]) -> httpx.Response | None:
    try:
        return await asking
    except httpx.HTTPError:
        return None
