"""A gateway that dies at a named moment between the socket and the answer: the points, and bindings that know them.

As a program, `python -m tests.e2e.mortal POINT PORT`, it is the real gateway over real bindings and dies by kill -9.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NoReturn

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_api.app import create_app
from edge_api.env import Env, OpenEnv, open_env
from edge_api.settings import configuration
from wrangler_compat.errors import BindingError

Kind = Literal["long", "short", "equal", "broken", "unsure", "url"]
"""What is uploaded: in parts, in one piece, bytes that are there already, in parts without the last boundary, in one
piece while D1 writes the rows and does not answer, or the address of a video elsewhere."""


class Killed(BaseException):
    """Nothing of this gateway runs after this, or has an effect."""


@dataclass(frozen=True)
class Point:
    """The moment before or after the effect of one call. which: of the calls of this method, from 0.

    is_kept: the rows were written, so that the video reaches its verdict, whether that was answered or not.
    """

    kind: Kind
    binding: str
    method: str
    which: int
    moment: Literal["before", "after"]
    is_kept: bool = False
    is_answered: bool = False


POINTS: dict[str, Point] = {
    "before the token is looked up": Point("long", "db", "first", 0, "before"),
    "before the upload is opened": Point("long", "video_bucket", "create_multipart_upload", 0, "before"),
    "after the upload was opened": Point("long", "video_bucket", "create_multipart_upload", 0, "after"),
    "before a part is written": Point("long", "video_bucket", "upload_part", 0, "before"),
    "after a part was written": Point("long", "video_bucket", "upload_part", 0, "after"),
    "after the last part was written": Point("long", "video_bucket", "upload_part", 2, "after"),
    "before the object is completed": Point("long", "video_bucket", "complete", 0, "before"),
    "after the object was completed": Point("long", "video_bucket", "complete", 0, "after"),
    "before the rows are written": Point("long", "db", "batch", 0, "before"),
    "after the rows were written": Point("long", "db", "batch", 0, "after", is_kept=True),
    "before the message is sent": Point("long", "video_queue", "send", 0, "before", is_kept=True),
    "after the message was sent": Point("long", "video_queue", "send", 0, "after", is_kept=True),
    "before the answer": Point("long", "answer", "http.response.start", 0, "before", is_kept=True),
    "after the head of the answer": Point("long", "answer", "http.response.start", 0, "after", is_kept=True),
    "after the answer": Point("long", "answer", "http.response.body", 0, "after", is_kept=True, is_answered=True),
    "before a short object is put": Point("short", "video_bucket", "put", 0, "before"),
    "after a short object was put": Point("short", "video_bucket", "put", 0, "after"),
    "before the rows of a short one": Point("short", "db", "batch", 0, "before"),
    "before the rows of a duplicate": Point("equal", "db", "batch", 0, "before"),
    "after the rows of a duplicate": Point("equal", "db", "batch", 0, "after", is_kept=True),
    "before a broken upload is aborted": Point("broken", "video_bucket", "abort", 0, "before"),
    "after a broken upload was aborted": Point("broken", "video_bucket", "abort", 0, "after"),
    "before unsure rows are taken back": Point("unsure", "db", "batch", 1, "before", is_kept=True),
    "after unsure rows were taken back": Point("unsure", "db", "batch", 1, "after"),
    "after the object of unsure rows was deleted": Point("unsure", "video_bucket", "delete", 0, "after"),
    "before the rows of an address are written": Point("url", "db", "batch", 0, "before"),
    "after the rows of an address were written": Point("url", "db", "batch", 0, "after", is_kept=True),
    "before the message of an address is sent": Point("url", "video_queue", "send", 0, "before", is_kept=True),
}


def raise_killed() -> NoReturn:
    raise Killed


def kill_this_process() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("kill -9 spares nobody")


@dataclass
class Fate:
    """When a gateway dies, and how. is_dead: nothing it calls has an effect any more. answered: the status of an answer
    that went out whole."""

    point: Point
    die: Callable[[], NoReturn] = raise_killed
    is_dead: bool = False
    answered: int | None = None
    calls: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, binding: str, method: str) -> int:
        """Of the call that begins now. Raises Killed when there is nobody any more to make it."""
        if self.is_dead:
            raise Killed
        number = self.calls.get((binding, method), 0)
        self.calls[binding, method] = number + 1
        return number

    def reach(self, binding: str, method: str, number: int, moment: str) -> None:
        point = self.point
        if self.is_dead or (point.binding, point.method, point.which, point.moment) == (
            binding,
            method,
            number,
            moment,
        ):
            self.is_dead = True
            self.die()


class Mortal:
    """A binding, or what a binding gave: each of its calls may be the last."""

    def __init__(self, inner: Any, fate: Fate, binding: str) -> None:
        self._inner, self._fate, self._binding = inner, fate, binding

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        if inspect.iscoroutinefunction(real):
            return self._call(name, real)
        return self._made(real) if inspect.ismethod(real) else real

    def _made(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """For prepare() and bind(), which do nothing yet."""
        return lambda *args, **kwargs: Mortal(real(*args, **kwargs), self._fate, self._binding)

    def _call(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            fate = self._fate
            number = fate.number(self._binding, name)
            fate.reach(self._binding, name, number, "before")
            result = await real(*map(_bare, args), **kwargs)
            fate.reach(self._binding, name, number, "after")
            if fate.point.kind == "unsure" and (self._binding, name, number) == ("db", "batch", 0):
                raise BindingError("the answer was lost", code="TIMEOUT", retryable=True)
            return Mortal(result, fate, self._binding) if name == "create_multipart_upload" else result

        return call


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value._inner if isinstance(value, Mortal) else value


def mortal_env(env: Env, fate: Fate) -> Env:
    return Env(**{each.name: Mortal(getattr(env, each.name), fate, each.name) for each in fields(Env)})


def mortal_app(app: ASGIApp, fate: Fate) -> ASGIApp:
    """The application whose answers are points too."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def send_once(message: Message) -> None:
            nonlocal status
            number = fate.number("answer", message["type"])
            fate.reach("answer", message["type"], number, "before")
            await send(message)
            status = message.get("status", status)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                fate.answered = status
            fate.reach("answer", message["type"], number, "after")

        await app(scope, receive, send_once if scope["type"] == "http" else send)

    return served


def mortal_bindings(opened: OpenEnv, fate: Fate) -> OpenEnv:
    @asynccontextmanager
    async def granted() -> AsyncIterator[Env]:
        async with opened() as env:
            yield mortal_env(env, fate)

    return granted


def main() -> None:
    fate = Fate(POINTS[sys.argv[1]], kill_this_process)
    read = configuration()
    app = mortal_app(create_app(read.settings, mortal_bindings(open_env(read), fate)), fate)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]))


if __name__ == "__main__":
    main()
