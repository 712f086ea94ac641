"""The application, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware

from edge_api.addresses import Resolve, resolve_host
from edge_api.console.error_pages import as_page, with_pages
from edge_api.cors import cors
from edge_api.env import OpenEnv
from edge_api.errors import HANDLERS
from edge_api.first_admin import ensure_first_admin
from edge_api.leftovers import sweep_for_ever
from edge_api.limiting import Asking, Limiting
from edge_api.metrics import Metrics
from edge_api.middleware import RequestMiddleware, UnderWay
from edge_api.processor import PingProcessor, open_ping
from edge_api.routes import routes
from edge_api.settings import Settings
from edge_api.state import State
from edge_api.stats.operations import Operations
from edge_api.stats.storage import Watch
from edge_api.turns import Turns
from edge_api.tus.passes import Looks
from edge_api.upload_slots import UploadSlots
from wrangler_compat.r2.counted import CountedBucket

_LAST_REQUESTS_SECONDS = 10.0
"""What requests that were cut off may take to clean up."""


def create_app(
    settings: Settings,
    open_env: OpenEnv,
    *,
    resolve: Resolve = resolve_host,
    ping: PingProcessor | None = None,
    first_token_file: Path | None = None,
) -> Starlette:
    """open_env is entered when the application starts and left when it ends.

    ping: None: the processor is asked over HTTP. first_token_file: where the first admin's token goes when there is no
    user yet; None: no admin is made.
    """
    metrics, under_way = Metrics(), UnderWay()
    asking = Asking(metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        async with open_env() as env, nullcontext(ping) if ping else open_ping() as ask:
            if first_token_file is not None:
                await ensure_first_admin(env.db, first_token_file, settings.binding_timeout_seconds)
            operations = Operations(metrics)
            env = replace(env, video_bucket=CountedBucket(env.video_bucket, operations.count))
            watch = Watch(env, settings, metrics, operations)
            beside = [asyncio.create_task(sweep_for_ever(env, settings)), asyncio.create_task(watch.for_ever())]
            yield State(
                env=env,
                settings=settings,
                metrics=metrics,
                turns=turns_of(settings),
                limiting=Limiting(env, settings, metrics, asking),
                upload_slots=UploadSlots(env, settings, metrics, asking),
                resolve=resolve,
                ping_processor=ask,
                looks=Looks(),
            )
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            # Uploads that were cut off are undone, resumable ones put aside, while there is an env to do it with.
            await under_way.none(_LAST_REQUESTS_SECONDS)

    app = Starlette(
        routes=routes(),
        middleware=[
            Middleware(RequestMiddleware, metrics=metrics, dressed=as_page, under_way=under_way),
            *cors(settings.cors_origins),
        ],
        exception_handlers=with_pages(HANDLERS),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def turns_of(settings: Settings) -> Turns:
    return Turns(
        at_once=settings.uploads_at_once,
        wait_seconds=settings.upload_wait_seconds,
        slow_bytes_per_second=settings.slow_upload_bytes_per_second,
        most_held_without=settings.uploads_at_once * settings.upload_part_size,
    )
