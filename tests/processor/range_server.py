"""A tiny HTTP server of one folder that answers Range requests, and misbehaves when told to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar


@dataclass
class Manners:
    """How the server behaves. fail_next: so many requests are answered 503 before it works again.

    cut: send so many bytes fewer than announced. ranges: (start, stop) of all requests served.
    """

    status: int = 206
    has_ranges: bool = True
    fail_next: int = 0
    cut: int = 0
    delay: float = 0.0
    redirect_to: str | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RangeServer:
    port: int
    manners: Manners

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class QuietHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def asked_range(self, size: int) -> tuple[int, int]:
        """(start, stop) of the bytes that the client wants; without a Range, all."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        return (int(wanted[1]), min(int(wanted[2]) + 1, size)) if wanted else (0, size)


ServerT = TypeVar("ServerT", bound=QuietServer)


@contextmanager
def running(server: ServerT) -> Iterator[ServerT]:
    """Answers on a thread until the end of the with block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(QuietServer):
    folder: Path
    manners: Manners


class _Handler(QuietHandler):
    server: _Server

    def do_GET(self) -> None:
        manners = self.server.manners
        manners.paths.append(self.path)
        time.sleep(manners.delay)
        path = self.server.folder / self.path.partition("?")[0].lstrip("/")
        if manners.fail_next > 0:
            manners.fail_next -= 1
            self._answer(503, b"")
        elif manners.redirect_to is not None:
            self._answer(302, b"", {"Location": manners.redirect_to})
        elif not path.is_file():
            self._answer(404, b"")
        elif not manners.has_ranges:
            self._answer(200, path.read_bytes())
        else:
            self._answer_range(path)

    def _answer_range(self, path: Path) -> None:
        size = path.stat().st_size
        start, stop = self.asked_range(size)
        if start >= size:
            self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(stop - start)
        self.server.manners.ranges.append((start, stop))
        self._answer(self.server.manners.status, body, {"Content-Range": f"bytes {start}-{stop - 1}/{size}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.manners.cut
        self.wfile.write(body[: len(body) - cut] if cut else body)
        if cut:
            self.close_connection = True


@contextmanager
def range_server(folder: Path) -> Iterator[RangeServer]:
    """Serves folder on a free port of loopback until the end of the with block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.folder, server.manners = folder, Manners()
    with running(server):
        yield RangeServer(server.server_port, server.manners)
