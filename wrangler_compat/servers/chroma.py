"""The bundled Chroma server. Only the server may touch its folder: two processes corrupt it in silence."""

from __future__ import annotations

import http.client
from pathlib import Path

from wrangler_compat.servers.program import Program, find

_MISSING = (
    "chroma is not installed. Install it with `pip install chromadb`, or set CHROMA_URL to a Chroma server of your own."
)


def chroma_program(folder: Path, port: int) -> Program:
    """Keeps its data in `folder`. Raises ProgramError."""
    return Program(
        name="chroma",
        argv=(
            find(["chroma"], missing=_MISSING),
            "run",
            "--path",
            str(folder),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ),
        port=port,
        url=f"http://127.0.0.1:{port}",
        is_ready=lambda: _answers(port),
        environ={"ANONYMIZED_TELEMETRY": "false"},
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
