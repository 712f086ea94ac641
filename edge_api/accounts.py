"""Users and their tokens, as the command line makes them. The plain token is given once and kept nowhere in D1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge_api import queries
from edge_api.audit import audit
from edge_api.auth import hash_of, new_token
from edge_api.keys import new_id, timestamp
from edge_api.scopes import ROLES, Role, ScopeError, chosen_scopes, granted_scopes, in_order
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import D1ConstraintError

FIRST_ADMIN_EMAIL = "admin@localhost"
FIRST_ADMIN_NAME = "admin"

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EXPIRY = re.compile(r"(\d{1,5})([hd])")


class AccountError(Exception):
    """The message is a sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """token: the plain text, shown this once."""

    id: str
    token: str


async def create_user(db: D1Database, *, email: str, username: str, role: Role, actor: str = "gateway") -> str:
    """The new user's id. actor: who makes it, for the audit log. Raises AccountError."""
    if not _EMAIL.fullmatch(email):
        raise AccountError(f"{email!r} is not an e-mail address.")
    if not _USERNAME.fullmatch(username):
        raise AccountError(f"{username!r} is no user name: letters, digits, dots, dashes, underscores, 64 at most.")
    if role not in ROLES:
        raise AccountError(f"The role must be one of {', '.join(ROLES)}.")
    user_id = new_id()
    try:
        await db.batch(
            [
                db.prepare(queries.INSERT_USER).bind(user_id, email, username, role, timestamp()),
                audit(db, actor, "user.create", user_id, {"email": email, "username": username, "role": role}),
            ]
        )
    except D1ConstraintError as error:
        raise AccountError(f"There is already a user with the e-mail {email} or the name {username}.") from error
    return user_id


async def update_user(
    db: D1Database,
    user: str,
    *,
    role: Role | None = None,
    quota_videos: int | None = None,
    quota_bytes: int | None = None,
    actor: str = "gateway",
) -> None:
    """What is None stays as it is. A quota of 0 is none; of -1, what the settings say. Raises AccountError."""
    found = await _found(db, user)
    changes = {"role": role, "quota_videos": quota_videos, "quota_bytes": quota_bytes}
    asked = {name: value for name, value in changes.items() if value is not None}
    if not asked:
        raise AccountError("Nothing was given that should change; see --help.")
    if role is not None and role not in ROLES:
        raise AccountError(f"The role must be one of {', '.join(ROLES)}.")
    if role is not None and found["role"] == "admin" and role != "admin" and await _is_last_admin(db, found["id"]):
        raise AccountError("This is the last admin; make another one first.")
    await db.batch(
        [
            db.prepare(queries.UPDATE_USER).bind(found["id"], role, quota_videos, quota_bytes, timestamp()),
            audit(db, actor, "user.update", found["id"], {"was": {name: found[name] for name in asked}, "is": asked}),
        ]
    )


async def list_users(db: D1Database) -> list[Row]:
    return (await db.prepare(queries.LIST_USERS).all()).results


async def create_token(
    db: D1Database,
    *,
    user: str,
    name: str | None,
    expires: str | None,
    scopes: Iterable[str] = (),
    actor: str = "gateway",
) -> IssuedToken:
    """user: an id, an e-mail or a user name. expires: see expiry_of. scopes: none named: all that the role allows.

    actor: who makes it, for the audit log. Raises AccountError.
    """
    found = await _found(db, user)
    try:
        kept = chosen_scopes(found["role"], scopes)
    except ScopeError as error:
        raise AccountError(str(error)) from error
    expires_at = None if expires is None else expiry_of(expires)
    issued = IssuedToken(new_id(), new_token())
    values = (issued.id, found["id"], hash_of(issued.token), name, timestamp(), expires_at, kept)
    detail = {"user": found["id"], "name": name, "expires_at": expires_at, "scopes": kept}
    await db.batch(
        [
            db.prepare(queries.INSERT_TOKEN).bind(*values),
            audit(db, actor, "token.create", issued.id, detail),
        ]
    )
    return issued


async def list_tokens(db: D1Database) -> list[Row]:
    """scopes: what each may do now, in words."""
    rows = (await db.prepare(queries.LIST_TOKENS).all()).results
    return [{**row, "scopes": " ".join(in_order(granted_scopes(row["role"], row["scopes"])))} for row in rows]


async def revoke_token(db: D1Database, token_id: str, *, actor: str = "gateway") -> None:
    """Raises AccountError when there is no such token that still works."""
    now = timestamp()
    revoked, _ = await db.batch(
        [
            db.prepare(queries.REVOKE_TOKEN).bind(token_id, now),
            db.prepare(queries.INSERT_AUDIT_OF_REVOCATION).bind(new_id(), actor, token_id, now),
        ]
    )
    if revoked.meta.changes == 0:
        raise AccountError(f"There is no token {token_id!r} to revoke; `tokens list` shows them all.")


async def is_good_token(db: D1Database, token: str) -> bool:
    row = await db.prepare(queries.USER_OF_TOKEN).bind(hash_of(token)).first()
    return (
        row is not None and row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > timestamp())
    )


async def first_admin(db: D1Database) -> str:
    """The id of the oldest admin; on the first start, one is made."""
    found = await db.prepare(queries.FIRST_ADMIN).first()
    if found is not None:
        return str(found["id"])
    return await create_user(db, email=FIRST_ADMIN_EMAIL, username=FIRST_ADMIN_NAME, role="admin")


def expiry_of(text: str, now: datetime | None = None) -> str:
    """`30d`, `12h`, or an ISO 8601 moment in the future, as a timestamp. Raises AccountError."""
    now = now or datetime.now(UTC)
    span = _EXPIRY.fullmatch(text)
    if span:
        count = int(span[1])
        return timestamp(now + (timedelta(days=count) if span[2] == "d" else timedelta(hours=count)))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AccountError(f"{text!r} is no time: write 30d, 12h, or 2027-01-31T12:00:00+00:00.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise AccountError(f"{text} is in the past.")
    return timestamp(moment)


async def _found(db: D1Database, user: str) -> Row:
    """By id, e-mail or name. Raises AccountError."""
    row: Row | None = await db.prepare(queries.USER_BY_NAME).bind(user).first()
    if row is None:
        raise AccountError(f"There is no user {user!r}; `users list` shows them all.")
    return row


async def _is_last_admin(db: D1Database, user_id: str) -> bool:
    return not [row for row in await list_users(db) if row["role"] == "admin" and row["id"] != user_id]
