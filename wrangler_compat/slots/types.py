"""The slots binding's shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SlotOutcome:
    """success: the holder has a slot. limit: slots of each key. taken: how many of this key's are, the holder's too."""

    success: bool
    limit: int
    taken: int


class Slots(Protocol):
    """Failures raise SlotsError: the caller decides whether to go on without.

    Who dies gives nothing back: a slot that nobody keeps is free again after lease_seconds.
    """

    @property
    def lease_seconds(self) -> int: ...

    async def take(self, *, key: str, holder: str) -> SlotOutcome:
        """A slot of this key for a lease, if one is free. Who has one keeps it."""
        ...

    async def keep(self, *, key: str, holder: str) -> None:
        """The lease begins anew. Who has no slot any more gets one, a free one or not: it counts what is under way."""
        ...

    async def give_back(self, *, key: str, holder: str) -> None:
        """Free at once. Without effect when the holder has none."""
        ...

    async def ping(self) -> None: ...
