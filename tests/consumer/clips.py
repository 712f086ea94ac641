"""Videos that exist only as functions of time, and what people do to them, in pixel space.

A Clip is drawn at any moment: a still, textured set, patterns that drift over it and blobs that wander. Altered clips
are clips too. `fingerprint_of` samples one as the processor would and assembles its Fingerprint with the real code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from processor.bars import margins
from processor.fingerprint import assemble
from processor.focus import may_have_focus, no_details
from processor.inset import may_have_inset
from processor.phash import detailed, thumbnail
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint, Fragment

Frame = NDArray[np.float32]
"""float32 [h, w], luma 0..255."""

INTERVAL = 0.5
HEIGHT, WIDTH = 72, 128
SECONDS = 16.0


@dataclass(frozen=True, eq=False)
class Clip:
    """draw: the picture at a moment, seconds, the same whenever it is asked for. codes: its sound."""

    draw: Callable[[float], Frame]
    duration: float = SECONDS
    codes: NDArray[np.uint32] | None = None

    def then(self, change: Callable[[Frame], Frame]) -> Clip:
        """The same with every picture changed."""
        return replace(self, draw=lambda moment: change(self.draw(moment)))


@functools.lru_cache(maxsize=32)
def clip(seed: int, *, set_seed: int | None = None, duration: float = SECONDS, shot_seconds: float = 6.0) -> Clip:
    """One of a seed: a new shot each `shot_seconds`. Clips of one set_seed are shot on the same sets."""

    @functools.cache
    def shot(n: int) -> _Shot:
        return _Shot((seed, n), (seed if set_seed is None else set_seed, n))

    return Clip(lambda moment: shot(int(moment // shot_seconds)).draw(moment), duration)


@functools.cache
def figure(seed: int, *, look: int = 0, duration: float = SECONDS) -> Clip:
    """A thin figure on a plain wall that waves its limbs; those of one look are alike but for how they move."""
    random = np.random.default_rng((seed, 11))
    rates, phases = random.uniform(0.15, 0.5, 4), random.uniform(0, 1, 4)
    height, width, size = 216, 384, 26.0
    y, x = np.mgrid[:height, :width].astype(np.float64)

    def line(picture: NDArray[np.float64], start: complex, end: complex) -> None:
        """Ten pixels from it nothing of it is left that a float64 could hold."""
        along = end - start
        box = np.s_[
            max(0, int(min(start.imag, end.imag)) - 10) : int(max(start.imag, end.imag)) + 12,
            max(0, int(min(start.real, end.real)) - 10) : int(max(start.real, end.real)) + 12,
        ]
        right, down = x[box] - start.real, y[box] - start.imag
        share = np.clip((right * along.real + down * along.imag) / abs(along) ** 2, 0, 1)
        far = np.hypot(right - share * along.real, down - share * along.imag)
        picture[box] -= 190 * np.exp(-((far / 1.6) ** 2))

    def draw(moment: float) -> Frame:
        picture = np.full((height, width), 238.0)
        middle = complex(width * (0.4 + 0.1 * look), height * 0.55)
        line(picture, middle - 1j * size, middle + 1j * size * 0.4)
        joints = (middle - 0.7j * size,) * 2 + (middle + 0.4j * size,) * 2
        for n, joint in enumerate(joints):
            rest = np.pi * (0.5 + (0.22 if n % 2 else -0.22))
            angle = rest + 0.9 * np.sin(2 * np.pi * (rates[n] * moment + phases[n]))
            line(picture, joint, joint + size * complex(np.cos(angle), np.sin(angle)))
        return np.asarray(picture.clip(0, 255), np.float32)

    return Clip(draw, duration)


class _Shot:
    def __init__(self, seed: tuple[int, int], set_seed: tuple[int, int]) -> None:
        random = np.random.default_rng((*seed, 7))
        self._set = texture(np.random.default_rng((*set_seed, 3)), HEIGHT, WIDTH) * 32
        self._drift = [(texture(random, HEIGHT, 2 * WIDTH) * 14, float(random.uniform(-9, 9))) for _ in range(2)]
        self._blobs = random.uniform(size=(5, 7))

    def draw(self, moment: float) -> Frame:
        picture = 118 + self._set
        for pattern, speed in self._drift:
            picture = picture + np.roll(pattern, round(speed * moment), axis=1)[:, :WIDTH]
        y, x = np.arange(HEIGHT), np.arange(WIDTH)
        for along, across, rate, phase, size, light, path in self._blobs:
            turn = 2 * np.pi * (phase + (0.04 + 0.12 * rate) * moment)
            at_x = WIDTH * (0.15 + 0.7 * along + 0.3 * np.sin(turn))
            at_y = HEIGHT * (0.15 + 0.7 * across + 0.3 * np.cos(turn * (0.6 + path)))
            radius = HEIGHT * (0.08 + 0.10 * size)
            rows, columns = (np.exp(-((each - at) ** 2) / (2 * radius**2)) for each, at in ((y, at_y), (x, at_x)))
            picture += np.outer(np.sign(light - 0.5) * 75 * rows, columns)
        return np.asarray(picture.clip(0, 255), np.float32)


def texture(random: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Noise that falls off like 1/f, as natural pictures do; mean 0, deviation 1."""
    v, u = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * height, indexing="ij")
    fall = 1 / np.maximum(np.hypot(u, v), 1.0) ** 1.2
    fall[np.hypot(u, v) > 16] = 0
    field = np.fft.ifft2(np.fft.fft2(random.normal(size=(height, width))) * fall).real
    return np.asarray((field - field.mean()) / field.std())


@functools.lru_cache(maxsize=128)
def fingerprint_of(source: Clip, *, late: float = 0.0, interval: float = INTERVAL) -> Fingerprint:
    """late: how far the first picture falls after a multiple of the interval, as another encoding's would; seconds.

    Made once of a clip: its arrays cannot be written to.
    """
    made = assemble([fragment_of(source, late=late, interval=interval)])
    for field in fields(made):
        if isinstance(array := getattr(made, field.name), np.ndarray):
            array.flags.writeable = False
    return made


def fragment_of(
    source: Clip, *, late: float = 0.0, interval: float = INTERVAL, start: float = 0.0, stop: float | None = None
) -> Fragment:
    stop = source.duration if stop is None else stop
    times = np.arange(round(start / interval), np.ceil(stop / interval - 1e-9)) * interval
    pictures = [
        np.round(source.draw(min(float(moment) + late, source.duration))).clip(0, 255).astype(np.uint8)
        for moment in times
    ]
    return Fragment(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=source.duration,
        start=start,
        stop=stop,
        width=pictures[0].shape[1] * 5,
        height=pictures[0].shape[0] * 5,
        interval=interval,
        first_code=0,
        times=times.astype(np.float32),
        thumbnails=np.array([thumbnail(picture) for picture in pictures], np.uint8),
        margins=np.array([margins(picture) for picture in pictures], np.uint16),
        codes=np.zeros(0, np.uint32) if source.codes is None else source.codes,
        details=_details(pictures),
    )


def _details(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    details = np.array([detailed(picture) for picture in pictures], np.uint8)
    return details if may_have_focus(details) or may_have_inset(details) else no_details()


# What people do to pictures.


def cropped(source: Clip, top: float, bottom: float, left: float, right: float) -> Clip:
    """Shares cut off."""

    def cut(picture: Frame) -> Frame:
        height, width = picture.shape
        return picture[
            round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)
        ]

    return source.then(cut)


def mirrored(source: Clip) -> Clip:
    return source.then(lambda picture: picture[:, ::-1])


def turned(source: Clip, quarter_turns: int) -> Clip:
    """Counter-clockwise."""
    return source.then(lambda picture: np.rot90(picture, quarter_turns))


def letterboxed(source: Clip, share: float, level: float = 0.0) -> Clip:
    """Bars at top and bottom, each of a share of the picture's height."""
    return source.then(
        lambda picture: np.pad(picture, ((round(share * len(picture)),) * 2, (0, 0)), constant_values=level)
    )


def pillarboxed(source: Clip, share: float, level: float = 0.0) -> Clip:
    return turned(letterboxed(turned(source, 1), share, level), 3)


def with_logo(source: Clip, share: float = 0.18) -> Clip:
    """A white box with a dark core in the upper right corner; share of the height and width."""

    def paint(picture: Frame) -> Frame:
        painted = picture.copy()
        height, width = (round(share * side) for side in picture.shape)
        painted[3 : 3 + height, -3 - width : -3] = 235
        painted[3 + height // 3 : 3 + 2 * height // 3, -3 - 2 * width // 3 : -3 - width // 3] = 40
        return painted

    return source.then(paint)


def graded(source: Clip, gain: float, lift: float) -> Clip:
    return source.then(lambda picture: (picture - 128) * gain + 128 + lift)


def fading(source: Clip, seconds: float) -> Clip:
    """To black, over the last seconds."""

    def draw(moment: float) -> Frame:
        left = min((source.duration - moment) / seconds, 1.0)
        return np.asarray(16 + (source.draw(moment) - 16) * max(left, 0.0), np.float32)

    return replace(source, draw=draw)


def noisy(source: Clip, deviation: float, seed: int = 0) -> Clip:
    """Other noise at every moment, the same at each drawing of it."""

    def draw(moment: float) -> Frame:
        picture = source.draw(moment)
        random = np.random.default_rng((seed, round(moment * 1000)))
        return np.asarray(picture + random.normal(0, deviation, picture.shape), np.float32)

    return replace(source, draw=draw)


def framed(source: Clip, share: float, seed: int = 99) -> Clip:
    """Shrunk to a share of its width and height, on a still picture: picture in picture."""

    def place(picture: Frame) -> Frame:
        height, width = picture.shape
        rows = (np.arange(round(share * height)) / share).astype(int)
        columns = (np.arange(round(share * width)) / share).astype(int)
        backdrop = _backdrop(seed, height, width).copy()
        top, left = (height - len(rows)) // 3, (width - len(columns)) // 2
        backdrop[top : top + len(rows), left : left + len(columns)] = picture[np.ix_(rows, columns)]
        return backdrop

    return source.then(place)


@functools.lru_cache(maxsize=4)
def _backdrop(seed: int, height: int, width: int) -> Frame:
    return np.asarray(118 + 40 * texture(np.random.default_rng(seed), height, width), np.float32)


# What people do to time.


def trimmed(source: Clip, start: float, stop: float) -> Clip:
    return replace(source, draw=lambda moment: source.draw(start + moment), duration=stop - start)


def played_at(source: Clip, speed: float) -> Clip:
    """speed 1.25 plays faster and is shorter."""
    return replace(source, draw=lambda moment: source.draw(moment * speed), duration=source.duration / speed)


def joined(*parts: Clip) -> Clip:
    ends = np.cumsum([part.duration for part in parts])

    def draw(moment: float) -> Frame:
        n = min(int(np.searchsorted(ends, moment, "right")), len(parts) - 1)
        return parts[n].draw(moment - (float(ends[n]) - parts[n].duration))

    return Clip(draw, float(ends[-1]))


def reversed_in_time(source: Clip) -> Clip:
    return replace(source, draw=lambda moment: source.draw(source.duration - moment))


def in_slides(source: Clip, every: float, stands: float, first: float = 1.3) -> Clip:
    """A picture each `every` seconds from `first` on, each standing for `stands` seconds."""
    count = int((source.duration - first) / every)
    return replace(
        source, draw=lambda moment: source.draw(first + every * int(moment / stands)), duration=count * stands
    )


def still(source: Clip, moment: float = 1.0) -> Clip:
    """One picture all the time."""
    picture = source.draw(moment)
    return replace(source, draw=lambda _: picture)


def flat(level: float = 16.0, duration: float = SECONDS) -> Clip:
    """One colour all the time."""
    return Clip(lambda _: np.full((HEIGHT, WIDTH), level, np.float32), duration)
