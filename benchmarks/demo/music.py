"""What scenes sound like: a tune of a seed with chords and a beat, and somebody who talks. Pure.

A sound is float32 [n], mono, -1..1, RATE samples to the second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 44100
Sound = NDArray[np.float32]

_SCALES = ((0, 2, 4, 7, 9), (0, 3, 5, 7, 10), (0, 2, 3, 7, 8), (0, 4, 5, 7, 11))
_BEATS_PER_CHORD = 4


def tune(seed: int, seconds: float) -> Sound:
    """Other notes, another key, pace and timbre for each seed."""
    dice = np.random.default_rng((seed, 5))
    beat = float(dice.uniform(0.3, 0.52))
    scale, root = _SCALES[seed % len(_SCALES)], 110 * 2 ** (dice.integers(0, 12) / 12)
    colour = dice.uniform(0.15, 0.8, 5)
    sound = np.zeros(int(seconds * RATE), np.float32)
    for count in range(int(seconds / beat) + 1):
        if count % _BEATS_PER_CHORD == 0:
            degree = int(dice.integers(0, 5))
            for step in (0, 2, 4):
                add(
                    sound, note(_pitch(root, scale, degree + step), beat * _BEATS_PER_CHORD, colour), count * beat, 0.12
                )
        for half in range(int(dice.integers(1, 3))):
            high = 2 * _pitch(root, scale, int(dice.integers(0, 10)))
            add(sound, note(high, beat * 0.9, colour[::-1]), (count + half / 2) * beat, 0.22)
        add(sound, _drum(dice, count % 2 == 1), count * beat, 0.25)
    return (0.9 * sound / max(1e-6, float(np.abs(sound).max()))).astype(np.float32)


def speech(seed: int, seconds: float) -> Sound:
    """Syllables of a buzzing voice, with vowels that change and pauses between sentences."""
    dice = np.random.default_rng((seed, 6))
    sound, at = np.zeros(int(seconds * RATE), np.float32), 0.1
    while at < seconds:
        length = float(dice.uniform(0.11, 0.26))
        time = np.arange(int(length * RATE)) / RATE
        pitch = 118 + 34 * dice.normal() * np.exp(-3 * time / length)
        vowel = dice.uniform((300, 900, 2300), (800, 2100, 3100))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        syllable = np.zeros(len(time))
        for harmonic in range(1, 26):
            strength = sum(np.exp(-(((harmonic * 118 - formant) / 160) ** 2)) for formant in vowel)
            syllable += (strength + 0.05) * np.sin(harmonic * phase) / harmonic**0.4
        hiss = 0.5 * dice.normal(size=len(time)) * np.exp(-40 * time)
        add(sound, ((syllable + hiss) * np.sin(np.pi * time / length)).astype(np.float32), at, 0.2)
        at += length + (0.45 if dice.random() < 0.12 else 0.02)
    return (0.9 * sound / max(1e-6, float(np.abs(sound).max()))).astype(np.float32)


def note(pitch: float, seconds: float, colour: NDArray[np.float64]) -> Sound:
    """Struck, then dying away. pitch: Hz. colour: strength of its overtones."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * pitch * time)
    for overtone, strength in enumerate(colour, 2):
        wave += strength * np.sin(2 * np.pi * overtone * pitch * time) / overtone
    fade = np.minimum(1, (seconds - time) * 50)
    return np.asarray(wave * np.exp(-2.5 * time / seconds) * np.minimum(1, time * 200) * fade, np.float32)


def add(sound: Sound, piece: Sound, at: float, strength: float) -> None:
    """Mixes a piece into it from a moment on; what comes after its end is left out."""
    start = int(at * RATE)
    piece = piece[: max(0, len(sound) - start)]
    sound[start : start + len(piece)] += strength * piece


def _pitch(root: float, scale: tuple[int, ...], degree: int) -> float:
    octave, step = divmod(degree, len(scale))
    return float(root * 2 ** (octave + scale[step] / 12))


def _drum(dice: np.random.Generator, is_snare: bool) -> Sound:
    time = np.arange(int(0.18 * RATE)) / RATE
    if is_snare:
        return np.asarray(dice.normal(size=len(time)) * np.exp(-32 * time) * 0.6, np.float32)
    return np.asarray(np.sin(2 * np.pi * (48 * time + 4 * (1 - np.exp(-30 * time)))) * np.exp(-16 * time), np.float32)
