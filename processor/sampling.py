"""Which pictures of a video are looked at: by time, never by frame count.

Sample k is the picture shown at k * interval seconds after the first. Every decision here depends on times alone and
not on where reading began, so a range picks the very pictures that the whole would.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_Picture = TypeVar("_Picture")
_Packet = TypeVar("_Packet")

TOLERANCE_SECONDS = 1e-4
"""A picture counts as shown this much before its time: containers round times."""


class GridSampler(Generic[_Picture]):
    """Gives `emit(time, picture)` for each sample with start <= time < stop, from pictures pushed in order of time."""

    def __init__(self, start: float, stop: float, interval: float, emit: Callable[[float, _Picture], None]) -> None:
        self._interval = interval
        self._next = math.ceil(start / interval - 1e-9)
        self._end = math.ceil(stop / interval - 1e-9)
        self._emit = emit
        self._shown: _Picture | None = None
        self._shown_from = -math.inf
        self._is_late = False

    @property
    def first_time(self) -> float:
        """The picture shown at this time is the first that is needed."""
        return self._next * self._interval

    @property
    def is_late(self) -> bool:
        """Whether the first picture came after it was needed. What it was needed for was not emitted."""
        return self._is_late

    @property
    def is_done(self) -> bool:
        return self._next >= self._end

    def wants(self, shown_from: float, shown_until: float) -> bool:
        """Whether any sample falls within the time for which a picture is shown."""
        k = max(self._next, math.ceil((shown_from - TOLERANCE_SECONDS) / self._interval))
        return k < self._end and k * self._interval < shown_until - TOLERANCE_SECONDS

    def push(self, time: float, picture: _Picture) -> None:
        """picture is shown from time on. One that comes out of order is left out."""
        if time <= self._shown_from:
            return
        if self._shown is None and not self.is_done:
            self._is_late = time > self.first_time + TOLERANCE_SECONDS
        self._emit_before(time)
        self._shown, self._shown_from = picture, time

    def finish(self, end: float) -> None:
        """The last picture is shown until end."""
        self._emit_before(end)

    def _emit_before(self, time: float) -> None:
        while self._shown is not None and not self.is_done and self.first_time < time - TOLERANCE_SECONDS:
            self._emit(self.first_time, self._shown)
            self._next += 1


class Cells:
    """For keyframes alone: the first of each cell [k * interval, (k + 1) * interval) is a sample, at its own time."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._taken = -math.inf

    def start_of(self, time: float) -> float:
        """Where the cell of this time begins."""
        return self._cell(time) * self._interval

    def takes(self, time: float) -> bool:
        """Whether the keyframe at this time is the first of its cell. Ask once for each, in order of time."""
        cell = self._cell(time)
        is_first = cell > self._taken
        self._taken = max(self._taken, cell)
        return is_first

    def _cell(self, time: float) -> int:
        return math.floor((time + TOLERANCE_SECONDS) / self._interval)


class Lookahead(Generic[_Packet]):
    """Tells until when each packet's picture is shown, before the packet is decoded.

    Packets come in decoding order; within DEPTH of them every codec has brought them into order of time.
    """

    DEPTH = 18

    def __init__(self) -> None:
        self._waiting: deque[tuple[_Packet, float]] = deque()
        self._recent: deque[float] = deque(maxlen=self.DEPTH)

    def push(self, packet: _Packet, time: float) -> list[tuple[_Packet, float, float]]:
        """(packet, shown from, shown until) of the packet that is ready now, if any. Seconds."""
        self._waiting.append((packet, time))
        return [self._take()] if len(self._waiting) > self.DEPTH else []

    def flush(self) -> list[tuple[_Packet, float, float]]:
        return [self._take() for _ in range(len(self._waiting))]

    def _take(self) -> tuple[_Packet, float, float]:
        packet, time = self._waiting.popleft()
        later = [other for _, other in self._waiting if other > time]
        later += [other for other in self._recent if other > time]
        self._recent.append(time)
        return packet, time, min(later, default=math.inf)
