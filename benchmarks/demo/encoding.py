"""Clips as files: H.264 and AAC in MP4, VP9 and Opus in WebM."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame

from benchmarks.demo.altering import Clip
from benchmarks.demo.music import RATE, Sound

_VIDEO = {".mp4": "libx264", ".webm": "libvpx-vp9"}
_AUDIO = {".mp4": "aac", ".webm": "libopus"}
_OPTIONS = {
    ".mp4": {"preset": "veryfast", "crf": "23"},
    ".webm": {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"},
}
_SOUND_BLOCK = 4096


def write(path: Path, clip: Clip, *, fps: int = 15) -> Path:
    """Encodes it as the suffix says (.mp4, .webm), whole or not at all. Raises OSError."""
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    mux = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    first = clip.draw(0.0)
    with av.open(str(draft), "w", options=mux) as container:
        pictures: Any = container.add_stream(_VIDEO[path.suffix], rate=fps, options=_OPTIONS[path.suffix])
        pictures.height, pictures.width, pictures.pix_fmt = (*(side // 2 * 2 for side in first.shape[:2]), "yuv420p")
        pictures.codec_context.gop_size = 2 * fps
        pictures.codec_context.thread_count = 1
        encoders = [_pictures(pictures, clip, fps)]
        if clip.sound is not None:
            rate = 48000 if path.suffix == ".webm" else RATE
            encoders.append(_sound(container.add_stream(_AUDIO[path.suffix], rate=rate, layout="mono"), clip.sound))
        for encoder in encoders:
            for packet in encoder:
                container.mux(packet)
    return draft.replace(path)


def _pictures(stream: Any, clip: Clip, fps: int) -> Iterator[Any]:
    for index in range(round(clip.seconds * fps)):
        picture = clip.draw(index / fps)[: stream.height, : stream.width]
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, fps)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound(stream: Any, sound: Sound) -> Iterator[Any]:
    resampler = AudioResampler(stream.format.name, "mono", stream.rate, frame_size=stream.frame_size or _SOUND_BLOCK)
    for start in range(0, len(sound), _SOUND_BLOCK):
        block = AudioFrame.from_ndarray(sound[None, start : start + _SOUND_BLOCK], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
        for frame in resampler.resample(block):
            yield from stream.encode(frame)
    for frame in resampler.resample(None):
        yield from stream.encode(frame)
    yield from stream.encode(None)
