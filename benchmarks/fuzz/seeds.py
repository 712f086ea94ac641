"""The good videos that the fuzzer damages: one of each kind that people upload, four seconds long, made here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from tests.processor.clips import Look, write_clip

_SMALL = Look(width=96, height=54, seconds=4, fps=12, gop=8)


LOOKS: Mapping[str, Look] = {
    "h264.mp4": _SMALL,
    "h264-faststart.mp4": replace(_SMALL, mux_options=(("movflags", "faststart"),)),
    "h264-fragmented.mp4": replace(_SMALL, mux_options=(("movflags", "frag_keyframe+empty_moov+default_base_moof"),)),
    "h264-turned.mov": replace(_SMALL, rotation=90),
    "mpeg4-pcm.mov": replace(_SMALL, video="mpeg4", audio="pcm_s16le"),
    "mjpeg.mov": replace(_SMALL, video="mjpeg", pixel_format="yuvj420p", audio=None),
    "hevc.mp4": replace(_SMALL, video="libx265", options=(("x265-params", "log-level=none:pools=none"),)),
    "av1.mp4": replace(
        _SMALL, video="libsvtav1", audio="libopus", options=(("preset", "12"), ("svtav1-params", "lp=1"))
    ),
    "prores-pcm.mov": replace(_SMALL, video="prores_ks", pixel_format="yuv422p10le", audio="pcm_s16le"),
    "mpeg4-mp3.avi": replace(_SMALL, video="mpeg4", audio="mp3"),
    "vp9-opus.webm": replace(_SMALL, video="libvpx-vp9", audio="libopus"),
    "vp8.webm": replace(_SMALL, video="libvpx", audio=None),
}


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of each good video.

    Made in a process apart: SVT-AV1 makes one of root's a real-time one, and whatever that starts.
    """
    files = [folder / name for name in LOOKS]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return {file.name: file.read_bytes() for file in apart.map(write_clip, files, LOOKS.values())}
