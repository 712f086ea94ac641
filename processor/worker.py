"""A worker process: `python -m processor.worker`, started by processor.pool.

Standard input: one line of JSON with the WorkerOrders, then one line for each job. Standard output: for each job a
frame of two parts, each after its length in 8 bytes: a JSON report, and the JSON of the ExtractResponse or the
Rendition (empty when the report tells of an error). A first frame says that the worker is ready. While a rendition is
made, frames whose report has nothing but `progress`, 0..1, say how far it is.

The process limits itself (processor.confinement) before it touches anything from outside. When its standard input
closes, its parent is gone, and so it leaves.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

from processor.addresses import LOOPBACK_HOSTS, SourceRules
from processor.confinement import confine, cpu_seconds_used, grant_cpu, peak_memory
from processor.errors import OUT_OF_MEMORY, ProcessorError, TooDemandingError
from processor.extract import Recipe, extract
from processor.limits import DecodeLimits
from processor.render import render, unnamed_file
from processor.source import RemoteFile
from processor.transport import RangeClient, put_file
from wire.processing import ExtractRequest, ExtractResponse
from wire.renditions import CONTENT_TYPE, Rendition, RenditionRequest

_MADE_SHARE = 0.95
"""Of the work on a rendition: the rest is putting it into the store."""
_TELL_SECONDS, _TELL_SHARE = 0.25, 0.1


@dataclass(frozen=True, slots=True)
class WorkerOrders:
    """What every job of a worker has in common. timeout: seconds for one job. memory: bytes of address space.
    cpu_seconds: of processor time for one job.

    only_hosts, own_hosts: as in SourceRules. max_source_bytes: of one video. written_bytes: of one rendition; 0: none
    is made. folder: where it is written, empty for the system's own. niceness: how far others go first.
    """

    frame_interval: float
    phash_size: int
    max_duration: float
    threads: int
    timeout: float
    memory: int
    only_hosts: tuple[str, ...] = ()
    own_hosts: tuple[str, ...] = LOOPBACK_HOSTS
    max_source_bytes: int = 1 << 50
    cpu_seconds: float = 540.0
    written_bytes: int = 0
    folder: str = ""
    niceness: int = 0

    @property
    def rules(self) -> SourceRules:
        return SourceRules(tuple(self.only_hosts), tuple(self.own_hosts))

    @property
    def limits(self) -> DecodeLimits:
        return DecodeLimits(max_duration=self.max_duration, threads=self.threads)

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    answers = _private_stdout()
    lines = _lines_of_stdin()
    orders = WorkerOrders(**json.loads(lines.get()))
    confine(orders.memory, written_bytes=orders.written_bytes)
    os.nice(orders.niceness)
    _send(answers, {"ready": True}, b"")
    while True:
        report, body = run(json.loads(lines.get()), orders, _Progress(answers).tell)
        _send(answers, report, body)
        # FFmpeg's pictures hang on a few Python objects in cycles: too few for the collector to look by itself.
        gc.collect()


def run(
    job: dict[str, Any], orders: WorkerOrders, tell: Callable[[float], None] = lambda share: None
) -> tuple[dict[str, Any], bytes]:
    """One job, whatever happens: a rendition when it names a rendition_url, which tell() hears of, else a fingerprint.

    The report: bytes_read, requests, cpu_seconds, peak_memory (bytes, of the process so far), frame_count, and code and
    message of an error if any.
    """
    report: dict[str, Any] = {"bytes_read": 0, "requests": 0}
    client: RangeClient | None = None
    began = cpu_seconds_used()
    try:
        grant_cpu(orders.cpu_seconds)
        client = RangeClient(
            str(job["video_url"]),
            deadline=time.monotonic() + orders.timeout,
            rules=orders.rules,
            max_bytes=orders.max_source_bytes,
        )
        with RemoteFile(client) as remote:
            file = cast(BinaryIO, remote)
            if "rendition_url" in job:
                made = _render(file, RenditionRequest.from_json(job), orders, tell)
                answer = made.to_json()
            else:
                extracted = _extract(file, ExtractRequest.from_json(job), orders)
                report["frame_count"] = extracted.frame_count
                answer = extracted.to_json()
        body = json.dumps(answer).encode()
    except ProcessorError as refused:
        report |= {"code": refused.code, "message": str(refused)}
        body = b""
    except MemoryError:
        report |= {"code": TooDemandingError.code, "message": OUT_OF_MEMORY}
        body = b""
    except Exception as unexpected:
        report |= {"code": ProcessorError.code, "message": f"the work on the video failed: {unexpected!r}"}
        body = b""
    if client is not None:
        report |= {"bytes_read": client.bytes_read, "requests": client.requests}
    report["peak_memory"] = peak_memory()
    report["cpu_seconds"] = round(cpu_seconds_used() - began, 3)
    return report, body


def _extract(file: BinaryIO, request: ExtractRequest, orders: WorkerOrders) -> ExtractResponse:
    return extract(file, request, Recipe(orders.frame_interval, orders.phash_size, orders.limits))


def _render(
    file: BinaryIO, request: RenditionRequest, orders: WorkerOrders, tell: Callable[[float], None]
) -> Rendition:
    """Made, and put where it is wanted."""
    deadline = time.monotonic() + orders.timeout
    with unnamed_file(orders.folder or None) as made:
        rendition = render(
            file, made, request.video_id, orders.limits, orders.written_bytes, lambda share: tell(share * _MADE_SHARE)
        )
        put_file(
            request.rendition_url,
            made,
            rendition.size_bytes,
            content_type=CONTENT_TYPE,
            deadline=deadline,
            rules=orders.rules,
            tell=lambda share: tell(_MADE_SHARE + (1 - _MADE_SHARE) * share),
        )
    return rendition


class _Progress:
    """Tells the parent how far the work is: now and then, and at once when it has come far."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._told, self._told_at = 0.0, 0.0

    def tell(self, share: float) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS or share - self._told >= _TELL_SHARE:
            self._told, self._told_at = share, now
            _send(self._answers, {"progress": round(share, 4)}, b"")


def _private_stdout() -> BinaryIO:
    """The way to the parent, out of reach of anything that prints."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _lines_of_stdin() -> queue.SimpleQueue[bytes]:
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _send(answers: BinaryIO, report: dict[str, Any], body: bytes) -> None:
    head = json.dumps(report).encode()
    answers.write(len(head).to_bytes(8, "little") + head + len(body).to_bytes(8, "little") + body)
    answers.flush()


if __name__ == "__main__":
    main()
