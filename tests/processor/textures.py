"""Pictures that look like nothing in particular: noise that falls off like 1/f, as natural pictures do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def texture(seed: int | tuple[int, ...], height: int, width: int, slope: float = 1.2) -> NDArray[np.uint8]:
    """uint8 [height, width], mean about 128, deviation about 45."""
    random = np.random.default_rng(seed)
    v, u = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * width, indexing="ij")
    fall = 1 / np.maximum(np.hypot(u, v), 1.0) ** slope
    field = np.fft.ifft2(np.fft.fft2(random.normal(size=(height, width))) * fall).real
    return np.asarray((128 + 45 * (field - field.mean()) / field.std()).round().clip(0, 255), np.uint8)


def with_bars(
    picture: NDArray[np.uint8], top: int, bottom: int, left: int, right: int, level: int = 16
) -> NDArray[np.uint8]:
    """The picture in a frame of one level; sides in pixels."""
    return np.pad(picture, ((top, bottom), (left, right)), constant_values=level)


def clip(seed: int, shots: int = 3, per_shot: int = 4, side: int = 64) -> NDArray[np.uint8]:
    """uint8 [shots * per_shot, side, side]: each shot a texture that drifts."""
    return np.array(
        [np.roll(texture((seed, shot), side, side), 2 * n, axis=1) for shot in range(shots) for n in range(per_shot)]
    )
