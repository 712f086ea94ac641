"""Repetition: a siren, a beep or a hum that swells sounds like any other of its kind, however long it lasts."""

from __future__ import annotations

from collections.abc import Callable

from wire.fingerprints import CODE_SECONDS

_LAGS = range(round(0.5 / CODE_SECONDS), round(6.0 / CODE_SECONDS))
_LEEWAY = 1.5


def varied(likeness: Callable[[int], float], length: int) -> float:
    """0..1: how little of a sound is its own repetition after 0.5 to 6 s; 0 when all of it is.

    likeness: of the sound to itself so many rows later, 1 for equal and 0 for by chance. length: of the sound in rows.
    Loops of music reach 0.4 and more, for they are played over; sirens and beeps stay below 0.3.
    """
    lags = [lag for lag in _LAGS if lag <= length // 2]
    most = max((likeness(lag) for lag in lags), default=0.0)
    return min(1.0, max(0.0, _LEEWAY * (1.0 - most)))
