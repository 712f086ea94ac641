"""What D1 says to a statement and its values before SQLite sees them. Pure."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from wrangler_compat.d1 import limits
from wrangler_compat.d1.types import D1Value
from wrangler_compat.errors import D1Error

# https://developers.cloudflare.com/d1/worker-api/#type-conversion : integers are 64-bit signed.
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**63 - 1

_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*", re.DOTALL)
_KEYWORD = re.compile(r"[A-Za-z]+")
_READS = {"SELECT", "VALUES", "EXPLAIN", "WITH"}
_TRANSACTIONS = {"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"}
_REFUSED = {"ATTACH", "DETACH", "VACUUM"}


def keyword(sql: str) -> str:
    """The first word of a statement in capitals, comments skipped; empty when there is none."""
    start = _LEADING.match(sql)
    word = _KEYWORD.match(sql, start.end() if start else 0)
    return word.group().upper() if word else ""


def may_only_read(sql: str) -> bool:
    """Whether the statement looks like one that writes nothing. WITH ... INSERT does, too: a reader refuses it."""
    return keyword(sql) in _READS


def check_statement(sql: str) -> None:
    """Raises D1Error on what D1 does not run."""
    size = len(sql.encode("utf-8", "surrogatepass"))
    if size > limits.MAX_STATEMENT_BYTES:
        raise D1Error(f"statement too long: {size} bytes, {limits.MAX_STATEMENT_BYTES} allowed: SQLITE_TOOBIG")
    word = keyword(sql)
    if not word:
        raise D1Error("No SQL statements detected.")
    if word in _TRANSACTIONS:
        raise D1Error(f"{word} is not for you: every statement is a transaction, batch() makes one of several.")
    if word in _REFUSED:
        raise D1Error(f"not authorized: {word}: SQLITE_AUTH")


def bindable(values: Sequence[object]) -> tuple[D1Value, ...]:
    """The values as SQLite stores them: booleans as 0 and 1. Raises D1Error (D1_TYPE_ERROR) on what it cannot."""
    if len(values) > limits.MAX_BOUND_PARAMETERS:
        raise D1Error(f"too many SQL variables: {len(values)}, {limits.MAX_BOUND_PARAMETERS} allowed: SQLITE_ERROR")
    return tuple(_bindable(value) for value in values)


def _bindable(value: object) -> D1Value:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        if not _MIN_INTEGER <= value <= _MAX_INTEGER:
            raise D1Error(f"The integer {value} does not fit into 64 bits", code="D1_TYPE_ERROR")
        return int(value)
    if isinstance(value, bytearray | memoryview):
        value = bytes(value)
    if value is None or isinstance(value, float | bytes):
        return value
    if isinstance(value, str):
        # A subclass (an enum's member) is stored as the text it is.
        return str.__str__(value)
    raise D1Error(f"Type '{type(value).__name__}' not supported for value '{value!r}'", code="D1_TYPE_ERROR")


def split(sql: str) -> list[str]:
    """The statements of a script, in order; triggers stay whole, comments alone are none."""
    statements, chunk = [], ""
    for piece in re.split(r"(;)", sql):
        chunk += piece
        if piece == ";" and sqlite3.complete_statement(chunk):
            statements.append(chunk.strip())
            chunk = ""
    statements.append(chunk.strip())
    return [statement for statement in statements if keyword(statement)]
