"""Who may call a route: each row of the table in routes.py says it, and is built here with that rule inside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from edge_api.auth import User, require_internal, shows_secret, user_of
from edge_api.errors import ApiError
from edge_api.limiting import Policy
from edge_api.scopes import Scope
from edge_api.state import Request
from edge_api.videos import visible_row

Handler = Callable[[Request], Awaitable[Response]]
UserHandler = Callable[[Request, User], Awaitable[Response]]
ActorHandler = Callable[[Request, str], Awaitable[Response]]
"""The text is the caller's name in the audit log: internal, or user: and an id."""


@dataclass(frozen=True, slots=True)
class Access:
    """scope: what a token needs. internal: PROCESSOR_SECRET is taken. any_token: any token will do. None of them:
    everybody. is_page: one of the console's, for people; not of the public API. takes_slot: it may bring a video, and
    then counts among the uploads that a token may have under way at once."""

    scope: Scope | None = None
    internal: bool = False
    any_token: bool = False
    is_page: bool = False
    takes_slot: bool = False


class Entry(Route):
    """One row of the table: a route that knows who may call it."""

    def __init__(self, method: str, path: str, endpoint: Callable[[Request], Any], access: Access, name: str) -> None:
        super().__init__(path, endpoint, methods=[method], name=name)
        self.access = access

    @property
    def told_methods(self) -> set[str]:
        """Without the HEAD that every GET brings along."""
        methods = set(self.methods or ())
        return methods - {"HEAD"} if "GET" in methods else methods


def for_everybody(method: str, path: str, handler: Handler) -> Entry:
    return Entry(method, path, handler, Access(), _name(handler))


def for_scope(method: str, path: str, scope: Scope, handler: UserHandler, *, counts_as: Policy = "requests") -> Entry:
    """For tokens with this scope. counts_as: the rate limit that a call counts against."""

    async def endpoint(request: Request) -> Response:
        return await handler(request, await _allowed_user(request, scope, counts_as))

    return Entry(method, path, endpoint, Access(scope), _name(handler))


def for_uploads(method: str, path: str, scope: Scope, handler: UserHandler, *, counts_as: Policy = "uploads") -> Entry:
    """For tokens with this scope, which send videos. Who has to wait for a slot has not begun an upload: nothing is
    counted."""

    async def endpoint(request: Request) -> Response:
        user = await user_of(request)
        async with request.state["upload_slots"].held(request.scope, user.token_id):
            await _admit(request, user, scope, counts_as)
            return await handler(request, user)

    return Entry(method, path, endpoint, Access(scope, takes_slot=True), _name(handler))


def page_for_everybody(method: str, path: str, handler: Handler) -> Entry:
    return Entry(method, path, handler, Access(is_page=True), _name(handler))


def page_for_users(method: str, path: str, handler: UserHandler, scope: Scope | None = None) -> Entry:
    """A page for who is signed in, with this scope if one is named."""

    async def endpoint(request: Request) -> Response:
        return await handler(request, await _allowed_user(request, scope, "requests"))

    return Entry(method, path, endpoint, Access(scope, any_token=scope is None, is_page=True), _name(handler))


def for_services(method: str, path: str, handler: Handler) -> Entry:
    """For the services of this installation, which show PROCESSOR_SECRET."""

    async def endpoint(request: Request) -> Response:
        require_internal(request)
        return await handler(request)

    return Entry(method, path, endpoint, Access(internal=True), _name(handler))


def for_services_or_scope(method: str, path: str, scope: Scope, handler: ActorHandler) -> Entry:
    async def endpoint(request: Request) -> Response:
        if shows_secret(request):
            require_internal(request)
            return await handler(request, "internal")
        user = await _allowed_user(request, scope, "requests")
        return await handler(request, f"user:{user.id}")

    return Entry(method, path, endpoint, Access(scope, internal=True), _name(handler))


async def _allowed_user(request: Request, scope: Scope | None, counts_as: Policy) -> User:
    """Raises ApiError."""
    user = await user_of(request)
    await _admit(request, user, scope, counts_as)
    return user


async def _admit(request: Request, user: User, scope: Scope | None, counts_as: Policy) -> None:
    """Raises ApiError. Whoever may not learns nothing of others' videos: a token without the scope is refused unseen,
    a role without it hears of them what everybody hears, that there are none."""
    await request.state["limiting"].count(request.scope, counts_as, user.token_id)
    if scope is None:
        return
    try:
        user.require(scope)
    except ApiError as refused:
        if refused.code == "FORBIDDEN" and "video_id" in request.path_params:
            await visible_row(request, user)
        raise


def _name(handler: Callable[..., Any]) -> str:
    return getattr(handler, "__name__", type(handler).__name__)
