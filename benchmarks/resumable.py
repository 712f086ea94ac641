"""A resumable upload by a tus client that is not ours, with cuts, against a raw S3 multipart put of the same bytes.

    python -m benchmarks.resumable [--gigabytes 1] [--cuts 3]

Starts a real S3 server, Redis and gateway of its own on loopback. tuspy sends the file through a proxy that breaks the
connection at even distances; it goes on each time from what HEAD says. Printed: both rates and their ratio, how much
the gateway's memory grew, and whether the object's SHA-256 is the file's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import io
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_BLOCK = 256 * 1024


class CuttingProxy:
    """Hands connections on to ports, and breaks the one that brings the byte at which a cut is due; every cut moves on
    to the next port. port: where it listens. cuts: bytes from the clients, counted over all connections."""

    def __init__(self, ports: Sequence[int], cuts: Sequence[int]) -> None:
        self.cuts_made = 0
        self._ports, self._cuts = ports, sorted(cuts)
        self._seen = 0
        self._counting = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._ports[self.cuts_made % len(self._ports)]))
            threading.Thread(target=self._hand_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._hand_on, args=(server, client, False), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                target.sendall(data)
                if counts and self._is_cut(len(data)):
                    break
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_cut(self, size: int) -> bool:
        with self._counting:
            self._seen += size
            if self.cuts_made < len(self._cuts) and self._seen >= self._cuts[self.cuts_made]:
                self.cuts_made += 1
                return True
            return False
