"""Who is asking: by a token, or by a session of the console that a token has opened. D1 keeps their SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

import structlog

from edge_api import queries
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import timestamp
from edge_api.scopes import SCOPES_OF_ROLE, Role, Scope, granted_scopes
from edge_api.sessions import accept_session, session_id_of, session_row
from edge_api.state import Request
from wrangler_compat.d1.types import Row

TOKEN_PREFIX = "twr_"
USER = "twinreel.user"
"""Where a request's scope has its user once they are known."""
_LONGEST_HEADER = 512


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, by which token. scopes: what that token may do.

    quota_videos, quota_bytes: what they may keep; None: what the settings say, 0: without limit.
    """

    id: str
    username: str | None
    role: Role
    token_id: str
    scopes: frozenset[Scope]
    quota_videos: int | None = None
    quota_bytes: int | None = None

    @property
    def sees_only(self) -> str | None:
        """Whose videos this token is shown: its user's, or, with `review` or `admin`, everybody's (None)."""
        return None if self.scopes & {"review", "admin"} else self.id

    def require(self, scope: Scope) -> None:
        """Raises ApiError FORBIDDEN when the role does not allow it, MISSING_SCOPE when only the token does not."""
        if scope in self.scopes:
            return
        if scope not in SCOPES_OF_ROLE[self.role]:
            roles = [role for role, scopes in SCOPES_OF_ROLE.items() if scope in scopes]
            sentence = (
                f"This needs the scope {scope}, which is for the role {' or '.join(roles)}; yours is {self.role}."
            )
            raise ApiError("FORBIDDEN", sentence, scope=scope)
        sentence = f"This token lacks the scope {scope}; use a token that was created with it."
        raise ApiError("MISSING_SCOPE", sentence, scope=scope)


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def user_of(request: Request) -> User:
    """Raises ApiError UNAUTHORIZED or INVALID_TOKEN; SESSION_ENDED or CROSS_SITE where a session is shown."""
    session_id = session_id_of(request)
    if session_id is not None:
        row = await session_row(request, session_id)
        if _has_ended(row):
            raise ApiError("SESSION_ENDED")
        await accept_session(request, row)
    else:
        token = _credentials(request, "bearer")
        if token is None:
            raise ApiError("UNAUTHORIZED")
        row = await token_row(request, token)
    structlog.contextvars.bind_contextvars(user_id=row["id"], token_id=row["token_id"])
    user = User(
        id=row["id"],
        username=row["username"],
        role=row["role"],
        token_id=row["token_id"],
        scopes=granted_scopes(row["role"], row["scopes"]),
        quota_videos=row["quota_videos"],
        quota_bytes=row["quota_bytes"],
    )
    request.scope[USER] = user
    return user


async def token_row(request: Request, token: str) -> Row:
    """The user and the token. Raises ApiError INVALID_TOKEN."""
    wanted, state = hash_of(token), request.state
    async with deadline(state["settings"].binding_timeout_seconds, "DB"):
        row: Row | None = await state["env"].db.prepare(queries.USER_OF_TOKEN).bind(wanted).first()
    if row is None or not hmac.compare_digest(row["token_hash"], wanted) or _has_ended(row):
        raise ApiError("INVALID_TOKEN")
    return row


def _has_ended(row: Row) -> bool:
    return row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= timestamp())


def shows_secret(request: Request) -> bool:
    """Whether the caller speaks as a service, with whatever secret."""
    return _credentials(request, "internal-secret") is not None


def require_internal(request: Request) -> None:
    """Raises ApiError INVALID_SECRET unless the caller shows PROCESSOR_SECRET."""
    secret, given = request.state["settings"].processor_secret, _credentials(request, "internal-secret")
    if not secret or given is None or not hmac.compare_digest(str(secret).encode(), given.encode()):
        raise ApiError("INVALID_SECRET")


def _credentials(request: Request, scheme: str) -> str | None:
    header = request.headers.get("authorization", "")
    name, _, rest = header.partition(" ")
    if name.lower() != scheme or not rest.strip() or len(header) > _LONGEST_HEADER:
        return None
    return rest.strip()
