"""A rendition looked at by decoding the whole of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seen:
    """sound: the codec, None without. seconds, sound_seconds: of the tracks. pictures: uint8 [n, h, w], their luma.
    levels: float32 [n], of the first channel, 48,000 in a second."""

    container: str
    video: str
    pixel_format: str
    sound: str | None
    seconds: float
    sound_seconds: float
    pictures: NDArray[np.uint8]
    levels: NDArray[np.float32]
    is_index_first: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.pictures.shape[2], self.pictures.shape[1]

    def loudness_at(self, time: float) -> float:
        """The loudest of a tenth of a second around it."""
        middle = round(time * 48_000)
        return float(self.levels[max(0, middle - 2400) : middle + 2400].max())


def look_at(content: bytes) -> Seen:
    with av.open(io.BytesIO(content), "r") as container:
        video = container.streams.video[0]
        sounds = container.streams.audio
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video)]
        heard: list[Any] = []
        if sounds:
            container.seek(0)
            heard = [frame.to_ndarray() for frame in container.decode(sounds[0])]
        assert video.codec_context.pix_fmt is not None
        return Seen(
            container=container.format.name,
            video=video.codec_context.codec.canonical_name,
            pixel_format=video.codec_context.pix_fmt,
            sound=sounds[0].codec_context.codec.canonical_name if sounds else None,
            seconds=float((video.duration or 0) * (video.time_base or 0)),
            sound_seconds=float((sounds[0].duration or 0) * (sounds[0].time_base or 0)) if sounds else 0.0,
            pictures=np.array(pictures, np.uint8),
            levels=np.abs(np.concatenate(heard, axis=1)[0]) if heard else np.zeros(0, np.float32),
            is_index_first=content.index(b"moov") < content.index(b"mdat"),
        )
