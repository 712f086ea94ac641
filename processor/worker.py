"""A worker process: `python -m processor.worker`, started by processor.pool.

Standard input: one line of JSON with the WorkerOrders, then one line for each job. Standard output: for each job a
frame of two parts, each after its length in 8 bytes: a JSON report, and the JSON of the ExtractResponse (empty when
the report tells of an error). A first frame says that the worker is ready.

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
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

from processor.addresses import LOOPBACK_HOSTS, SourceRules
from processor.confinement import confine, cpu_seconds_used, grant_cpu, peak_memory
from processor.errors import OUT_OF_MEMORY, ProcessorError, TooDemandingError
from processor.extract import Recipe, extract
from processor.limits import DecodeLimits
from processor.source import RemoteFile
from processor.transport import RangeClient
from wire.processing import ExtractRequest


@dataclass(frozen=True, slots=True)
class WorkerOrders:
    """What every job of a worker has in common. timeout: seconds for one job. memory: bytes of address space.
    cpu_seconds: of processor time for one job.

    only_hosts, own_hosts: as in SourceRules. max_source_bytes: of one video.
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

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    answers = _private_stdout()
    lines = _lines_of_stdin()
    orders = WorkerOrders(**json.loads(lines.get()))
    confine(orders.memory)
    _send(answers, {"ready": True}, b"")
    while True:
        report, body = run(json.loads(lines.get()), orders)
        _send(answers, report, body)
        # FFmpeg's pictures hang on a few Python objects in cycles: too few for the collector to look by itself.
        gc.collect()


def run(job: dict[str, Any], orders: WorkerOrders) -> tuple[dict[str, Any], bytes]:
    """One job, whatever happens. The report: bytes_read, requests, cpu_seconds, peak_memory
    (bytes, of the process so far), frame_count, and code and message of an error if any."""
    report: dict[str, Any] = {"bytes_read": 0, "requests": 0}
    client: RangeClient | None = None
    began = cpu_seconds_used()
    try:
        grant_cpu(orders.cpu_seconds)
        request = ExtractRequest.from_json(job)
        client = RangeClient(
            request.video_url,
            deadline=time.monotonic() + orders.timeout,
            rules=SourceRules(tuple(orders.only_hosts), tuple(orders.own_hosts)),
            max_bytes=orders.max_source_bytes,
        )
        limits = DecodeLimits(max_duration=orders.max_duration, threads=orders.threads)
        with RemoteFile(client) as file:
            answer = extract(cast(BinaryIO, file), request, Recipe(orders.frame_interval, orders.phash_size, limits))
        report["frame_count"] = answer.frame_count
        body = json.dumps(answer.to_json()).encode()
    except ProcessorError as refused:
        report |= {"code": refused.code, "message": str(refused)}
        body = b""
    except MemoryError:
        report |= {"code": TooDemandingError.code, "message": OUT_OF_MEMORY}
        body = b""
    except Exception as unexpected:
        report |= {"code": ProcessorError.code, "message": f"the extraction failed: {unexpected!r}"}
        body = b""
    if client is not None:
        report |= {"bytes_read": client.bytes_read, "requests": client.requests}
    report["peak_memory"] = peak_memory()
    report["cpu_seconds"] = round(cpu_seconds_used() - began, 3)
    return report, body


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
