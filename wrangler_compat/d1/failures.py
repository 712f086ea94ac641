"""What SQLite's exceptions mean in D1's words, and whether the same call may succeed later.

retryable is about the call: a lock goes away, room on a disk can be made, a broken file stays broken.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from wrangler_compat.errors import D1ConstraintError, D1Error

_RETRYABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
}
# Where SQLite's own words do not say what to do.
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds the write lock; try again",
    sqlite3.SQLITE_FULL: "make room on the disk that holds the database",
    sqlite3.SQLITE_CORRUPT: "restore the database file from a backup",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database; check DATABASE_URL",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written, and DATABASE_URL",
    sqlite3.SQLITE_READONLY: "the database file may not be written",
}


@dataclass(frozen=True, slots=True)
class _Sqlite:
    code: int
    name: str


def d1_error(error: BaseException) -> D1Error:
    """The D1Error for an exception that sqlite3 or aiosqlite raised."""
    found = _sqlite(error)
    primary = found.code & 0xFF
    if primary == sqlite3.SQLITE_CONSTRAINT or isinstance(error, sqlite3.IntegrityError):
        return D1ConstraintError(f"{error}: SQLITE_CONSTRAINT", sqlite_code=found.name or "SQLITE_CONSTRAINT")
    if found.code:
        advice = f" ({_ADVICE[primary]})" if primary in _ADVICE else ""
        message = f"{error}: {_primary_name(found.name)}{advice}"
        return D1Error(message, retryable=primary in _RETRYABLE, sqlite_code=found.name)
    if isinstance(error, sqlite3.ProgrammingError) and "number of bindings" in str(error):
        return D1Error(f"Wrong number of parameter bindings for SQL query. ({error})")
    return D1Error(str(error) or type(error).__name__)


def _sqlite(error: BaseException) -> _Sqlite:
    """SQLite's code, when the exception came from SQLite and not from Python's module."""
    return _Sqlite(getattr(error, "sqlite_errorcode", 0) or 0, getattr(error, "sqlite_errorname", "") or "")


def _primary_name(name: str) -> str:
    """SQLITE_IOERR for SQLITE_IOERR_WRITE: Cloudflare shows no extended codes."""
    return "_".join(name.split("_")[:2])
