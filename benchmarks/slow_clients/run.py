"""One run: ordinary clients alone, then beside slow ones and such as hang up, then alone again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from benchmarks.chaos.clips import padded
from benchmarks.slow_clients.clients import Answer, HangUp, Target, hang_up, slow_upload
from benchmarks.slow_clients.others import Served, served
from benchmarks.vitals import Vitals, vitals

_HOW: tuple[HangUp, ...] = ("close", "reset")
_LARGE_BYTES = 7_000_000
"""More than a part, so that who hangs up leaves an open multipart upload to clean up."""

MORE_HANDLES = 24
"""May be open at the end: connections to the store, which are kept for some seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: that the slow clients take; the others are alone for as long, half before and half after."""

    slow: int
    bytes_per_second: float
    hang_ups: int
    others: int
    seconds: float
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """What the gateway has kept."""

    rows: int
    objects: int
    open_uploads: int


@dataclass
class Outcome:
    alone: Served = field(default_factory=Served)
    beside: Served = field(default_factory=Served)
    slow: list[Answer] = field(default_factory=list)
    vitals: list[Vitals] = field(default_factory=list)
    """Of the gateway at the start, in the middle of the slow clients' time, and at the end."""
    accounts: list[Account] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return self.alone.accepted + self.beside.accepted + sum(answer.status == 200 for answer in self.slow)

    def faults(self, *, most_growth: int = 64_000_000) -> list[str]:
        """What must not be, in sentences. most_growth: bytes of memory that may be more at the end."""
        found = [f"others were answered: {fault}" for fault in (self.alone + self.beside).faults]
        refused = Counter(f"{answer.status} {answer.code}" for answer in self.slow if answer.status != 200)
        found += [f"{count} slow uploads were answered {what}" for what, count in refused.items()]
        if self.accounts:
            before, after = self.accounts
            for name in ("rows", "objects"):
                more = getattr(after, name) - getattr(before, name)
                if more != self.accepted:
                    found.append(f"{self.accepted} uploads were accepted, and there are {more} more {name}")
            if after.open_uploads:
                found.append(f"{after.open_uploads} multipart uploads are open")
        if self.vitals:
            start, *_, end = self.vitals
            if end.handles > start.handles + MORE_HANDLES:
                found.append(f"{end.handles} file handles are open, {start.handles} were before")
            if end.resident > start.resident + most_growth:
                found.append(f"memory has grown by {(end.resident - start.resident) / 1e6:.0f} MB")
        return found


async def carried_out(
    plan: Plan,
    target: Target,
    clip: bytes,
    *,
    pid: int | None = None,
    account: Callable[[], Awaitable[Account]] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """clip: a small MP4; what is uploaded is that, with other padding each time. pid: of the gateway."""
    outcome, numbers = Outcome(), _files(clip, plan.seed)

    def look() -> None:
        if pid is not None:
            outcome.vitals.append(vitals(pid))

    await _warmed_up(plan, target, clip, numbers)
    if account is not None:
        outcome.accounts.append(await account())
    look()
    say(f"{plan.others} clients alone, {plan.seconds / 2:g} s")
    outcome.alone = await served(target, numbers, plan.others, plan.seconds / 2)
    say(f"beside {plan.slow} slow clients and {plan.hang_ups} that hang up, {plan.seconds:g} s")
    slow_files = [padded(clip, max(len(clip) + 8, size), f"slow {n}") for n, size in enumerate(_sizes(plan))]
    troubling = asyncio.gather(*(slow_upload(target, file, plan.bytes_per_second) for file in slow_files))
    leaving = asyncio.gather(*_hang_ups(plan, target, clip))
    middle = asyncio.get_running_loop().call_later(plan.seconds / 2, look)
    outcome.beside = await served(target, numbers, plan.others, plan.seconds)
    outcome.slow = list(await troubling)
    await leaving
    middle.cancel()
    say(f"alone again, {plan.seconds / 2:g} s")
    outcome.alone += await served(target, numbers, plan.others, plan.seconds / 2)
    await _at_rest(pid, outcome.vitals)
    look()
    if account is not None:
        outcome.accounts.append(await account())
    return outcome


def _sizes(plan: Plan) -> Sequence[int]:
    """So that they end in the last tenth of the time."""
    dice = Random(plan.seed)
    return [round(plan.bytes_per_second * plan.seconds * dice.uniform(0.9, 1.0)) for _ in range(plan.slow)]


def _files(clip: bytes, seed: int) -> Iterator[bytes]:
    n = 0
    while True:
        n += 1
        yield padded(clip, len(clip) + 64, f"{seed} {n}")


def _hang_ups(plan: Plan, target: Target, clip: bytes) -> Iterator[Awaitable[None]]:
    """Spread over the time; after some bytes, or after more than a part."""
    dice = Random(plan.seed + 1)
    large = padded(clip, 2 * _LARGE_BYTES, "large")

    async def later(seconds: float, sent: int, how: HangUp) -> None:
        await asyncio.sleep(seconds)
        await hang_up(target, large, sent, how)

    for n in range(plan.hang_ups):
        sent = dice.randrange(len(clip)) if n % 2 else _LARGE_BYTES + dice.randrange(10**6)
        yield later(dice.uniform(0, plan.seconds * 0.8), sent, _HOW[n // 2 % 2])


async def _warmed_up(plan: Plan, target: Target, clip: bytes, numbers: Iterator[bytes]) -> None:
    """What is opened by the first requests, and taken by the first large uploads, is kept from then on."""
    large = padded(clip, 2 * _LARGE_BYTES, "large")
    await asyncio.gather(*(hang_up(target, large, _LARGE_BYTES, "close") for _ in range(plan.others)))
    await served(target, numbers, plan.others, 1.0)
    await asyncio.sleep(1.0)


async def _at_rest(pid: int | None, seen: Sequence[Vitals]) -> None:
    """Returns when the connections are closed, or after 20 s."""
    for _ in range(40):
        if pid is None or vitals(pid).handles <= seen[0].handles + MORE_HANDLES:
            return
        await asyncio.sleep(0.5)
