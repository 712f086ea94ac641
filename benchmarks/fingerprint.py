"""Speed and memory of fingerprinting: `python -m benchmarks.fingerprint [--quick]`.

Makes a 480p clip (h264, aac), loops it by copying packets to 30 s, 5 min and 60 min, serves it over HTTP with Range
requests and has a worker of the processor fingerprint it, standard and economy, as a whole. Beside it the same file is
decoded raw by PyAV in a process of its own in the same run: seconds are given as a ratio to that. Memory is the
largest resident size of the worker.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processor.pool import Pool
from processor.settings import worker_environ
from processor.worker import WorkerOrders
from tests.processor.clips import Look, loop_clip, write_clip
from tests.processor.range_server import range_server

RAW_DECODE = """
import sys, time, av
began = time.process_time()
with av.open(sys.argv[1]) as container:
    video = container.streams.video[0]
    video.codec_context.thread_count = 1
    for frame in container.decode(video): pass
print(time.process_time() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only 30 s and 2 min")
    lengths = [30, 120] if parser.parse_args().quick else [30, 300, 3600]
    print(f"{platform.machine()}, Python {platform.python_version()}, seed 1, {time.strftime('%Y-%m-%d')}")
    print("| video | tier | seconds | of raw decoding | per second of video | read | of the file | samples | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed.mp4"
        write_clip(
            seed,
            Look(
                width=854,
                height=480,
                seconds=15,
                fps=25,
                seed=1,
                gop=250,
                options=(("crf", "18"), ("sc_threshold", "0")),
            ),
        )
        for seconds in lengths:
            clip = Path(folder) / f"{seconds}.mp4"
            loop_clip(seed, clip, times=seconds // 15)
            raw = float(
                subprocess.run([sys.executable, "-c", RAW_DECODE, clip], check=True, capture_output=True).stdout
            )
            for tier in ("standard", "economy"):
                report = asyncio.run(measure(clip, tier))
                show(seconds, tier, report, raw, clip.stat().st_size)


async def measure(clip: Path, tier: str) -> Mapping[str, Any]:
    """The worker's report; a fresh worker each time, so that its peak memory is that of this video."""
    orders = WorkerOrders(0.25, 8, max_duration=7200, threads=1, timeout=3600, memory=3 << 30)
    pool = Pool(orders, slots=1, jobs_per_worker=1, environ=worker_environ())
    await pool.start()
    try:
        with range_server(clip.parent) as server, pool.claim() as slot:
            result = await slot.run({"video_url": server.url(clip.name), "video_id": "benchmark", "tier": tier})
            return result.report
    finally:
        await pool.close()


def show(seconds: int, tier: str, report: Mapping[str, Any], raw: float, size: int) -> None:
    """One row. raw: seconds of decoding alone. size: bytes of the file."""
    spent, read = report["cpu_seconds"], report["bytes_read"]
    print(
        f"| {seconds} s | {tier} | {spent:.2f} | {spent / raw:.2f} | {spent / seconds:.4f} | {read / 1e6:.1f} MB | "
        f"{read / size:.0%} | {report['frame_count']} | {report['peak_memory'] / 1e6:.0f} MB |",
        flush=True,
    )


if __name__ == "__main__":
    main()
