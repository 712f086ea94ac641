"""The first start of an installation: while there is no user at all, an admin and a token of theirs are made, once.

Of several gateways that start at the same instant one makes them: the condition is in the inserting statement.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import structlog

from edge_api import queries
from edge_api.accounts import FIRST_ADMIN_EMAIL, FIRST_ADMIN_NAME
from edge_api.auth import hash_of, new_token
from edge_api.deadlines import deadline
from edge_api.keys import new_id, timestamp
from edge_api.token_file import draft_token
from wrangler_compat.d1.types import D1Database, D1PreparedStatement
from wrangler_compat.errors import BindingError, D1ConstraintError

log = structlog.get_logger("edge_api")


async def ensure_first_admin(db: D1Database, token_file: Path, timeout_seconds: float) -> None:
    """Never raises on a database that does not answer: the next start tries again.

    The token is in token_file afterwards, which its owner alone can read; where no file can be written it is printed
    to stderr, this once.
    """
    try:
        async with deadline(timeout_seconds, "DB"):
            if await db.prepare(queries.ANY_USER).first() is not None:
                return
        await make_first_admin(db, token_file, timeout_seconds)
    except BindingError as error:
        log.warning("first admin not made", code=error.code, message=error.message)


async def make_first_admin(db: D1Database, token_file: Path, timeout_seconds: float) -> None:
    """Changes nothing when somebody else is a user by now. Raises BindingError."""
    token = new_token()
    try:
        draft: Path | None = draft_token(token_file, token)
    except OSError as error:
        draft = None
        log.warning("the file for the first token cannot be written", path=str(token_file), reason=error.strerror)
    is_mine = False
    try:
        async with deadline(timeout_seconds, "DB"):
            is_mine = (await db.batch(_statements(db, token)))[0].meta.changes == 1
    except D1ConstraintError:
        # Where transactions run side by side, the other one's e-mail was first.
        log.info("another gateway made the first admin")
    finally:
        if draft is not None and not is_mine:
            draft.unlink(missing_ok=True)
    if not is_mine:
        return
    if draft is not None:
        draft.replace(token_file)
        log.info("first admin made", username=FIRST_ADMIN_NAME, token_file=str(token_file))
    else:
        sys.stderr.write(f"The first admin's token, shown this once: {token}\n")


def _statements(db: D1Database, token: str) -> list[D1PreparedStatement]:
    user_id, token_id, now = new_id(), new_id(), timestamp()
    made = json.dumps({"email": FIRST_ADMIN_EMAIL, "username": FIRST_ADMIN_NAME, "role": "admin", "token": token_id})
    return [
        db.prepare(queries.INSERT_FIRST_ADMIN).bind(user_id, FIRST_ADMIN_EMAIL, FIRST_ADMIN_NAME, now),
        db.prepare(queries.INSERT_FIRST_TOKEN).bind(token_id, user_id, hash_of(token), "first", now),
        db.prepare(queries.INSERT_AUDIT_IF_USER).bind(new_id(), "gateway", "user.create", user_id, made, now),
    ]
