"""Sounds made of a seed: melodies that can be played at any pitch and tempo, and what is no recording of anything."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from processor.sound import BlockSound, blocks_of, without_quiet, without_silence
from processor.tones import RATE
from tests.consumer.fingerprints import blank_fingerprint
from wire.fingerprints import Fingerprint

Pcm = NDArray[np.int16]


@functools.lru_cache(maxsize=64)
def melody(seed: int, seconds: float = 20.0, *, semitones: float = 0.0, tempo: float = 1.0, hiss: float = 0.01) -> Pcm:
    """So many seconds of a melody, played this much higher and faster: notes of a few partials that glide and fade.

    It cannot be written to."""
    random = np.random.default_rng(seed)
    length = int(seconds / tempo * RATE)
    sound = np.zeros(length)
    at = 0.0
    while at < seconds:
        lasts = random.uniform(0.15, 0.7)
        first, stop = int(at / tempo * RATE), min(length, int((at + lasts) / tempo * RATE))
        time = np.arange(stop - first) / RATE
        glide, decay = random.uniform(-0.4, 0.4), random.uniform(1, 8)
        pitch = 2 ** ((semitones + random.uniform(0, 30)) / 12) * 150 * 2 ** (glide * time * tempo)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        turn, fading = np.exp(1j * phase), np.exp(-decay * time * tempo)
        waves = turn.copy()
        for partial in range(1, 10):
            sound[first:stop] += random.exponential(1 / partial) * waves.imag * fading
            waves *= turn
        at += lasts * random.uniform(0.6, 1.0)
    noise = np.random.default_rng((seed, 1000 + round(100 * semitones), round(1000 * tempo))).normal(size=length)
    played = pcm(0.15 * sound + hiss * noise)
    played.flags.writeable = False
    return played


def noise(seed: int, seconds: float = 20.0, level: float = 0.1) -> Pcm:
    return pcm(level * np.random.default_rng(seed).normal(size=int(seconds * RATE)))


def hum(seed: int, seconds: float = 20.0) -> Pcm:
    """Of mains, with a little hiss of its own."""
    time = np.arange(int(seconds * RATE)) / RATE
    random = np.random.default_rng(seed)
    turn = np.exp(2j * np.pi * 50 * time)
    tone, waves = np.zeros(len(time)), turn.copy()
    for partial in range(1, 30):
        tone += (waves * np.exp(1j * random.uniform(0, 6))).imag / partial
        waves *= turn
    return pcm(0.15 * tone + 0.003 * random.normal(size=len(time)))


def siren(seed: int, seconds: float = 20.0, period: float = 2.0) -> Pcm:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * np.cumsum(800 + 300 * np.sin(2 * np.pi * (time + 0.3 * seed) / period)) / RATE)
    return pcm(0.4 * wave + 0.01 * np.random.default_rng(seed).normal(size=len(time)))


def silence(seconds: float = 20.0) -> Pcm:
    return np.zeros(int(seconds * RATE), np.int16)


def joined(*pieces: Pcm) -> Pcm:
    return np.concatenate(pieces)


def mixed(one: Pcm, other: Pcm, share: float) -> Pcm:
    """The second as loud as this share of itself."""
    length = min(len(one), len(other))
    return pcm((one[:length] + share * other[:length].astype(np.float64)) / 32768)


def pcm(wave: NDArray[np.float64]) -> Pcm:
    return np.round(wave * 32767).clip(-32768, 32767).astype(np.int16)


def heard_in(sound: Pcm) -> Fingerprint:
    """The fingerprint of a black video with this sound."""
    seconds = len(sound) / RATE
    codes, tones = [np.zeros(0, np.uint32)], [blank_fingerprint().tones]
    for block in blocks_of(0.0, seconds, seconds):
        collected = BlockSound(block)
        collected.feed(0, sound)
        result = collected.finish()
        codes.append(result.codes)
        tones.append(result.tones)
    black = blank_fingerprint(duration=seconds)
    return replace(black, codes=without_silence(np.concatenate(codes)), tones=without_quiet(np.concatenate(tones)))
