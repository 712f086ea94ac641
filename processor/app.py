"""The processor's HTTP service. Stateless and without credentials: video in, fingerprint or rendition out."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from processor.addresses import SourceRules
from processor.bodies import json_body
from processor.callbacks import call_back
from processor.errors import BadRequestError, BusyError, ProcessorError
from processor.extract import merge
from processor.making import Making
from processor.metrics import CONTENT_TYPE, Metrics
from processor.pool import WORKER_COMMAND, Pool, Slot
from processor.request_ids import RequestIds
from processor.settings import Settings, worker_environ
from processor.transport import check_url, parsed_url, port_of
from processor.worker import WorkerOrders
from wire.errors import error_body
from wire.processing import ExtractFormatError, ExtractRequest, Preview

RETRY_AFTER_SECONDS = 2
CLIENT_CLOSED_REQUEST = 499
_NICENESS = 15
_log = structlog.stdlib.get_logger(__name__)


@dataclass
class Service:
    """What the routes work with."""

    settings: Settings
    pool: Pool
    renditions: Pool
    metrics: Metrics
    callbacks: set[asyncio.Task[None]] = field(default_factory=set)


def create_app(settings: Settings, *, worker_command: tuple[str, ...] = WORKER_COMMAND) -> Starlette:
    orders = WorkerOrders(
        frame_interval=settings.frame_interval,
        phash_size=settings.phash_size,
        max_duration=settings.max_duration,
        threads=settings.decode_threads,
        timeout=settings.extract_timeout,
        memory=settings.worker_memory,
        only_hosts=settings.source_hosts,
        own_hosts=settings.store_hosts,
        max_source_bytes=settings.max_source_bytes,
        cpu_seconds=settings.cpu_seconds,
    )
    pool = Pool(
        orders,
        slots=settings.slots,
        jobs_per_worker=settings.jobs_per_worker,
        environ=worker_environ(),
        command=worker_command,
    )
    renditions = _rendition_pool(settings, orders, worker_command)
    service = Service(settings, pool, renditions, Metrics(lambda: pool.busy, pool.slots))
    making = Making(renditions, SourceRules(settings.source_hosts, settings.store_hosts), service.metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await pool.start()
        _log.info("ready", slots=pool.slots, frame_interval=settings.frame_interval)
        try:
            yield
        finally:
            for task in service.callbacks:
                task.cancel()
            await asyncio.gather(*service.callbacks, return_exceptions=True)
            await asyncio.gather(pool.close(), renditions.close())

    app = Starlette(
        routes=[
            Route("/extract-fingerprint", extract_fingerprint, methods=["POST"]),
            Route("/merge-fingerprints", merge_fingerprints, methods=["POST"]),
            Route("/make-rendition", making.make_rendition, methods=["POST"]),
            Route("/livez", livez, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
        exception_handlers={ProcessorError: _refused, HTTPException: _http_refused, Exception: _broken},
        lifespan=lifespan,
    )
    app.add_middleware(RequestIds)
    app.state.service = service
    return app


def _rendition_pool(settings: Settings, orders: WorkerOrders, command: tuple[str, ...]) -> Pool:
    """Workers of their own, so that no fingerprint waits for a rendition; each is started when it is first needed."""
    return Pool(
        replace(
            orders,
            timeout=settings.rendition_timeout,
            cpu_seconds=0.9 * settings.rendition_timeout * settings.decode_threads,
            written_bytes=settings.rendition_max_bytes,
            folder=settings.rendition_folder,
            niceness=_NICENESS,
        ),
        slots=settings.rendition_slots,
        jobs_per_worker=settings.jobs_per_worker,
        environ=worker_environ(),
        command=command,
        timeout_setting="RENDITION_TIMEOUT",
        cpu_setting="RENDITION_TIMEOUT",
    )


async def extract_fingerprint(request: Request) -> Response:
    service: Service = request.app.state.service
    wanted = _extract_request(await json_body(request), service.settings)
    structlog.contextvars.bind_contextvars(video_id=wanted.video_id)
    claimed = ExitStack()
    try:
        slot = claimed.enter_context(service.pool.claim())
    except BusyError:
        service.metrics.extractions.labels("busy").inc()
        raise
    if wanted.callback_url is not None:
        task = asyncio.create_task(_extract_and_call_back(service, claimed, slot, wanted, request.state.request_id))
        service.callbacks.add(task)
        task.add_done_callback(service.callbacks.discard)
        return JSONResponse({"video_id": wanted.video_id, "status": "accepted"}, 202)
    with claimed:
        body = await _until_disconnected(request, _extract(service, slot, wanted))
    if body is None:
        service.metrics.extractions.labels("disconnected").inc()
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return Response(body, media_type="application/json")


async def merge_fingerprints(request: Request) -> Response:
    """Body: {video_id, fragments: [base64, ...], thumbnail?: base64, previews?: [Preview, ...]}, the previews in order
    of time. Answers as /extract-fingerprint does."""
    service: Service = request.app.state.service
    body = await json_body(request, service.settings.max_merge_bytes)
    video_id, fragments, thumbnail = body.get("video_id"), body.get("fragments"), body.get("thumbnail")
    if not isinstance(video_id, str) or not video_id:
        raise BadRequestError("video_id is required and must be text")
    if not isinstance(fragments, list) or not fragments or not all(isinstance(part, str) for part in fragments):
        raise BadRequestError("fragments is required and must be a list of base64 texts")
    if thumbnail is not None and not isinstance(thumbnail, str):
        raise BadRequestError("thumbnail must be base64 text")
    try:
        packed = [b64decode(part, validate=True) for part in fragments]
        previews = [Preview.from_json(each) for each in _list(body, "previews")]
    except ExtractFormatError as broken:
        raise BadRequestError(str(broken)) from broken
    except ValueError as broken:
        raise BadRequestError("fragments must be base64") from broken
    try:
        answer = await asyncio.to_thread(merge, video_id, packed, thumbnail, service.settings.phash_size, previews)
    except ProcessorError as refused:
        service.metrics.merges.labels(refused.code.lower()).inc()
        raise
    service.metrics.merges.labels("ok").inc()
    return JSONResponse(answer.to_json())


async def livez(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Busy is ready: a caller that finds no slot is told so with 503 by the extraction itself."""
    pool = request.app.state.service.pool
    return JSONResponse({"status": "ok", "checks": {"workers": "ok"}, "slots": pool.slots, "busy": pool.busy})


async def metrics(request: Request) -> Response:
    return Response(request.app.state.service.metrics.render(), media_type=CONTENT_TYPE)


async def _extract(service: Service, slot: Slot, wanted: ExtractRequest) -> bytes:
    """The JSON of the ExtractResponse. Raises ProcessorError."""
    began = time.monotonic()
    outcome = "cancelled"
    try:
        result = await slot.run(wanted.to_json())
        outcome = "ok"
        service.metrics.bytes_read.inc(result.report["bytes_read"])
        service.metrics.seconds.labels(wanted.tier).observe(time.monotonic() - began)
        _log.info("extracted", seconds=round(time.monotonic() - began, 3), tier=wanted.tier, **result.report)
        return result.body
    except ProcessorError as refused:
        outcome = refused.code.lower()
        _log.warning("extraction_failed", code=refused.code, error=str(refused))
        raise
    finally:
        if outcome != "cancelled":
            service.metrics.extractions.labels(outcome).inc()


async def _extract_and_call_back(
    service: Service, claimed: ExitStack, slot: Slot, wanted: ExtractRequest, request_id: str
) -> None:
    with claimed:
        try:
            body = await _extract(service, slot, wanted)
        except ProcessorError as refused:
            failure = error_body(refused.code, str(refused), request_id, video_id=wanted.video_id)
            body = json.dumps(failure | {"retryable": refused.retryable}).encode()
    taken = await call_back(
        wanted.callback_url or "",
        body,
        secret=service.settings.processor_secret,
        request_id=request_id,
        attempts=service.settings.callback_attempts,
    )
    service.metrics.callbacks.labels("ok" if taken else "failed").inc()


async def _until_disconnected(request: Request, work: Any) -> bytes | None:
    """What work gives; None, and work is cancelled, when the client hangs up first."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name, [])
    if not isinstance(value, list):
        raise BadRequestError(f"{name} must be a list")
    return value


def _extract_request(body: Mapping[str, Any], settings: Settings) -> ExtractRequest:
    try:
        wanted = ExtractRequest.from_json(body)
    except ExtractFormatError as broken:
        raise BadRequestError(str(broken)) from broken
    url = parsed_url(wanted.video_url)
    SourceRules(settings.source_hosts).check(url.host, port_of(url))
    if wanted.callback_url is not None:
        check_url(wanted.callback_url, settings.callback_hosts)
        if not settings.processor_secret:
            raise BadRequestError("callback_url needs PROCESSOR_SECRET to be set at the processor")
    return wanted


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProcessorError)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, BusyError) else None
    body = error_body(error.code, str(error), request.state.request_id)
    return JSONResponse(body, error.status, headers=headers)


async def _http_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
    body = error_body(code, f"{request.method} {request.url.path}: {error.detail}", request.state.request_id)
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("internal_error", path=request.url.path, exc_info=error)
    message = "something went wrong in the processor; its log tells more under this request_id"
    return JSONResponse(error_body("INTERNAL", message, request.state.request_id), 500)
