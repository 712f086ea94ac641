"""The console's sessions: a cookie holds a random id, D1 its SHA-256 and the token that signed in.

The cookie is SameSite=Lax, for a link to a video, in a mail say, must open for somebody who is signed in; Strict would
show them the sign-in page. What Lax lets through, GET from elsewhere, changes nothing here. Every other method needs
the session's CSRF token and must come from a page of this origin.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.responses import Response

from edge_api import queries
from edge_api.bodies import form_fields, is_form
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import timestamp
from edge_api.state import Request
from wrangler_compat.d1.types import D1Database, Row

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SESSION = "twinreel.session"
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Session:
    """csrf_token: what unsafe methods have to show. flash: what the next page is to say once."""

    id_hash: str
    csrf_token: str
    flash: str | None = None


def cookie_name(request: Request) -> str:
    """Over TLS a prefix by which browsers keep other hosts and plain HTTP from setting it."""
    return "__Host-twinreel" if _is_secure(request) else "twinreel"


def session_id_of(request: Request) -> str | None:
    """What the cookie holds; None when there is none, or when the caller shows credentials of another kind."""
    if "authorization" in request.headers:
        return None
    found = request.cookies.get(cookie_name(request))
    return found if found and len(found) <= _LONGEST_ID else None


def session_of(request: Request) -> Session | None:
    """Of a request whose user was found by a session."""
    found: Session | None = request.scope.get(_SESSION)
    return found


async def open_session(db: D1Database, token_id: str, seconds: float) -> str:
    """Makes a session, takes away those that have run out; the id for the cookie."""
    session_id, now = secrets.token_urlsafe(32), datetime.now(UTC)
    ends = timestamp(now + timedelta(seconds=seconds))
    values = (_hash(session_id), token_id, secrets.token_urlsafe(32), timestamp(now), ends)
    await db.batch(
        [
            db.prepare(queries.DELETE_ENDED_SESSIONS).bind(timestamp(now)),
            db.prepare(queries.INSERT_SESSION).bind(*values),
        ]
    )
    return session_id


async def end_session(db: D1Database, session: Session) -> None:
    await db.prepare(queries.DELETE_SESSION).bind(session.id_hash).run()


async def session_row(request: Request, session_id: str) -> Row:
    """The user, the token and the session. Raises ApiError SESSION_ENDED."""
    state, wanted = request.state, _hash(session_id)
    async with deadline(state["settings"].binding_timeout_seconds, "DB"):
        row: Row | None = await state["env"].db.prepare(queries.USER_OF_SESSION).bind(wanted).first()
    if row is None or row["session_expires_at"] <= timestamp():
        raise ApiError("SESSION_ENDED")
    return row


async def accept_session(request: Request, row: Row) -> None:
    """Remembers the session for this request. Raises ApiError CROSS_SITE when another site's page may be asking."""
    session = Session(row["id_hash"], row["csrf_secret"], row["flash"])
    if request.method not in SAFE_METHODS:
        require_same_origin(request)
        await _require_csrf_token(request, session)
    request.scope[_SESSION] = session


def require_same_origin(request: Request) -> None:
    """Raises ApiError CROSS_SITE unless the browser says that a page of this origin asks.

    Sec-Fetch-Site says it outright. Browsers send that to secure addresses only; elsewhere Origin has to name the host
    that was asked. The scheme is not compared, for a proxy may have taken TLS off.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = origin is not None and _host_of(origin) == request.headers.get("host")
    if not is_ours:
        raise ApiError("CROSS_SITE")


async def set_flash(request: Request, kind: str, text: str) -> None:
    """What the session's next page says, once. kind: good, bad."""
    session = session_of(request)
    if session is not None:
        await _keep_flash(request, session, json.dumps({"kind": kind, "text": text}))


async def take_flash(request: Request) -> dict[str, str] | None:
    """kind and text; said by this page, and by no other."""
    session = session_of(request)
    if session is None or session.flash is None:
        return None
    await _keep_flash(request, session, None)
    found: dict[str, str] = json.loads(session.flash)
    return found


def set_cookie(response: Response, request: Request, session_id: str, seconds: float) -> None:
    response.set_cookie(
        cookie_name(request),
        session_id,
        max_age=int(seconds),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def forget_cookie(response: Response, request: Request) -> None:
    response.delete_cookie(cookie_name(request), path="/", secure=_is_secure(request), httponly=True, samesite="lax")


async def _require_csrf_token(request: Request, session: Session) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and is_form(request):
        given = (await form_fields(request)).get(CSRF_FIELD, [""])[0]
    if given is None or not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
        raise ApiError("CROSS_SITE")


async def _keep_flash(request: Request, session: Session, flash: str | None) -> None:
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        await request.state["env"].db.prepare(queries.SET_FLASH).bind(session.id_hash, flash).run()


def _host_of(origin: str) -> str | None:
    """None when it is no origin of a page."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc or None


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
