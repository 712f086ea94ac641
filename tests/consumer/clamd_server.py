"""A server that speaks clamd's protocol over a real socket, and knows one virus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

SIGNATURE = b"what-the-test-calls-a-virus"
FOUND = b"Test.Signature"


@dataclass
class ClamdServer:
    """limit: StreamMaxLength. answer: instead of the true one. is_silent: takes everything and says nothing.

    hangs_up: closes without an answer. received: the streams, whole.
    """

    limit: int = 1 << 30
    answer: bytes | None = None
    is_silent: bool = False
    hangs_up: bool = False
    received: list[bytes] = field(default_factory=list)
    pieces: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            command = await reader.readuntil(b"\0")
            if self.is_silent:
                while await reader.read(1 << 16):
                    pass
            elif self.hangs_up:
                pass
            elif command == b"zPING\0":
                writer.write(self.answer or b"PONG\0")
            elif command == b"zINSTREAM\0":
                writer.write(await self._scan(reader) + b"\0")
            else:
                writer.write(b"UNKNOWN COMMAND\0")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _scan(self, reader: asyncio.StreamReader) -> bytes:
        data = bytearray()
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            self.pieces += 1
            data += await reader.readexactly(length)
            if len(data) > self.limit:
                return b"INSTREAM size limit exceeded. ERROR"
        self.received.append(bytes(data))
        if self.answer is not None:
            return self.answer
        return b"stream: " + FOUND + b" FOUND" if SIGNATURE in data else b"stream: OK"


@asynccontextmanager
async def clamd_server(path: Path | None = None) -> AsyncIterator[ClamdServer]:
    """On a free port of loopback; at path, a socket of this machine, when it is given."""
    clamd = ClamdServer()
    if path is None:
        server = await asyncio.start_server(clamd.serve, "127.0.0.1", 0)
        clamd.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        server = await asyncio.start_unix_server(clamd.serve, path)
        clamd.url = f"unix://{path}"
    try:
        yield clamd
    finally:
        server.close()
