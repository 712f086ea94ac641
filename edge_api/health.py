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
from edge_api.state import Request
from wrangler_compat.errors import BindingError
from wrangler_compat.queues.types import Queue, QueueInfo

log = structlog.get_logger("edge_api")

PING_SECONDS = 2.0


async def livez(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The processor is reported, but uploads are accepted without it."""
    body = await pings(request)
    failed = [name for name, answer in body["bindings"].items() if not answer["ok"]]
    if failed:
        error = ApiError("NOT_READY", f"No answer from {', '.join(failed)}.", status="not ready", **body)
        return error_response(error, request_id_of(request))
    return JSONResponse({"status": "ready", **body})


async def pings(request: Request) -> dict[str, Any]:
    """bindings: each by its name, as it answered within PING_SECONDS. processor: the same."""
    env, state = request.state["env"], request.state
    names = [field.name for field in fields(Env)]
    processor, *found = await asyncio.gather(
        state["ping_processor"](state["settings"].processor_url, PING_SECONDS),
        *(_ping(name.upper(), getattr(env, name)) for name in names),
    )
    bindings = {name.upper(): answer for name, answer in zip(names, found, strict=True)}
    return {"bindings": bindings, "processor": {"ok": processor}}


async def metrics(request: Request) -> Response:
    measured = request.state["metrics"]
    measured.streams.set(request.state["turns"].event_streams)
    for info in await depths(request.state["env"]):
        measured.queue_messages.labels(info.name, "ready").set(info.ready)
        measured.queue_messages.labels(info.name, "delayed").set(info.delayed)
        measured.queue_messages.labels(info.name, "dead").set(info.dead_letters)
    return Response(measured.render(), media_type=CONTENT_TYPE_LATEST)


async def depths(env: Env) -> list[QueueInfo]:
    """Of the queues that answer in time."""
    queues = (env.video_queue_high, env.video_queue, env.video_queue_low)
    return [info for info in await asyncio.gather(*map(_depth, queues)) if info is not None]


async def _ping(name: str, binding: Any) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        async with deadline(PING_SECONDS, name):
            await binding.ping()
    except BindingError as error:
        log.warning("ping failed", binding=name, code=error.code, message=error.message)
        return {"ok": False, "error": error.code}
    return {"ok": True, "milliseconds": round((time.perf_counter() - started) * 1000, 1)}


async def _depth(queue: Queue) -> QueueInfo | None:
    try:
        async with deadline(PING_SECONDS, "VIDEO_QUEUE"):
            return await queue.info()
    except BindingError as error:
        log.warning("queue not measured", code=error.code, message=error.message)
        return None
