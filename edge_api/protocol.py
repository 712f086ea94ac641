"""HTTP/1.1 by uvicorn, with bounds on what a client may take before there is a request to answer.

uvicorn waits for ever for the rest of a request's headers, and keeps as many of them as come. Here a connection ends
when it has brought nothing whole for too long while no answer is being made, and when it brings headers or trailers
without end. Too many connections at once are told so.
"""

from __future__ import annotations

import asyncio
import uuid
from asyncio import TimerHandle
from typing import ClassVar

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge_api.errors import ApiError, error_response

MOST_HEAD_BYTES = 64 * 1024
"""Of a request line and its headers, or of trailers. What the socket gave at one time may come on top of it."""

REST_BYTES_PER_SECOND = 65536
"""The rest of a body that has had its answer is read and dropped, if it comes at least so fast."""


def bounded_protocol(*, max_connections: int, head_seconds: float) -> type[HttpToolsProtocol]:
    """For uvicorn's `http`. Beyond max_connections requests are answered with TOO_BUSY, GET /livez excepted; beyond a
    tenth more, connections are closed at once. head_seconds: for the headers of a request, to their end."""

    class Bounded(BoundedProtocol):
        most, seconds = max_connections, head_seconds

    return Bounded


class BoundedProtocol(HttpToolsProtocol):
    most: ClassVar[int]
    seconds: ClassVar[float]

    _watch: TimerHandle | None = None
    _bytes_unread = 0
    """Since the parser last completed something."""
    _bytes_watched = 0
    _has_advanced = False
    _is_in_head = False
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self.app = _busy(self.app)
        if len(self.connections) > self.most * 1.1:
            transport.close()
            return
        self._begin_watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._watch is None and not self._is_answering():
            self._begin_watch()
        self._bytes_watched += len(data)
        self._has_advanced = False
        super().data_received(data)
        self._bytes_unread = 0 if self._has_advanced else self._bytes_unread + len(data)
        if self._bytes_unread > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(ApiError("HEADERS_TOO_LARGE"))

    def send_400_response(self, msg: str) -> None:
        self._refuse(ApiError("BAD_REQUEST"))

    def on_message_begin(self) -> None:
        self._is_in_head, self._is_in_body = True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._end_watch()
        self._has_advanced, self._is_in_head, self._is_in_body = True, False, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._has_advanced, self._is_in_body = True, False
        super().on_message_complete()
        if not self._is_answering():
            self._begin_watch()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin_watch(self) -> None:
        self._end_watch()
        self._bytes_watched = 0
        self._watch = self.loop.call_later(self.seconds, self._end_of_patience)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _end_of_patience(self) -> None:
        self._watch = None
        if self.transport.is_closing() or self._is_answering():
            return
        if self._is_in_body and self._bytes_watched >= REST_BYTES_PER_SECOND * self.seconds:
            self._begin_watch()
        elif self._is_in_head:
            self._refuse(ApiError("REQUEST_TIMEOUT"))
        else:
            self.transport.close()

    def _refuse(self, error: ApiError) -> None:
        """Ends the connection; with the error's answer, unless another answer is under way."""
        if not self._is_answering():
            response = _last_answer(error)
            head = [b"HTTP/1.1 %d \r\n" % response.status_code]
            head += [b"%b: %b\r\n" % header for header in response.raw_headers]
            self.transport.write(b"".join([*head, b"\r\n", bytes(response.body)]))
        self.transport.close()


def _last_answer(error: ApiError) -> JSONResponse:
    request_id = uuid.uuid4().hex
    headers = {"Connection": "close", "Cache-Control": "no-store", "X-Request-Id": request_id}
    return error_response(error, request_id, headers)


def _busy(app: ASGIApp) -> ASGIApp:
    """Whoever asks whether the process lives is told so all the same."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/livez":
            error = ApiError("TOO_BUSY", "Too many connections are open; try again shortly.")
            await _last_answer(error)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer
