"""A server whose videos never end: made as they are asked for, nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.processor.hostile import ebml
from tests.processor.range_server import QuietHandler, QuietServer, running

PATIENCE_SECONDS = 300.0
"""After so long the server gives up what would never end, so that no test does, and says so."""

Bytes = Callable[[int, int], bytes]
"""(start, stop) -> those bytes of a file that is as long as its server says."""


@dataclass(frozen=True)
class Endless:
    """One file.

    size: what Content-Range says. content: its bytes. pause: seconds between two bytes. never_ends: the body of each
    answer goes on and on after what was asked for.
    """

    size: int
    content: Bytes
    pause: float = 0.0
    never_ends: bool = False


def clusters(step: int) -> Bytes:
    """A WebM whose clusters follow one another for ever, each step milliseconds after the one before."""
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track())
    head = ebml.header() + ebml.segment(ebml.info(), tracks, size=ebml.UNKNOWN)
    picture = ebml.block(ebml.vp8_keyframe(320, 240))
    length = len(ebml.cluster(picture))

    def content(start: int, stop: int) -> bytes:
        first = max(0, start - len(head)) // length
        last = max(0, stop - len(head)) // length + 1
        body = b"".join(ebml.cluster(picture, time=number * step) for number in range(first, last))
        at = len(head) + first * length
        data = head[start:] + body if start < len(head) else body[start - at :]
        return data[: stop - start]

    return content


class EndlessServer(QuietServer):
    """has_given_up: an answer was ended by the server, before the client had had enough of it."""

    file: Endless
    has_given_up = False


class _Handler(QuietHandler):
    server: EndlessServer

    def do_GET(self) -> None:  # noqa: N802, http.server asks for this name
        file = self.server.file
        start, stop = self.asked_range(file.size)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{file.size}")
        if not file.never_ends:
            self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.close_connection = file.never_ends
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        data = file.content(start, stop)
        if file.pause:
            for at in range(len(data)):
                if time.monotonic() > give_up_at:
                    self.server.has_given_up = True
                    return
                self.wfile.write(data[at : at + 1])
                time.sleep(file.pause)
        else:
            self.wfile.write(data)
        while file.never_ends:
            if time.monotonic() > give_up_at:
                self.server.has_given_up = True
                return
            self.wfile.write(bytes(1 << 16))


@contextmanager
def endless_server(file: Endless) -> Iterator[EndlessServer]:
    """Serves file, at any path, until the end of the with block."""
    server = EndlessServer(("127.0.0.1", 0), _Handler)
    server.file = file
    with running(server):
        yield server
