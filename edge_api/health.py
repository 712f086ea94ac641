"""Whether the gateway lives, whether it is ready, and what it counts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import fields
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError, error_response, request_id_of
from edge_api.metrics import Metrics
from edge_api.state import Request
from wrangler_compat.errors import BindingError
from wrangler_compat.queues.types import Queue

log = structlog.get_logger("edge_api")

PING_SECONDS = 2.0


async def livez(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Pings each binding by its name. The processor is reported, but uploads are accepted without it."""
    env, state = request.state["env"], request.state
    names = [field.name for field in fields(Env)]
    processor, *found = await asyncio.gather(
        state["ping_processor"](state["settings"].processor_url, PING_SECONDS),
        *(_ping(name.upper(), getattr(env, name)) for name in names),
    )
    bindings = {name.upper(): answer for name, answer in zip(names, found, strict=True)}
    body = {"bindings": bindings, "processor": {"ok": processor}}
    failed = [name for name, answer in bindings.items() if not answer["ok"]]
    if failed:
        error = ApiError("NOT_READY", f"No answer from {', '.join(failed)}.", status="not ready", **body)
        return error_response(error, request_id_of(request))
    return JSONResponse({"status": "ready", **body})


async def metrics(request: Request) -> Response:
    measured = request.state["metrics"]
    env = request.state["env"]
    measured.streams.set(request.state["turns"].event_streams)
    await asyncio.gather(
        *(_depth(queue, measured) for queue in (env.video_queue_high, env.video_queue, env.video_queue_low))
    )
    return Response(measured.render(), media_type=CONTENT_TYPE_LATEST)


async def _ping(name: str, binding: Any) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        async with deadline(PING_SECONDS, name):
            await binding.ping()
    except BindingError as error:
        log.warning("ping failed", binding=name, code=error.code, message=error.message)
        return {"ok": False, "error": error.code}
    return {"ok": True, "milliseconds": round((time.perf_counter() - started) * 1000, 1)}


async def _depth(queue: Queue, measured: Metrics) -> None:
    """A queue that does not answer in time keeps its last numbers."""
    try:
        async with deadline(PING_SECONDS, "VIDEO_QUEUE"):
            info = await queue.info()
    except BindingError as error:
        log.warning("queue not measured", code=error.code, message=error.message)
        return
    measured.queue_messages.labels(info.name, "ready").set(info.ready)
    measured.queue_messages.labels(info.name, "delayed").set(info.delayed)
    measured.queue_messages.labels(info.name, "dead").set(info.dead_letters)
