"""What happens to every request: an id, a log line, a measurement, security headers, and an answer come what may."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_api.errors import ApiError, error_response
from edge_api.limiting import rate_limit_headers
from edge_api.metrics import Metrics
from edge_api.state import Request
from edge_api.tus.headers import version_headers

log = structlog.get_logger("edge_api")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_QUIET = {"/livez", "/readyz", "/metrics"}


class UnderWay:
    """Counts the requests that are being answered."""

    def __init__(self) -> None:
        self._count = 0
        self._is_none = asyncio.Event()
        self._is_none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        self._count += 1
        self._is_none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._is_none.set()

    async def none(self, seconds: float) -> None:
        """Returns when there is none, or then."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_none.wait()
        except TimeoutError:
            log.error("requests not ended in time", requests=self._count)


class RequestMiddleware:
    """Plain ASGI, so that streams and disconnects pass through untouched.

    A request that is cancelled, because the gateway stops and its grace is over, is answered with 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        dressed: Callable[[Request, Response], Awaitable[Response]],
        under_way: UnderWay,
    ) -> None:
        """dressed: an error as it is shown to who asked."""
        self.app = app
        self.metrics = metrics
        self.dressed = dressed
        self.under_way = under_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _accepted_id(Headers(scope=scope).get("x-request-id"))
        scope["twinreel.request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = rate_limit_headers(scope) | version_headers(scope["path"])
                _dress(message, request_id, extra, is_secure=scope.get("scheme") == "https")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id), self.under_way.one():
            try:
                await self.app(scope, receive, send_dressed)
            except Exception:
                log.exception("unexpected failure", path=scope["path"], method=scope["method"])
                if status:
                    raise
                answer = await self.dressed(Request(scope), error_response(ApiError("INTERNAL"), request_id))
                await answer(scope, receive, send_dressed)
            except asyncio.CancelledError:
                if status:
                    raise
                stopping = ApiError("UNAVAILABLE", "The gateway is being restarted; send it again.")
                answer = await self.dressed(Request(scope), error_response(stopping, request_id))
                answer.headers["Connection"] = "close"
                await answer(scope, receive, send_dressed)
            finally:
                self._measure(scope, status, time.perf_counter() - started)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self.metrics.observe_request(scope["method"], route, status, seconds)
        if scope["path"] not in _QUIET:
            log.info("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))


def _accepted_id(given: str | None) -> str:
    """The caller's id when it is harmless in a log, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _dress(message: Message, request_id: str, extra: Mapping[str, str], *, is_secure: bool) -> None:
    headers = MutableHeaders(raw=message["headers"])
    message["headers"] = headers.raw
    headers["X-Request-Id"] = request_id
    headers.update(extra)
    for name, value in _SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
    if is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
