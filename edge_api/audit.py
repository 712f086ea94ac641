"""Who did what to whom, kept for good: overridden verdicts, deletes, changes of users and tokens.

actor: `user:ID`, `internal` (PROCESSOR_SECRET was shown), `cli:NAME` (a command, by the machine's user), `gateway`,
`consumer`. subject: the id of a video, user or token. A row is written in the transaction of what it tells.
"""

from __future__ import annotations

import json
from typing import Any

from edge_api import queries
from edge_api.keys import new_id, timestamp
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, Row


def audit(
    db: D1Database, actor: str, action: str, subject: str, detail: dict[str, Any], at: str | None = None
) -> D1PreparedStatement:
    """The statement that writes one row. detail: JSON; never a secret."""
    values = (new_id(), actor, action, subject, json.dumps(detail), at or timestamp())
    return db.prepare(queries.INSERT_AUDIT).bind(*values)


async def audit_rows(
    db: D1Database, *, subject: str | None = None, actor: str | None = None, action: str | None = None, limit: int = 100
) -> list[Row]:
    """The latest rows, oldest first: at, actor, action, subject, detail (JSON text)."""
    asked = db.prepare(queries.AUDIT_ROWS).bind(subject, actor, action, limit)
    return (await asked.all()).results[::-1]
