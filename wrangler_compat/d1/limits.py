"""D1's limits, enforced by SQLite itself (sqlite3_limit) on every connection.

https://developers.cloudflare.com/d1/platform/limits/
"""

from __future__ import annotations

MAX_BOUND_PARAMETERS = 100
MAX_STATEMENT_BYTES = 100_000
MAX_VALUE_BYTES = 2_000_000
"""Of a string, a BLOB or a whole row."""
MAX_COLUMNS = 100
MAX_FUNCTION_ARGUMENTS = 32
MAX_LIKE_PATTERN_BYTES = 50
MAX_QUERY_SECONDS = 30
MAX_BATCH_STATEMENTS = 10_000
"""Ours. Cloudflare counts queries per Worker invocation instead (1000 on the paid plan)."""
