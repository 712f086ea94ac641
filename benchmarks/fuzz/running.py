"""Damaged files through the real service, one after another, each watched."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzz.mutations import mutated
from benchmarks.fuzz.seeds import make_seeds
from tests.processor.hostile.service import MEMORY, Guarded, forget_peak, guarded, resident_peak
from tests.processor.range_server import range_server

CPU_SECONDS = 10.0
WALL_SECONDS = 60.0
_TIERS = ("standard", "standard", "economy", "premium")


@dataclass(frozen=True)
class Outcome:
    """What became of one damaged file. seconds: until its answer. memory: the worker's largest resident size, bytes."""

    number: int
    kind: str
    good: str
    status: int
    code: str
    seconds: float
    memory: int
    is_up: bool

    @property
    def fault(self) -> str | None:
        """What must not be; None when all is well."""
        if not self.is_up:
            return "the service is not ready any more"
        if self.status not in (200, 422):
            return f"answered {self.status} {self.code}"
        if self.seconds > WALL_SECONDS:
            return f"took {self.seconds:.1f} s"
        return f"took {self.memory >> 20} MB" if self.memory > MEMORY else None


async def outcomes(numbers: range, seed: int, folder: Path, keep: Path | None = None) -> AsyncIterator[Outcome]:
    """One for each damaged file. folder: for the files on their way. keep: where those with a fault are kept.

    Raises RuntimeError when the good files are not answered with a fingerprint: then nothing would be shown.
    """
    good = make_seeds(folder)
    limits = {"extract_cpu_seconds": CPU_SECONDS, "extract_timeout": WALL_SECONDS, "jobs_per_worker": 1_000_000}
    with range_server(folder) as server:
        async with guarded(**limits) as service:
            for name in good:
                status, body = await service.answer(server.url(name))
                if status != 200:
                    raise RuntimeError(f"the good file {name} is answered {status}: {body['error']}")
            for number in numbers:
                kind, name, data = mutated(number, seed, good)
                path = folder / f"damaged-{number}{Path(name).suffix}"
                path.write_bytes(data)
                outcome = await _watched(service, server.url(path.name), number, kind, name)
                if outcome.fault is not None and keep is not None:
                    _keep(keep / path.name, data)
                path.unlink()
                yield outcome


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


async def _watched(service: Guarded, url: str, number: int, kind: str, good: str) -> Outcome:
    forget_peak(service.pid)
    began = time.monotonic()
    status, body = await service.answer(url, tier=_TIERS[number % len(_TIERS)])
    seconds = time.monotonic() - began
    return Outcome(
        number=number,
        kind=kind,
        good=good,
        status=status,
        code="fingerprint" if status == 200 else str(body["code"]),
        seconds=seconds,
        memory=resident_peak(service.pid),
        is_up=await service.is_up(),
    )
