"""TCP ports of 127.0.0.1: which are taken, and by whom."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from pathlib import Path

from wrangler_compat.servers import free_port

_LISTENING = "0A"


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(preferred: int, *, but_not: Collection[int] = ()) -> int:
    """The preferred port when it is free, else any."""
    if preferred not in but_not and is_free(preferred):
        return preferred
    while (port := free_port()) in but_not:
        pass
    return port


def holder_of(port: int) -> str:
    """Who listens there, such as "process 4711 (redis-server)"; empty when that cannot be known."""
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    return f"process {process.name} ({(process / 'comm').read_text().strip()})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
