"""Clients that upload at a few bytes a second, and clients that hang up in the middle."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_BOUNDARY = "twinreel-slow-client"
_OPENING = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="video"; filename="slow.mp4"\r\n\r\n'.encode()
_CLOSING = f"\r\n--{_BOUNDARY}--\r\n".encode()
_PIECES_PER_SECOND = 4
_ANSWER_SECONDS = 120.0
_RESET = struct.pack("ii", 1, 0)

HangUp = Literal["close", "reset"]


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway, and a token that may upload to it."""

    url: str
    token: str

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        parts = urlsplit(self.url)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def head(self, size: int) -> bytes:
        """Of an upload of a file of so many bytes, up to the first of them."""
        return (
            f"POST /api/upload HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"Content-Length: {len(_OPENING) + size + len(_CLOSING)}\r\nConnection: close\r\n\r\n"
        ).encode() + _OPENING


@dataclass(frozen=True, slots=True)
class Answer:
    """status: 0 when the connection ended without one. code: of the error; the status of the video when accepted."""

    status: int
    code: str


async def slow_upload(target: Target, file: bytes, bytes_per_second: float) -> Answer:
    """At this rate, to the end, or to the answer when that comes first."""
    try:
        async with target.connected() as (reader, writer):
            answering = asyncio.create_task(reader.read())
            writer.write(target.head(len(file)))
            step = max(1, round(bytes_per_second / _PIECES_PER_SECOND))
            for at in range(0, len(file), step):
                writer.write(file[at : at + step])
                await asyncio.wait([answering], timeout=1 / _PIECES_PER_SECOND)
                if answering.done():
                    break
            else:
                writer.write(_CLOSING)
            return _parsed(await asyncio.wait_for(answering, _ANSWER_SECONDS))
    except (OSError, TimeoutError):
        return Answer(0, "no answer")


async def hang_up(target: Target, file: bytes, sent: int, how: HangUp) -> None:
    """Announce all of the file, send so many bytes of it as fast as they are taken, and go."""
    async with target.connected() as (_, writer):
        writer.write(target.head(len(file)) + file[:sent])
        await writer.drain()
        # What was written has to leave this process before the connection does.
        await asyncio.sleep(0.2)
        if how == "reset":
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _parsed(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return Answer(0, "no answer")
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    return Answer(int(words[1]), str(told.get("code") or told.get("status") or ""))
