"""Clips, and what people do to them before they upload them once more. Pure: a changed clip is a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.demo.music import RATE, Sound
from benchmarks.quality.artwork import logo

Frame = NDArray[np.uint8]
"""uint8 [height, width, 3], RGB."""


@dataclass(frozen=True, eq=False)
class Clip:
    """draw: the picture at a moment, seconds. sound: None for a silent one."""

    draw: Callable[[float], Frame]
    seconds: float
    sound: Sound | None

    def then(self, change: Callable[[Frame], Frame]) -> Clip:
        """The same with every picture changed."""
        return replace(self, draw=lambda moment: change(self.draw(moment)))


def mirrored(clip: Clip) -> Clip:
    return clip.then(lambda frame: frame[:, ::-1])


def letterboxed(clip: Clip, share: float = 0.12) -> Clip:
    """Black bars above and below, each of a share of the picture's height."""
    return clip.then(lambda frame: np.pad(frame, ((_even(share * len(frame)),) * 2, (0, 0), (0, 0))))


def cropped(clip: Clip, share: float = 0.06) -> Clip:
    """A share of each side is cut off."""

    def cut(frame: Frame) -> Frame:
        down, across = _even(share * frame.shape[0]), _even(share * frame.shape[1])
        return frame[down:-down, across:-across]

    return clip.then(cut)


def with_logo(clip: Clip, share: float = 0.2) -> Clip:
    """A sender's mark in a corner. share: its diameter, of the shorter side of the picture."""

    def mark(frame: Frame) -> Frame:
        over = logo(frame.shape[1], frame.shape[0], share, Random(3))
        return np.where(over[:, :, 3:] > 0, over[:, :, :3], frame)

    return clip.then(mark)


def graded(clip: Clip, gain: float = 1.25, lift: float = 14) -> Clip:
    """More contrast, and brighter."""
    return clip.then(lambda frame: ((frame.astype(np.float32) - 128) * gain + 128 + lift).clip(0, 255).astype(np.uint8))


def smaller(clip: Clip) -> Clip:
    """Half as wide and half as high."""
    return clip.then(_halved)


def in_picture(clip: Clip, host: Clip) -> Clip:
    """The clip, half as large, before another one, with the other's sound."""

    def place(moment: float) -> Frame:
        ground, inset = host.draw(moment).copy(), _halved(clip.draw(moment))
        top, left = ground.shape[0] - inset.shape[0] - 12, ground.shape[1] - inset.shape[1] - 12
        ground[top - 3 : top + inset.shape[0] + 3, left - 3 : left + inset.shape[1] + 3] = 255
        ground[top : top + inset.shape[0], left : left + inset.shape[1]] = inset
        return ground

    return Clip(place, min(clip.seconds, host.seconds), host.sound)


def voiced(clip: Clip, sound: Sound) -> Clip:
    """The same pictures with another sound."""
    return replace(clip, sound=sound)


def trimmed(clip: Clip, start: float, stop: float) -> Clip:
    """What is between two moments, seconds."""
    sound = None if clip.sound is None else clip.sound[int(start * RATE) : int(stop * RATE)]
    return Clip(lambda moment: clip.draw(start + moment), stop - start, sound)


def sped_up(clip: Clip, speed: float = 1.25) -> Clip:
    """Faster by that factor; the sound higher with it, as a tape's."""
    sound = clip.sound
    if sound is not None:
        at = np.arange(int(len(sound) / speed)) * speed
        sound = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    return Clip(lambda moment: clip.draw(moment * speed), clip.seconds / speed, sound)


def joined(first: Clip, second: Clip) -> Clip:
    """One after the other; both have sound, or none has."""
    both = None
    if first.sound is not None and second.sound is not None:
        both = np.concatenate([first.sound, second.sound])
    return Clip(
        lambda moment: first.draw(moment) if moment < first.seconds else second.draw(moment - first.seconds),
        first.seconds + second.seconds,
        both,
    )


def _halved(frame: Frame) -> Frame:
    height, width = _even(frame.shape[0]), _even(frame.shape[1])
    quads = frame[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
    return np.asarray(quads.mean(axis=(1, 3)), np.uint8)


def _even(size: float) -> int:
    return int(size) // 2 * 2
