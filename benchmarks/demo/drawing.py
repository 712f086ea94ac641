"""What scenes are painted with: grounds, shapes with soft edges, rows of hills. Pure.

A picture is float32 [height, width, 3], RGB, 0..255; places and sizes are in pixels, and shapes are painted into it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Colour = tuple[int, int, int]
Mask = NDArray[np.float32]
"""float32 [height, width], 0..1: how much of each pixel a shape covers."""


def gradient(width: int, height: int, stops: Sequence[Colour]) -> Picture:
    """Colours from top to bottom, evenly spaced."""
    at = np.linspace(0, len(stops) - 1, height)
    columns = [np.interp(at, np.arange(len(stops)), [stop[channel] for stop in stops]) for channel in range(3)]
    return np.repeat(np.stack(columns, axis=1)[:, None, :], width, axis=1).astype(np.float32)


def texture(dice: np.random.Generator, width: int, height: int, coarse: float = 1.2) -> Mask:
    """Noise that falls off like 1/f to the power `coarse`, seamless at its sides; mean 0, deviation 1."""
    v, u = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * height, indexing="ij")
    fall = 1 / np.maximum(np.hypot(u, v), 1.0) ** coarse
    field = np.fft.ifft2(np.fft.fft2(dice.normal(size=(height, width))) * fall).real
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def paint(picture: Picture, mask: Mask, colour: Colour | Picture, left: int = 0, top: int = 0) -> None:
    """Lays a colour, or another picture, over it where the mask says so. What reaches beyond the sides is left out."""
    height, width = mask.shape
    first, last = max(0, -left), min(width, picture.shape[1] - left)
    upper, lower = max(0, -top), min(height, picture.shape[0] - top)
    if first >= last or upper >= lower:
        return
    share = mask[upper:lower, first:last, None]
    over = colour[upper:lower, first:last] if isinstance(colour, np.ndarray) else np.asarray(colour, np.float32)
    under = picture[top + upper : top + lower, left + first : left + last]
    under += share * (over - under)


def disc(picture: Picture, x: float, y: float, radius: float, colour: Colour, *, flat: float = 1.0) -> None:
    """flat: height of it, of its width."""
    ellipse(picture, x, y, radius, radius * flat, colour)


def ellipse(picture: Picture, x: float, y: float, across: float, down: float, colour: Colour) -> None:
    """across, down: its radii."""
    left, top = int(x - across) - 2, int(y - down) - 2
    rows, columns = np.ogrid[top : top + int(2 * down) + 6, left : left + int(2 * across) + 6]
    away = np.hypot((columns - x) / across, (rows - y) / down)
    paint(picture, ((1 - away) * min(across, down) + 0.5).clip(0, 1).astype(np.float32), colour, left, top)


def glow(picture: Picture, x: float, y: float, radius: float, colour: Colour, strength: float = 0.6) -> None:
    left, top, side = int(x - radius), int(y - radius), int(2 * radius) + 2
    rows, columns = np.ogrid[top : top + side, left : left + side]
    away = np.hypot(columns - x, rows - y) / radius
    paint(picture, (strength * (1 - away).clip(0, 1) ** 2).astype(np.float32), colour, left, top)


def box(picture: Picture, left: float, top: float, width: float, height: float, colour: Colour) -> None:
    first, upper = max(0, round(left)), max(0, round(top))
    picture[upper : max(upper, round(top + height)), first : max(first, round(left + width))] = colour


def polygon(picture: Picture, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
    """Convex; corners (x, y) in either direction."""
    xs, ys = zip(*corners, strict=True)
    left, top = int(min(xs)) - 1, int(min(ys)) - 1
    rows, columns = np.ogrid[top : int(max(ys)) + 3, left : int(max(xs)) + 3]
    mask = np.ones((rows.size, columns.size))
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    for (x, y), (next_x, next_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
        run, rise = next_x - x, next_y - y
        steep = np.hypot(run, rise) or 1.0
        side = (run * (rows - y) - rise * (columns - x)) / steep
        inner = run * (middle_y - y) - rise * (middle_x - x)
        mask = np.minimum(mask, (side * np.sign(inner) + 0.5).clip(0, 1))
    paint(picture, mask.astype(np.float32), colour, left, top)


def ridge(dice: np.random.Generator, width: int, lowest: float, highest: float, waves: int = 7) -> NDArray[np.float32]:
    """float32 [width]: the heights of a row of hills, seamless at its ends."""
    x = np.arange(width) / width * 2 * np.pi
    line = np.zeros(width)
    for n in range(1, waves + 1):
        line += np.sin(x * n * 2 + dice.uniform(0, 2 * np.pi)) * dice.uniform(0.4, 1) / n
    line = (line - line.min()) / (line.max() - line.min())
    return np.asarray(lowest + (highest - lowest) * line, np.float32)


def below(tops: NDArray[np.float32], height: int) -> Mask:
    """Everything under a line that is given as one row number for each column."""
    return (np.arange(height)[:, None] - tops[None, :] + 0.5).clip(0, 1).astype(np.float32)


def panned(layer: NDArray[np.float32], shift: float, width: int) -> NDArray[np.float32]:
    """`width` columns of a seamless layer, from column `shift` on, between two columns by their mix."""
    whole, rest = int(np.floor(shift)), shift - np.floor(shift)
    columns = (whole + np.arange(width + 1)) % layer.shape[1]
    wide = layer[:, columns]
    return np.asarray(wide[:, :-1] * (1 - rest) + wide[:, 1:] * rest, np.float32)
