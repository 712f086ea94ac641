"""A tiny store that takes what is PUT, and misbehaves when told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from tests.processor.range_server import QuietHandler, QuietServer, running


@dataclass
class Shelf:
    """taken: the whole bodies, by path. fail_next: so many PUTs are answered 503. status: of the others, if not 200.
    is_asked: set when the first PUT comes. is_open: cleared, bodies wait at the door."""

    taken: dict[str, bytes] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    fail_next: int = 0
    status: int = 200
    is_asked: Event = field(default_factory=Event)
    is_open: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.is_open.set()


class _Server(QuietServer):
    shelf: Shelf


class _Handler(QuietHandler):
    server: _Server

    def do_PUT(self) -> None:  # noqa: N802, http.server asks for this name
        shelf = self.server.shelf
        shelf.asked += 1
        shelf.is_asked.set()
        shelf.is_open.wait()
        shelf.headers.append(dict(self.headers))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = shelf.status
        if shelf.fail_next > 0:
            shelf.fail_next -= 1
            status = 503
        if status == 200 and len(body) == int(self.headers["Content-Length"]):
            shelf.taken[self.path] = body
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


@dataclass(frozen=True)
class PutServer:
    url: str
    port: int
    shelf: Shelf


@contextmanager
def put_server() -> Iterator[PutServer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.shelf = Shelf()
    with running(server):
        yield PutServer(server.url, server.server_port, server.shelf)
        server.shelf.is_open.set()
