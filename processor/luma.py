"""Planes of decoded pictures -> luma that can be compared: full range, upright, of a workable size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PLANAR_8_BIT = ("yuv4", "yuvj4", "yuva4", "nv12", "nv21", "nv16", "nv24", "gray")

WORKING_SIDE = 540
"""Pictures whose shorter side is at least twice this are halved (or divided by a larger whole number) by averaging."""


def has_luma_plane(pixel_format: Any) -> bool:
    """Whether the first plane of such a PyAV format is the luma, of 8 bits or of up to 16 in little-endian pairs."""
    bits = pixel_format.components[0].bits
    if bits == 8:
        return bool(pixel_format.name.startswith(_PLANAR_8_BIT))
    return bool(pixel_format.name.startswith("yuv") and pixel_format.name.endswith("le") and 8 < bits <= 16)


def luma_plane(frame: Any) -> NDArray[np.uint8]:
    """uint8 [h, w], a view where it can be, of a PyAV frame whose format has_luma_plane."""
    bits = frame.format.components[0].bits
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    if bits == 8:
        return lines[:, : frame.width]
    return np.asarray(lines.view("<u2")[:, : frame.width] >> (bits - 8), np.uint8)


def plane_of(plane: Any) -> NDArray[np.uint8]:
    """uint8 [h, w], a view, of a plane of an 8-bit PyAV frame."""
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]


def full_range(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Limited range (16..235) stretched to 0..255."""
    return np.asarray(_STRETCH[luma], np.uint8)


def shrunk(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Averaged over squares so that the shorter side is under 2 * WORKING_SIDE; what does not fill a square is cut."""
    factor = min(luma.shape) // WORKING_SIDE
    if factor < 2:
        return luma
    height, width = (side // factor * factor for side in luma.shape)
    total = np.zeros((height // factor, width // factor), np.uint16)
    for row in range(factor):
        for column in range(factor):
            total += luma[row:height:factor, column:width:factor]
    mean = (total + factor * factor // 2) // (factor * factor)
    return np.asarray(mean, np.uint8)


def upright(picture: NDArray[np.uint8], matrix: NDArray[np.int32] | None) -> NDArray[np.uint8]:
    """The picture as a player shows it, as a view. matrix: the nine numbers of the display matrix, or None."""
    if matrix is None:
        return picture
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(a) + abs(d) < abs(b) + abs(c):
        picture = picture.swapaxes(0, 1)
        flip_columns, flip_rows = c < 0, b < 0
    else:
        flip_columns, flip_rows = a < 0, d < 0
    if flip_columns:
        picture = picture[:, ::-1]
    return picture[::-1] if flip_rows else picture


def rotation_of(matrix: NDArray[np.int32] | None) -> int:
    """Degrees counter-clockwise, as PyAV's VideoFrame.rotation gives them: FFmpeg's av_display_rotation_get, cut."""
    if matrix is None:
        return 0
    a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
    first, second = math.hypot(a, c), math.hypot(b, d)
    return int(-math.degrees(math.atan2(b / second, a / first))) if first and second else 0


def is_sideways(matrix: NDArray[np.int32] | None) -> bool:
    """Whether showing the picture swaps its width and height."""
    if matrix is None:
        return False
    a, b, c, d = (abs(int(matrix[i])) for i in (0, 1, 3, 4))
    return a + d < b + c


_STRETCH: NDArray[np.uint8] = np.round((np.arange(256) - 16.0) * 255 / 219).clip(0, 255).astype(np.uint8)
