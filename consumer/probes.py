"""/livez, /readyz and /metrics of a worker, on a port of their own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from consumer.metrics import Metrics

Ping = Callable[[], Awaitable[None]]

_PING_SECONDS = 2.0
_REQUEST_SECONDS = 5.0
_JSON = "application/json"


@asynccontextmanager
async def serve_probes(host: str, port: int, *, metrics: Metrics, pings: Mapping[str, Ping]) -> AsyncIterator[int]:
    """Serve until left; gives the port. pings: by the name of the binding; one that does not answer raises."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _answer(request, metrics, pings))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


async def ping_all(pings: Mapping[str, Ping]) -> dict[str, dict[str, Any]]:
    """What each binding says: {"ok": true, "milliseconds": n} or {"ok": false, "error": why}."""
    answers = await asyncio.gather(*(_ping(ping) for ping in pings.values()))
    return dict(zip(pings, answers, strict=True))


async def _ping(ping: Ping) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await ping()
    except TimeoutError:
        return {"ok": False, "error": f"no answer within {_PING_SECONDS:g} s"}
    except Exception as error:
        return {"ok": False, "error": str(error) or type(error).__name__}
    return {"ok": True, "milliseconds": round((time.perf_counter() - begun) * 1000, 1)}


async def _answer(request: bytes, metrics: Metrics, pings: Mapping[str, Ping]) -> bytes:
    method, _, rest = request.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if method not in ("GET", "HEAD"):
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, _JSON, _told({"error": "Only GET is answered here."}))
    if path == "/metrics":
        return _response(HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics.text())
    if path == "/livez":
        return _response(HTTPStatus.OK, _JSON, _told({"status": "ok"}))
    if path == "/readyz":
        bindings = await ping_all(pings)
        is_ready = all(answer["ok"] for answer in bindings.values())
        body = {"status": "ready" if is_ready else "not ready", "bindings": bindings}
        return _response(HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, _JSON, _told(body))
    return _response(HTTPStatus.NOT_FOUND, _JSON, _told({"error": "Here are /livez, /readyz and /metrics."}))


def _told(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _response(status: HTTPStatus, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
