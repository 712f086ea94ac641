"""Sounds that were never recorded: short pieces of real clips' tones, at other pitches and tempos, over one another.

The bands of a piece are moved by more than the index follows, or its time runs backwards, and the bands that leave at
one end come in at the other. So the sound has the levels and the changes of what was recorded, and is no copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from processor.sound import FRAMES, code_count
from wire.fingerprints import TONE_DECIBELS, TONES, Fingerprint

Tones = NDArray[np.uint8]
Codes = NDArray[np.uint32]

_LEAST_ROWS = 40
_PIECE_ROWS = (10, 40)
_TEMPOS = (0.6, 1.7)
_LEAST_MOVED = 6
"""Bands: eight semitones, where the index follows three."""

_SILENT = 0.15
"""Share of videos without sound."""


def audible(fingerprints: Sequence[Fingerprint]) -> list[tuple[Tones, Codes]]:
    """What can be mixed: tones and codes of those that have enough of them."""
    return [(each.tones, each.codes) for each in fingerprints if len(each.codes) >= _LEAST_ROWS]


def synthetic_sound(seed: int, clips: Sequence[tuple[Tones, Codes]], *, seconds: float) -> tuple[Codes, Tones]:
    """Codes and tones of a seed, as many as a video of that length has; none for some seeds. clips: one at least."""
    random = np.random.default_rng((seed, 78))
    count = code_count(seconds)
    if count == 0 or random.random() < _SILENT:
        return np.zeros(0, np.uint32), np.zeros((0, TONES), np.uint8)
    layers = [_layer(random, clips, count + FRAMES - 1) for _ in range(2)]
    powers = sum(10 ** (TONE_DECIBELS * layer.astype(np.float32) / 10) for layer in layers)
    mixed = np.round(10 * np.log10(np.asarray(powers)) / TONE_DECIBELS)
    return _codes(random, clips, count), np.asarray(mixed.clip(0, 63), np.uint8)


def _layer(random: np.random.Generator, clips: Sequence[tuple[Tones, Codes]], rows: int) -> Tones:
    pieces: list[Tones] = []
    made = 0
    while made < rows:
        tones, _ = clips[int(random.integers(len(clips)))]
        places = _places(random, len(tones))
        moved = int(random.integers(_LEAST_MOVED, TONES - _LEAST_MOVED + 1))
        pieces.append(np.roll(tones[places], moved, axis=1))
        made += len(places)
    return np.concatenate(pieces)[:rows]


def _codes(random: np.random.Generator, clips: Sequence[tuple[Tones, Codes]], count: int) -> Codes:
    """Pieces of real codes, each with some of its bits turned around: as alike from one to the next as real ones."""
    pieces: list[Codes] = []
    made = 0
    while made < count:
        _, codes = clips[int(random.integers(len(clips)))]
        places = _places(random, len(codes))
        pieces.append(codes[places] ^ np.uint32(random.integers(1, 1 << 32)))
        made += len(places)
    return np.concatenate(pieces)[:count]


def _places(random: np.random.Generator, rows: int) -> NDArray[np.intp]:
    """Which rows a piece is made of: some seconds at another tempo, forwards or backwards."""
    length = min(int(random.integers(*_PIECE_ROWS)), rows)
    steps = np.arange(int(length / random.uniform(*_TEMPOS)) + 1)
    places = np.linspace(0, length - 1, len(steps)).round().astype(np.intp)
    start = int(random.integers(rows - length + 1))
    return start + (places if random.random() < 0.5 else places[::-1])
