"""One POST to one target: connected to a checked address, within a time limit, and little of the answer read.

The only importer of h11. No redirect is followed, no proxy is used, no connection is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11

from consumer.webhooks.addresses import Resolve, addresses_of, resolve_host
from wire.addresses import is_public
from wire.webhooks import Target, TargetRefusedError, target_of

_MOST_ANSWER_BYTES = 16 * 1024
_EXCERPT_BYTES = 200
_CONNECT_SECONDS = 5.0
_LONGEST_RETRY_AFTER_SECONDS = 3600.0


class SendError(Exception):
    """No answer, or none that can be read. The message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """retry_after: seconds, when the target asks for a pause. excerpt: the beginning of what it said."""

    status: int
    retry_after: float | None
    excerpt: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        if 300 <= self.status < 400:
            return f"answered {self.status}; redirects are not followed"
        return f"answered {self.status}" + (f": {self.excerpt}" if self.excerpt else "")


@dataclass(frozen=True, slots=True)
class Sender:
    """timeout_seconds: for all of it, from name to answer. tls: the context of https targets."""

    timeout_seconds: float
    allowed_hosts: Collection[str] = ()
    resolve: Resolve = resolve_host
    tls: ssl.SSLContext | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises SendError."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                target = target_of(url, self.allowed_hosts)
                async with self._connected(target) as (reader, writer):
                    return await _exchange(reader, writer, target, headers, body)
        except TargetRefusedError as refused:
            raise SendError(str(refused)) from refused
        except TimeoutError as late:
            raise SendError(f"no answer within {self.timeout_seconds:g} s") from late
        except (OSError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
            raise SendError(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def _connected(self, target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        addresses = await addresses_of(target, self.resolve)
        reader, writer = await self._connect(target, addresses)
        try:
            peer = writer.get_extra_info("peername")
            if not target.is_allowed and not is_public(str(peer[0])):
                raise TargetRefusedError(f"{target.url.host} led to {peer[0]}, in a private network.")
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _connect(self, target: Target, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = (self.tls or ssl.create_default_context()) if target.url.is_tls else None
        name = target.url.host if target.url.is_tls else None
        failed: OSError | None = None
        for address in addresses[:4]:
            opening = asyncio.open_connection(address, target.url.port, ssl=tls, server_hostname=name)
            try:
                return await asyncio.wait_for(opening, _CONNECT_SECONDS)
            except (OSError, TimeoutError) as error:
                failed = OSError(f"{target.url.host} could not be connected to: {str(error) or type(error).__name__}")
        raise failed or OSError(f"{target.url.host} has no address")


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    conversation = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_ANSWER_BYTES)
    sent = {
        "host": target.url.authority,
        "user-agent": "twinreel",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **headers,
    }
    request = h11.Request(method="POST", target=target.url.path, headers=list(sent.items()))
    for event in (request, h11.Data(body), h11.EndOfMessage()):
        writer.write(conversation.send(event) or b"")
    await writer.drain()
    return await _read(reader, conversation)


async def _read(reader: asyncio.StreamReader, conversation: h11.Connection) -> Answer:
    response: h11.Response | None = None
    said, received = b"", 0
    while received <= _MOST_ANSWER_BYTES:
        event = conversation.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(4096)
            received += len(data)
            if not data and response is None:
                break
            conversation.receive_data(data)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            said += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
        if response is not None and len(said) >= _EXCERPT_BYTES:
            break
    if response is None:
        raise SendError("the connection was closed without an answer")
    excerpt = "".join(each if each.isprintable() else " " for each in said[:_EXCERPT_BYTES].decode("utf-8", "replace"))
    return Answer(response.status_code, _retry_after(response), excerpt.strip())


def _retry_after(response: h11.Response) -> float | None:
    for name, value in response.headers:
        if name == b"retry-after":
            with contextlib.suppress(ValueError):
                seconds = float(value.decode("latin-1"))
                if math.isfinite(seconds):
                    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER_SECONDS)
    return None
