"""What is written is read back by another decoder than the one that wrote it."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from consumer.png import gray_png


@pytest.mark.parametrize("shape", [(1, 1), (1, 256), (256, 1), (80, 31), (256, 256)])
def test_levels_come_back(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    png = gray_png(levels)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    # Bit depth and colour type of the header: 8 bits, gray.
    assert png[24:26] == b"\x08\x00"
    np.testing.assert_array_equal(np.round(imread(io.BytesIO(png)) * 255), levels)


def test_levels_may_be_a_view() -> None:
    levels = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert gray_png(levels.T) == gray_png(np.ascontiguousarray(levels.T))


def test_a_worker_that_only_waits_does_without_ffmpeg() -> None:
    program = "import sys, consumer.assembly; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
