"""Errors as pages for browsers; what the API answers stays as it is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, Response

from edge_api.auth import USER, User
from edge_api.console.pages import go_to, page, with_query
from edge_api.console.sign_in import is_local, user_if_any, wants_page
from edge_api.state import Request
from wrangler_compat.errors import BindingError

Handler = Callable[[StarletteRequest[Any], Exception], Awaitable[Response]]

_TITLES: Mapping[int, str] = {
    403: "You may not do this",
    404: "There is nothing here",
    405: "There is nothing here",
    429: "Too fast",
    500: "Something went wrong",
    503: "Not now",
}
_KEPT = ("retry-after", "allow")


def with_pages(handlers: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The same handlers, whose answers become pages where a browser asks for one."""
    return {kind: _with_page(handler) for kind, handler in handlers.items()}


def _with_page(handler: Handler) -> Handler:
    async def answer(request: StarletteRequest[Any], error: Exception) -> Response:
        return await as_page(request, await handler(request, error))

    return answer


async def as_page(request: Request, answer: Response) -> Response:
    """Who has to sign in first is sent there, and back when that is done."""
    if not isinstance(answer, JSONResponse) or not wants_page(request):
        return answer
    body = json.loads(bytes(answer.body))
    if answer.status_code == 401:
        why = "ended" if body["code"] == "SESSION_ENDED" else None
        return go_to(with_query("/sign-in", next=_here(request), why=why))
    return await page(
        request,
        await _user(request, answer.status_code),
        "error.html",
        status=answer.status_code,
        headers={name: answer.headers[name] for name in _KEPT if name in answer.headers},
        title=_TITLES.get(answer.status_code, "This did not work"),
        message=body["error"],
        code=body["code"],
        request_id=body["request_id"],
    )


async def _user(request: Request, status: int) -> User | None:
    """For the navigation. An address that leads nowhere has not asked who it was; nobody is asked in other troubles."""
    user: User | None = request.scope.get(USER)
    if user is not None or status != 404:
        return user
    try:
        return await user_if_any(request)
    except BindingError:
        return None


def _here(request: Request) -> str | None:
    """The page to come back to; what a form has sent is not sent again."""
    here = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return here if request.method == "GET" and is_local(here) else None
