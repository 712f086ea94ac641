"""Gray levels as a PNG. The only importer of PyAV here: its encoder alone, on numbers of our own. Imported where it is
used, for it brings FFmpeg along: 20 MB, which the process that only waits does without."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray


def gray_png(levels: NDArray[np.uint8]) -> bytes:
    """levels: uint8 [rows, columns], 0 black. A PNG of 8 bits, gray."""
    encoder = CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(levels), format="gray")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "gray"
    encoder.time_base = Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
