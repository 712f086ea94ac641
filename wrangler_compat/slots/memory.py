"""Slots in the memory of one process: the same checks and the same leases as the real ones, for tests."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from wrangler_compat.slots.checks import check_call, check_declared
from wrangler_compat.slots.types import SlotOutcome


class MemorySlots:
    """Slots. now: milliseconds."""

    def __init__(
        self, limit: int = 8, lease: int = 15, *, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        check_declared("memory", limit, lease)
        self._limit, self._lease, self._now = limit, lease, now
        self._leases: dict[str, dict[str, int]] = defaultdict(dict)

    @property
    def lease_seconds(self) -> int:
        return self._lease

    async def take(self, *, key: str, holder: str) -> SlotOutcome:
        check_call(key, holder)
        held = self._held(key)
        if holder not in held and len(held) >= self._limit:
            return SlotOutcome(False, self._limit, len(held))
        held[holder] = self._now() + self._lease * 1000
        return SlotOutcome(True, self._limit, len(held))

    async def keep(self, *, key: str, holder: str) -> None:
        check_call(key, holder)
        self._held(key)[holder] = self._now() + self._lease * 1000

    async def give_back(self, *, key: str, holder: str) -> None:
        check_call(key, holder)
        self._held(key).pop(holder, None)

    async def ping(self) -> None:
        return None

    def keys(self) -> list[str]:
        """Of which slots are taken now."""
        return [key for key in list(self._leases) if self._held(key)]

    def holders(self, key: str) -> set[str]:
        """Who has a slot of this key now."""
        return set(self._held(key))

    def _held(self, key: str) -> dict[str, int]:
        now = self._now()
        self._leases[key] = {holder: until for holder, until in self._leases[key].items() if until > now}
        return self._leases[key]
