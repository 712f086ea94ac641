"""Every exception class of sqlite3 and aiosqlite becomes a D1Error, and retryable is true where a retry can help."""

from __future__ import annotations

import sqlite3

import aiosqlite
import pytest

from wrangler_compat.d1.failures import d1_error
from wrangler_compat.errors import D1ConstraintError, D1Error


def classes(module: object) -> list[type[Exception]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__.startswith(("sqlite3", "aiosqlite"))
    ]


ALL = {cls.__name__: cls for cls in [*classes(sqlite3), *classes(aiosqlite)]}


@pytest.mark.parametrize("cls", ALL.values(), ids=ALL)
def test_every_class_is_mapped(cls: type[Exception]) -> None:
    mapped = d1_error(cls("the reason"))
    assert isinstance(mapped, D1Error)
    assert "the reason" in mapped.message
    assert mapped.code == "D1_ERROR"
    assert not mapped.retryable
    assert isinstance(mapped, D1ConstraintError) == issubclass(cls, sqlite3.IntegrityError)


def test_the_list_is_not_empty() -> None:
    assert {"OperationalError", "IntegrityError", "Warning", "InterfaceError"} <= {
        cls.__name__ for cls in classes(sqlite3)
    }


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("the reason")
    error.sqlite_errorname = name
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


@pytest.mark.parametrize(
    "name",
    [
        "SQLITE_BUSY",
        "SQLITE_BUSY_SNAPSHOT",
        "SQLITE_LOCKED",
        "SQLITE_LOCKED_SHAREDCACHE",
        "SQLITE_FULL",
        "SQLITE_IOERR",
        "SQLITE_IOERR_WRITE",
        "SQLITE_NOMEM",
        "SQLITE_INTERRUPT",
        "SQLITE_PROTOCOL",
        "SQLITE_SCHEMA",
    ],
)
def test_what_may_pass_is_retryable(name: str) -> None:
    assert d1_error(sqlite_error(name)).retryable


@pytest.mark.parametrize(
    "name",
    [
        "SQLITE_ERROR",
        "SQLITE_CORRUPT",
        "SQLITE_CORRUPT_INDEX",
        "SQLITE_NOTADB",
        "SQLITE_READONLY",
        "SQLITE_CANTOPEN",
        "SQLITE_TOOBIG",
        "SQLITE_MISMATCH",
        "SQLITE_AUTH",
        "SQLITE_CONSTRAINT",
    ],
)
def test_what_stays_is_not_retryable(name: str) -> None:
    mapped = d1_error(sqlite_error(name))
    assert not mapped.retryable
    assert mapped.sqlite_code == name


def test_the_message_shows_the_primary_code_as_cloudflare_does() -> None:
    assert d1_error(sqlite_error("SQLITE_IOERR_WRITE")).message == "D1_ERROR: the reason: SQLITE_IOERR"
    assert str(d1_error(sqlite_error("SQLITE_ERROR"))) == "D1_ERROR: the reason: SQLITE_ERROR"


@pytest.mark.parametrize("error", [ValueError("Connection closed"), OverflowError("too large"), ValueError()])
def test_what_the_adapter_catches_beside_sqlite(error: Exception) -> None:
    assert d1_error(error).message.startswith("D1_ERROR: ")
    assert len(d1_error(error).message) > len("D1_ERROR: ")
