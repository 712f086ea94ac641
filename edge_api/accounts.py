"""Users and their tokens, as the command line makes them. The plain token is given once and kept nowhere in D1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge_api import queries
from edge_api.auth import ROLES, Role, hash_of, new_token
from edge_api.keys import new_id, timestamp
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import D1ConstraintError

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


async def create_user(db: D1Database, *, email: str, username: str, role: Role) -> str:
    """The new user's id. Raises AccountError."""
    if not _EMAIL.fullmatch(email):
        raise AccountError(f"{email!r} is not an e-mail address.")
    if not _USERNAME.fullmatch(username):
        raise AccountError(f"{username!r} is no user name: letters, digits, dots, dashes, underscores, 64 at most.")
    if role not in ROLES:
        raise AccountError(f"The role must be one of {', '.join(ROLES)}.")
    user_id = new_id()
    try:
        await db.prepare(queries.INSERT_USER).bind(user_id, email, username, role, timestamp()).run()
    except D1ConstraintError as error:
        raise AccountError(f"There is already a user with the e-mail {email} or the name {username}.") from error
    return user_id


async def list_users(db: D1Database) -> list[Row]:
    return (await db.prepare(queries.LIST_USERS).all()).results


async def create_token(db: D1Database, *, user: str, name: str | None, expires: str | None) -> IssuedToken:
    """user: an id, an e-mail or a user name. expires: see expiry_of. Raises AccountError."""
    found = await db.prepare(queries.USER_BY_NAME).bind(user).first()
    if found is None:
        raise AccountError(f"There is no user {user!r}; `users list` shows them all.")
    expires_at = None if expires is None else expiry_of(expires)
    issued = IssuedToken(new_id(), new_token())
    values = (issued.id, found["id"], hash_of(issued.token), name, timestamp(), expires_at)
    await db.prepare(queries.INSERT_TOKEN).bind(*values).run()
    return issued


async def list_tokens(db: D1Database) -> list[Row]:
    return (await db.prepare(queries.LIST_TOKENS).all()).results


async def revoke_token(db: D1Database, token_id: str) -> None:
    """Raises AccountError when there is no such token that still works."""
    result = await db.prepare(queries.REVOKE_TOKEN).bind(token_id, timestamp()).run()
    if result.meta.changes == 0:
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
    return await create_user(db, email="admin@localhost", username="admin", role="admin")


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
