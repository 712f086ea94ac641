"""Who is asking. Tokens are random; D1 keeps their SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

import structlog

from edge_api import queries
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import timestamp
from edge_api.state import Request

Role = Literal["uploader", "moderator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

TOKEN_PREFIX = "twr_"
_LONGEST_HEADER = 512


@dataclass(frozen=True, slots=True)
class User:
    id: str
    username: str | None
    role: Role

    @property
    def is_moderator(self) -> bool:
        """Moderators and admins see every video."""
        return self.role in ("moderator", "admin")

    @property
    def sees_only(self) -> str | None:
        """Whose videos this user is shown: their own id, or None for everybody's."""
        return None if self.is_moderator else self.id


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def user_of(request: Request) -> User:
    """Raises ApiError UNAUTHORIZED or INVALID_TOKEN."""
    token = _credentials(request, "bearer")
    if token is None:
        raise ApiError("UNAUTHORIZED")
    wanted = hash_of(token)
    state = request.state
    async with deadline(state["settings"].binding_timeout_seconds, "DB"):
        row = await state["env"].db.prepare(queries.USER_OF_TOKEN).bind(wanted).first()
    if row is None or not hmac.compare_digest(row["token_hash"], wanted):
        raise ApiError("INVALID_TOKEN")
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= timestamp()):
        raise ApiError("INVALID_TOKEN")
    structlog.contextvars.bind_contextvars(user_id=row["id"])
    return User(row["id"], row["username"], row["role"])


def require_internal(request: Request) -> None:
    """Raises ApiError INVALID_SECRET unless the caller shows PROCESSOR_SECRET."""
    if not _is_internal(request):
        raise ApiError("INVALID_SECRET")


async def internal_or_admin(request: Request) -> str:
    """The name for the audit log. Raises ApiError."""
    if _credentials(request, "internal-secret") is not None:
        require_internal(request)
        return "internal"
    user = await user_of(request)
    if user.role != "admin":
        raise ApiError("FORBIDDEN", "Only an admin may do this.")
    return f"user:{user.id}"


def _is_internal(request: Request) -> bool:
    secret, given = request.state["settings"].processor_secret, _credentials(request, "internal-secret")
    return bool(secret) and given is not None and hmac.compare_digest(str(secret).encode(), given.encode())


def _credentials(request: Request, scheme: str) -> str | None:
    header = request.headers.get("authorization", "")
    name, _, rest = header.partition(" ")
    if name.lower() != scheme or not rest.strip() or len(header) > _LONGEST_HEADER:
        return None
    return rest.strip()
