"""The application: its routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from edge_api import events, health, index, internal, remote, reviews, uploads, videos
from edge_api.addresses import Resolve, resolve_host
from edge_api.env import OpenEnv
from edge_api.errors import HANDLERS
from edge_api.leftovers import sweep_for_ever
from edge_api.metrics import Metrics
from edge_api.middleware import RequestMiddleware
from edge_api.processor import PingProcessor, ping_processor
from edge_api.settings import Settings
from edge_api.state import State, Turns


def routes() -> list[Route]:
    return [
        Route("/", index.index),
        Route("/openapi.json", index.openapi_document),
        Route("/livez", health.livez),
        Route("/readyz", health.readyz),
        Route("/metrics", health.metrics),
        Route("/api/upload", uploads.upload, methods=["POST"]),
        Route("/api/fingerprints", remote.fingerprint_url, methods=["POST"]),
        Route("/api/videos", videos.list_videos),
        Route("/api/videos/{video_id}", videos.get_video),
        Route("/api/videos/{video_id}", videos.delete_video, methods=["DELETE"]),
        Route("/api/videos/{video_id}/events", events.events),
        Route("/api/videos/{video_id}/review", reviews.review, methods=["POST"]),
        Route("/internal/fingerprint-complete", internal.fingerprint_complete, methods=["POST"]),
        Route("/internal/failed", internal.failed),
        Route("/internal/retry", internal.retry, methods=["POST"]),
    ]


def create_app(
    settings: Settings,
    open_env: OpenEnv,
    *,
    resolve: Resolve = resolve_host,
    ping: PingProcessor = ping_processor,
) -> Starlette:
    """open_env is entered when the application starts and left when it ends."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        async with open_env() as env:
            sweeping = asyncio.create_task(sweep_for_ever(env, settings))
            yield State(
                env=env,
                settings=settings,
                metrics=metrics,
                turns=Turns(asyncio.Semaphore(settings.uploads_at_once)),
                resolve=resolve,
                ping_processor=ping,
            )
            sweeping.cancel()
            await asyncio.wait([sweeping])

    app = Starlette(
        routes=routes(),
        middleware=[Middleware(RequestMiddleware, metrics=metrics)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
