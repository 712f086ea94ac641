"""`POST /make-rendition`: answered by lines while the rendition is made, for that may take an hour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from processor.addresses import SourceRules
from processor.bodies import json_body
from processor.errors import BadRequestError, BusyError, ProcessorError
from processor.metrics import Metrics
from processor.pool import Pool, Slot
from processor.transport import parsed_url, port_of
from wire.errors import error_body
from wire.renditions import RenditionFormatError, RenditionRequest

LINE_SECONDS = 1.0
"""From one line that tells of the progress to the next."""
_log = structlog.stdlib.get_logger(__name__)


class Making:
    """The route's handler. pool: of workers that may write a file. rules: of what may be read and written to."""

    def __init__(self, pool: Pool, rules: SourceRules, metrics: Metrics) -> None:
        self._pool = pool
        self._rules = rules
        self._metrics = metrics

    async def make_rendition(self, request: Request) -> Response:
        """Raises BadRequestError, ForbiddenSourceError, BusyError; what comes later is the last line."""
        try:
            wanted = RenditionRequest.from_json(await json_body(request))
        except RenditionFormatError as broken:
            raise BadRequestError(str(broken)) from broken
        for address in (wanted.video_url, wanted.rendition_url):
            url = parsed_url(address)
            self._rules.check(url.host, port_of(url))
        structlog.contextvars.bind_contextvars(video_id=wanted.video_id)
        claimed = ExitStack()
        try:
            slot = claimed.enter_context(self._pool.claim())
        except BusyError:
            self._metrics.renditions.labels("busy").inc()
            raise
        return _Lines(claimed, self._lines(slot, wanted, request.state.request_id))

    async def _lines(self, slot: Slot, wanted: RenditionRequest, request_id: str) -> AsyncIterator[bytes]:
        share = 0.0

        def tell(told: float) -> None:
            nonlocal share
            share = told

        working = asyncio.create_task(self._work(slot, wanted, tell, request_id))
        try:
            while not (await asyncio.wait({working}, timeout=LINE_SECONDS))[0]:
                yield _line({"progress": share})
            yield _line(working.result())
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _work(self, slot: Slot, wanted: RenditionRequest, tell: Any, request_id: str) -> dict[str, Any]:
        """The last line."""
        outcome = "disconnected"
        try:
            result = await slot.run(wanted.to_json(), tell)
            outcome = "ok"
            self._metrics.bytes_read.inc(result.report["bytes_read"])
            _log.info("rendered", **result.report)
            return {"rendition": json.loads(result.body)}
        except ProcessorError as refused:
            outcome = refused.code.lower()
            _log.warning("rendition_failed", code=refused.code, error=str(refused))
            return error_body(refused.code, str(refused), request_id, retryable=refused.retryable)
        finally:
            self._metrics.renditions.labels(outcome).inc()


class _Lines(Response):
    """Sends the lines as they come. claimed: is left at the end, and the work is cancelled when the client hangs up."""

    media_type = "application/x-ndjson"

    def __init__(self, claimed: ExitStack, lines: AsyncIterator[bytes]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._claimed = claimed
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._claimed:
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for line in self._lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        finally:
            # A generator that is left in the middle ends its work when it is closed, and not before.
            await self._lines.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode() + b"\n"
