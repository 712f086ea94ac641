"""Clips that the tests make themselves: moving textures with a seed, tones and noise; nothing is downloaded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

SOUND_RATES = {"aac": 44100, "libopus": 48000, "mp3": 44100, "libvorbis": 44100, "pcm_s16le": 48000, "flac": 48000}


@dataclass(frozen=True)
class Look:
    """What a clip shows and sounds like, and how it is encoded.

    audio: codec, or None. sound: noise, tone, silence. gop: pictures from one keyframe to the next. keep: leaves out
    pictures whose index k has k % 7 in it (variable frame rate). rotation: degrees in the display matrix.
    letterbox: rows of black at top and bottom. sound_offset: seconds by which the sound begins later.
    """

    width: int = 192
    height: int = 108
    seconds: float = 6.0
    fps: int = 25
    seed: int = 0
    video: str | None = "libx264"
    audio: str | None = "aac"
    sound: str = "noise"
    gop: int = 50
    drop: tuple[int, ...] = ()
    rotation: int = 0
    letterbox: int = 0
    pixel_format: str = "yuv420p"
    full_range: bool = False
    sound_offset: float = 0.0
    sound_gap: tuple[float, float] | None = None
    options: tuple[tuple[str, str], ...] = ()
    mux_options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Scene:
    """waves: down the rows and along the columns, complex [h], [w]; phase, drift: turns. grain: float32 [h, w]."""

    waves: tuple[tuple[NDArray[np.complex128], NDArray[np.complex128], float, float], ...]
    grain: NDArray[np.float32]


@functools.lru_cache(maxsize=64)
def _scene(seed: int, number: int, height: int, width: int) -> _Scene:
    random = np.random.default_rng((seed, number))
    y, x = ((np.arange(side, dtype=np.float32) / side).astype(np.float64) for side in (height, width))
    waves = []
    for _ in range(6):
        u, v = random.uniform(-9, 9, 2)
        waves.append((np.exp(2j * np.pi * v * y), np.exp(2j * np.pi * u * x), random.uniform(), random.uniform(-1, 1)))
    return _Scene(tuple(waves), random.normal(size=(height, width)).astype(np.float32) * 0.05)


def picture(look: Look, index: int) -> NDArray[np.uint8]:
    """uint8 [h, w], 0..255: smooth textures that drift, cut to another one every 2 s."""
    scene = _scene(look.seed, int(index / look.fps // 2), look.height, look.width)
    field = np.zeros((look.height, look.width), np.float32)
    for across, along, phase, drift in scene.waves:
        turned = along * np.exp(2j * np.pi * (phase + 0.01 * index * drift))
        field += np.outer(across.real, turned.real) - np.outer(across.imag, turned.imag)
    field += scene.grain
    gray = np.clip(128 + 45 * field, 0, 255).astype(np.uint8)
    if look.letterbox:
        gray[: look.letterbox] = gray[-look.letterbox :] = 0
    return np.asarray(gray, np.uint8)


def sound(look: Look, rate: int) -> NDArray[np.int16]:
    """int16 [n], mono."""
    count = int(look.seconds * rate)
    time = np.arange(count) / rate
    if look.sound == "silence":
        return np.zeros(count, np.int16)
    random = np.random.default_rng(look.seed + 1000)
    steps = random.uniform(200, 2000, int(look.seconds * 4) + 2)[(time * 4).astype(int)]
    tones = np.sin(2 * np.pi * np.cumsum(steps) / rate)
    if look.sound == "tone":
        return (6000 * tones).astype(np.int16)
    return (6000 * tones + 3000 * random.normal(size=count)).clip(-32000, 32000).astype(np.int16)


def write_clip(path: Path, look: Look) -> Path:
    """Encodes look; the container is that of path's suffix."""
    with av.open(str(path), "w", options=dict(look.mux_options)) as container:
        encoders: list[Any] = []
        if look.video is not None:
            encoders.append(_pictures(container, look))
        if look.audio is not None:
            encoders.append(_sounds(container, look))
        _interleave(container, encoders)
    return path


def write_webm(path: Path, look: Look) -> Path:
    return write_clip(path, replace(look, video="libvpx-vp9", audio=look.audio and "libopus"))


def loop_clip(source: Path, target: Path, times: int) -> Path:
    """Repeats source by copying its packets."""
    with av.open(str(source)) as clip, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in clip.streams}
        last = dict.fromkeys(streams, -(1 << 60))
        length = Fraction(clip.duration or 0, av.time_base)
        for turn in range(times):
            clip.seek(0)
            for packet in clip.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                index, shift = packet.stream.index, round(turn * length / packet.time_base)
                if packet.dts + shift <= last[index]:
                    continue
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                last[index] = packet.dts
                packet.stream = streams[index]
                out.mux(packet)
    return target


def turn_clip(source: Path, target: Path, degrees: int) -> Path:
    """The packets of source, to be shown turned: x264 does not make the very same of the same pictures every time."""
    with av.open(str(source)) as clip, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in clip.streams}
        for stream in streams.values():
            if isinstance(stream, av.VideoStream):
                stream.set_display_rotation(degrees)
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return target


def _pictures(container: Any, look: Look) -> Any:
    stream = container.add_stream(look.video, rate=look.fps)
    stream.width, stream.height, stream.pix_fmt = look.width, look.height, look.pixel_format
    stream.codec_context.gop_size = look.gop
    stream.codec_context.thread_count = 1
    speed = {"libx264": {"preset": "veryfast", "bf": "3"}, "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime"}}
    stream.options = speed.get(look.video or "", {}) | dict(look.options)
    if look.full_range:
        stream.codec_context.color_range = 2
    if look.rotation:
        stream.set_display_rotation(look.rotation)
    shaped = VideoReformatter()
    for index in range(round(look.seconds * look.fps)):
        if index and index % 7 in look.drop:
            continue
        gray = VideoFrame.from_ndarray(picture(look, index), format="gray")
        frame = shaped.reformat(gray, format=look.pixel_format, dst_color_range=2 if look.full_range else 1, threads=1)
        frame.pts, frame.time_base = index, Fraction(1, look.fps)
        for packet in stream.encode(frame):
            yield index / look.fps, packet
    for packet in stream.encode(None):
        yield look.seconds, packet


def _sounds(container: Any, look: Look) -> Any:
    rate = SOUND_RATES[look.audio or ""]
    stream = container.add_stream(look.audio, rate=rate, layout="mono")
    stream.options = {"aac_coder": "fast"} if look.audio == "aac" else {}
    pcm = sound(look, rate)
    size = 960
    for start in range(0, len(pcm) - size + 1, size):
        if look.sound_gap and look.sound_gap[0] <= start / rate < look.sound_gap[1]:
            continue
        frame = AudioFrame.from_ndarray(pcm[None, start : start + size], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = start + round(look.sound_offset * rate)
        for packet in stream.encode(frame):
            yield start / rate, packet
    for packet in stream.encode(None):
        yield look.seconds, packet


def _interleave(container: Any, encoders: list[Any]) -> None:
    """Packets of all streams in order of time. Every encoder is set up before the first packet is written."""
    waiting = [[encoder, next(encoder, None)] for encoder in encoders]
    while waiting := [entry for entry in waiting if entry[1] is not None]:
        earliest = min(waiting, key=lambda entry: entry[1][0])
        container.mux(earliest[1][1])
        earliest[1] = next(earliest[0], None)
