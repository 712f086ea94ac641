"""An application behind a real socket, on a thread and event loop of its own, for clients that block."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from edge_api.app import create_app
from edge_api.env import Env
from edge_api.settings import Settings
from tests.edge_api.kit import People, World, make_people, memory_env, processor_is_up, public_resolve, serving
from wrangler_compat.servers import free_port

OpenApp = Callable[[], AbstractAsyncContextManager[ASGIApp]]


@dataclass(frozen=True)
class Live:
    url: str
    people: People


@contextmanager
def listening(open_app: OpenApp) -> Iterator[str]:
    """Serves what open_app gives until the end of the with block; its URL."""
    port, up = free_port(), threading.Event()
    server: list[uvicorn.Server] = []

    class Telling(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            up.set()

    async def serve() -> None:
        async with open_app() as app:
            server.append(Telling(uvicorn.Config(app, port=port, log_config=None, lifespan="on")))
            await server[0].serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(60)
        yield f"http://127.0.0.1:{port}"
    finally:
        server[0].should_exit = True
        thread.join()


@contextmanager
def live_gateway(settings: Settings, prepare: Callable[[World], Awaitable[None]]) -> Iterator[Live]:
    """The gateway over bindings in memory, with people in it. prepare: what is there when it begins to listen."""
    made: list[People] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[ASGIApp]:
        async with memory_env() as env:
            made.append(await make_people(env.db))

            async with serving(settings, env, made[0]) as world:
                await prepare(world)

            @asynccontextmanager
            async def granted() -> AsyncIterator[Env]:
                yield env

            yield create_app(settings, granted, resolve=public_resolve, ping=processor_is_up)

    with listening(opened) as url:
        yield Live(url, made[0])
