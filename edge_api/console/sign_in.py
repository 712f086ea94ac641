"""Signing in with a token, and out."""

from __future__ import annotations

import re

import structlog
from starlette.responses import Response

from edge_api.auth import User, token_row, user_of
from edge_api.bodies import form_fields
from edge_api.console.navigation import home_of
from edge_api.console.pages import go_to, page
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.index import index_json
from edge_api.sessions import (
    end_session,
    forget_cookie,
    open_session,
    require_same_origin,
    session_id_of,
    session_of,
    set_cookie,
)
from edge_api.state import Request

log = structlog.get_logger("edge_api")

_LONGEST_TOKEN = 256
_LOCAL = re.compile(r"/(?![/\\])[!-~]{0,500}")


async def home(request: Request) -> Response:
    """For people the console, for programs what there is."""
    if not wants_page(request):
        return await index_json(request)
    user = await user_if_any(request)
    return await sign_in_page(request) if user is None else go_to(home_of(user))


def wants_page(request: Request) -> bool:
    """Whether somebody looks at it with a browser: programs do not ask for HTML by its name."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(("/api/", "/internal/"))


async def show_sign_in(request: Request) -> Response:
    user = await user_if_any(request)
    return await sign_in_page(request) if user is None else go_to(_next_of(request.query_params.get("next"), user))


async def sign_in(request: Request) -> Response:
    """Raises ApiError CROSS_SITE: nobody is signed in by another site's page."""
    require_same_origin(request)
    fields = await form_fields(request)
    token, wanted = fields.get("token", [""])[0].strip()[:_LONGEST_TOKEN], fields.get("next", [""])[0]
    try:
        await request.state["limiting"].count(request.scope, "sign-ins", _address(request))
        row = await token_row(request, token)
    except ApiError as refused:
        if refused.code not in ("INVALID_TOKEN", "RATE_LIMITED"):
            raise
        return await sign_in_page(request, refused=refused, wanted=wanted)
    settings = request.state["settings"]
    async with deadline(settings.binding_timeout_seconds, "DB"):
        session_id = await open_session(request.state["env"].db, row["token_id"], settings.session_seconds)
    log.info("signed in", user_id=row["id"], token_id=row["token_id"])
    response = go_to(wanted if is_local(wanted) else "/")
    set_cookie(response, request, session_id, settings.session_seconds)
    return response


async def sign_out(request: Request, user: User) -> Response:
    session = session_of(request)
    if session is not None:
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            await end_session(request.state["env"].db, session)
    response = go_to("/sign-in?why=out")
    forget_cookie(response, request)
    return response


async def sign_in_page(request: Request, *, refused: ApiError | None = None, wanted: str | None = None) -> Response:
    headers, status = {"Vary": "Accept, Cookie"}, 200
    if refused is not None:
        status = refused.kind.status
        if "retry_after" in refused.fields:
            headers["Retry-After"] = str(refused.fields["retry_after"])
    wanted = request.query_params.get("next", "") if wanted is None else wanted
    return await page(
        request,
        None,
        "sign_in.html",
        status=status,
        headers=headers,
        wanted=wanted if is_local(wanted) else "",
        why=request.query_params.get("why", ""),
        refusal=refused.message if refused else None,
        session_seconds=request.state["settings"].session_seconds,
    )


async def user_if_any(request: Request) -> User | None:
    """Who is signed in."""
    if session_id_of(request) is None:
        return None
    try:
        return await user_of(request)
    except ApiError:
        return None


def is_local(address: str) -> bool:
    """Whether it leads to this site whatever a browser makes of it."""
    return _LOCAL.fullmatch(address) is not None and "\\" not in address


def _next_of(wanted: str | None, user: User) -> str:
    return wanted if wanted and is_local(wanted) else home_of(user)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
