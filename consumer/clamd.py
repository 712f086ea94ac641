"""A virus scan by clamd, over its INSTREAM command: the bytes go over the socket, clamd needs no file of ours.

https://docs.clamav.net/manual/Usage/ClamdProtocol.html: `zINSTREAM` and a null byte, then pieces, each after its length
in four bytes, most significant first; a length of 0 ends the stream. The answer ends with a null byte: `stream: OK`,
`stream: NAME FOUND`, or text that ends in `ERROR`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from wrangler_compat.errors import ConfigError

_T = TypeVar("_T")

_PIECE_BYTES = 256 * 1024
_LONGEST_ANSWER_BYTES = 4096
_LIMIT_PREFIX = "Heuristics.Limits.Exceeded"
"""What clamd `finds` (AlertExceedsMax) in a file that it did not look at to its end."""


class ClamdUnreachable(Exception):  # noqa: N818 - a state of clamd, not an error of ours
    """clamd does not answer: later it may."""


class ScanFailed(Exception):  # noqa: N818
    """clamd answered, and did not scan all of it: larger than it is configured to take, or an error of its own."""


class _HungUp(Exception):  # noqa: N818
    pass


@dataclass(frozen=True, slots=True)
class Address:
    """host and port, or the path of a socket of this machine."""

    host: str = ""
    port: int = 0
    path: str = ""


def address_of(url: str) -> Address:
    """tcp://host:port or unix:///path. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "tcp" and parts.hostname and not parts.path.strip("/"):
            return Address(host=parts.hostname, port=parts.port or 3310)
        if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
            return Address(path=parts.path)
    except ValueError:
        pass
    raise ConfigError(f"CLAMD_URL must be tcp://host:port or unix:///path/of/socket, not {url!r}.")


class Clamd:
    """timeout_seconds: longest wait for clamd to be reached, to take a piece, or to answer at the end."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds

    async def scan(self, pieces: AsyncIterator[bytes]) -> str | None:
        """The name of what was found; None when nothing was.

        Raises ClamdUnreachable, ScanFailed, and what pieces raise.
        """
        async with self._connection(b"zINSTREAM\0") as (reader, writer):
            # Read from the start: clamd answers a stream that is too long in its middle, and hangs up on the rest.
            answering = asyncio.create_task(_answer(reader))
            with _once_more(writer) as unread:
                try:
                    await self._send(pieces, writer, answering)
                    answer = await self._in_time(answering) or _left_in(unread)
                finally:
                    answering.cancel()
        if answer is None:
            raise ScanFailed("clamd hung up on the video without an answer; its log tells why")
        return _found(answer)

    async def ping(self) -> None:
        """Raises ClamdUnreachable."""
        async with self._connection(b"zPING\0") as (reader, _):
            answer = await self._in_time(_answer(reader))
        if answer != "PONG":
            raise ClamdUnreachable(f"clamd answers PING with {(answer or '')[:100]!r}")

    async def _send(
        self, pieces: AsyncIterator[bytes], writer: asyncio.StreamWriter, answering: asyncio.Task[str | None]
    ) -> None:
        """The whole stream, or as much of it as clamd wants before it answers or hangs up."""
        try:
            async for piece in pieces:
                for start in range(0, len(piece), _PIECE_BYTES):
                    if answering.done():
                        return
                    part = piece[start : start + _PIECE_BYTES]
                    writer.write(len(part).to_bytes(4, "big") + part)
                    await self._in_time(writer.drain())
            writer.write(bytes(4))
            await self._in_time(writer.drain())
        except _HungUp:
            return

    @asynccontextmanager
    async def _connection(self, command: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        address = self._address
        try:
            opened = (
                asyncio.open_unix_connection(address.path, limit=_LONGEST_ANSWER_BYTES)
                if address.path
                else asyncio.open_connection(address.host, address.port, limit=_LONGEST_ANSWER_BYTES)
            )
            async with asyncio.timeout(self._timeout_seconds):
                reader, writer = await opened
        except (OSError, TimeoutError) as error:
            raise ClamdUnreachable(f"clamd cannot be reached: {error or type(error).__name__}") from error
        try:
            writer.write(command)
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _in_time(self, step: Awaitable[_T]) -> _T:
        """Raises ClamdUnreachable, _HungUp."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await step
        except TimeoutError as late:
            raise ClamdUnreachable(f"clamd did not answer within {self._timeout_seconds:g} s") from late
        except ConnectionError as broken:
            raise _HungUp from broken


async def _answer(reader: asyncio.StreamReader) -> str | None:
    """None when clamd hangs up without one."""
    try:
        return (await reader.readuntil(b"\0"))[:-1].decode("utf-8", "replace").strip()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None


@contextmanager
def _once_more(writer: asyncio.StreamWriter) -> Iterator[socket.socket]:
    """Its socket, which stays open when a write fails: asyncio closes its own then, and the answer is lost."""
    handle = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))
    try:
        yield handle
    finally:
        handle.close()


def _left_in(unread: socket.socket) -> str | None:
    with suppress(OSError):
        answer, end, _ = unread.recv(_LONGEST_ANSWER_BYTES, socket.MSG_DONTWAIT).partition(b"\0")
        return answer.decode("utf-8", "replace").strip() if end else None
    return None


def _found(answer: str) -> str | None:
    text = answer.removeprefix("stream: ")
    if text == "OK":
        return None
    name = text.removesuffix(" FOUND")
    if name == text or name.startswith(_LIMIT_PREFIX):
        raise ScanFailed(
            f"clamd did not scan the whole video ({text[:200]}); raise its StreamMaxLength, MaxFileSize and MaxScanSize"
        )
    return name
