"""A worker process: `python -m processor.worker`, started by processor.pool.

Standard input: one line of JSON with the WorkerOrders, then one line for each job. Standard output: for each job a
frame of two parts, each after its length in 8 bytes: a JSON report, and the JSON of the ExtractResponse (empty when
the report tells of an error). A first frame says that the worker is ready.

The process limits itself before it touches anything from outside: address space, processor time, no file may be
written. When its standard input closes, its parent is gone, and so it leaves.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import resource
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

from processor.addresses import LOOPBACK_HOSTS, SourceRules
from processor.decode import DecodeLimits
from processor.errors import ProcessorError, TooDemandingError
from processor.extract import Recipe, extract
from processor.source import RemoteFile
from processor.transport import RangeClient
from wire.processing import ExtractRequest

MAX_OPEN_FILES = 64
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class WorkerOrders:
    """What every job of a worker has in common. timeout: seconds for one job. memory: bytes of address space.

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

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    answers = _private_stdout()
    lines = _lines_of_stdin()
    orders = WorkerOrders(**json.loads(lines.get()))
    _limit(orders)
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
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = before.ru_utime + before.ru_stime
    try:
        _limit_cpu(orders)
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
        message = "the video needs more memory than WORKER_MEMORY allows; scale it down or raise the limit"
        report |= {"code": TooDemandingError.code, "message": message}
        body = b""
    except Exception as unexpected:
        report |= {"code": ProcessorError.code, "message": f"the extraction failed: {unexpected!r}"}
        body = b""
    if client is not None:
        report |= {"bytes_read": client.bytes_read, "requests": client.requests}
    used = resource.getrusage(resource.RUSAGE_SELF)
    report["peak_memory"] = used.ru_maxrss * _MAXRSS_UNIT
    report["cpu_seconds"] = round(used.ru_utime + used.ru_stime - began, 3)
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


def _limit(orders: WorkerOrders) -> None:
    limits = [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, MAX_OPEN_FILES)]
    if sys.platform != "darwin":
        limits.append((resource.RLIMIT_AS, orders.memory))
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))


def _limit_cpu(orders: WorkerOrders) -> None:
    """Processor time for one job more than was used so far: a decoder that spins is killed even if the pool hangs."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = used.ru_utime + used.ru_stime + orders.timeout * (orders.threads + 1) + 5
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(most) if hard == resource.RLIM_INFINITY else min(int(most), hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _send(answers: BinaryIO, report: dict[str, Any], body: bytes) -> None:
    head = json.dumps(report).encode()
    answers.write(len(head).to_bytes(8, "little") + head + len(body).to_bytes(8, "little") + body)
    answers.flush()


if __name__ == "__main__":
    main()
