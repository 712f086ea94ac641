"""The hover preview: small pictures from all over the video, side by side in one JPEG.

Which pictures they are depends on the length of the whole video alone, so each range of a long one finds its own.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from processor.decode import Picture, encode_jpeg
from wire.processing import ExtractFormatError, Preview

PICTURES = 12
_MAX_WIDTH, _MAX_HEIGHT = 160, 120
_MOST_BYTES = 60_000
_QUANTIZERS = (6, 12, 20, 31)
"""Of the JPEG: the finest that keeps it small enough; 31 is the coarsest that there is."""


class Strip:
    """Collects the pictures of a range [start, stop) of a video. size: width and height of the video, as shown."""

    def __init__(self, duration: float, start: float, stop: float, interval: float, size: tuple[int, int]) -> None:
        self._width, self._height = _fitted(*size)
        middles = [(n + 0.5) * duration / PICTURES for n in range(PICTURES)]
        # A sample is wanted at or before each middle: the last of a very short video comes long before its end.
        wanted = sorted({int(middle / interval + 1e-9) * interval for middle in middles})
        self._wanted = [time for time in wanted if start <= time + 1e-6 < stop]
        self._is_whole = start <= 0 and stop >= duration
        self._tiles: list[NDArray[np.uint8]] = []

    def add(self, time: float, picture: Picture) -> None:
        """Samples come in order of time; those that are not wanted cost nothing."""
        if not self._wanted or time < self._wanted[0] - 1e-6:
            return
        while self._wanted and time >= self._wanted[0] - 1e-6:
            self._wanted.pop(0)
        self._tiles.append(picture.small(self._width, self._height))

    def finish(self) -> Preview | None:
        """The preview of the whole video; of a range its pixels, for join(). None: no picture was there."""
        if not self._tiles:
            return None
        pixels = np.concatenate(self._tiles, axis=1)
        count = len(self._tiles)
        if self._is_whole:
            return Preview(count, self._width, self._height, jpeg=_encoded(pixels))
        return Preview(count, self._width, self._height, pixels=base64.b64encode(pixels.tobytes()).decode())


def join(parts: Sequence[Preview]) -> Preview | None:
    """One preview of those of all ranges, in their order. Raises ExtractFormatError when they do not fit together."""
    if len(parts) < 2 and all(part.jpeg for part in parts):
        return parts[0] if parts else None
    sizes = {(part.width, part.height) for part in parts}
    count = sum(part.pictures for part in parts)
    if (
        len(sizes) > 1
        or count > PICTURES
        or any(part.width > _MAX_WIDTH or part.height > _MAX_HEIGHT for part in parts)
    ):
        raise ExtractFormatError("the previews of the ranges do not fit together")
    ((width, height),) = sizes
    return Preview(count, width, height, jpeg=_encoded(np.concatenate([_pixels(part) for part in parts], axis=1)))


def _pixels(part: Preview) -> NDArray[np.uint8]:
    """uint8 [h, w, 3]. Raises ExtractFormatError."""
    try:
        data = base64.b64decode(part.pixels or "", validate=True)
        return np.frombuffer(data, np.uint8).reshape(part.height, part.pictures * part.width, 3)
    except ValueError as broken:
        raise ExtractFormatError("the pixels of a preview are not those of its pictures") from broken


def _encoded(pixels: NDArray[np.uint8]) -> str:
    """Base64 of a JPEG of some 60 kB at most."""
    jpeg = b""
    for quantizer in _QUANTIZERS:
        jpeg = encode_jpeg(pixels, quantizer)
        if len(jpeg) < _MOST_BYTES:
            break
    return base64.b64encode(jpeg).decode()


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size of each picture, of the same shape as the video, even, and no larger than that."""
    scale = min(1.0, _MAX_WIDTH / width, _MAX_HEIGHT / height)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
