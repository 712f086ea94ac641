"""D1Database over SQLite: the only importer of aiosqlite.

One connection writes, behind a lock; some read. Each has its own thread. A whole transaction is one visit to the
writer's thread: nothing can come between its statements, and 1000 inserts cost 4 ms instead of 280 ms.

A caller that is cancelled waits until its transaction is rolled back (or was committed already: then the
cancellation came too late, as it may with any database), so the next caller finds the connection at rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from wrangler_compat.d1 import limits
from wrangler_compat.d1.checks import bindable, check_statement, may_only_read, split
from wrangler_compat.d1.failures import d1_error
from wrangler_compat.d1.types import D1ExecResult, D1Meta, D1PreparedStatement, D1Result, D1Value
from wrangler_compat.errors import D1Error

Result = TypeVar("Result")


@asynccontextmanager
async def open_sqlite(
    path: Path | str,
    *,
    readers: int = 2,
    busy_seconds: float = 5,
    timeout_seconds: float = limits.MAX_QUERY_SECONDS,
) -> AsyncIterator[SqliteDatabase]:
    """The database in this file, made when it is not there. Raises D1Error when it cannot be opened.

    busy_seconds: how long a writer waits for another process. timeout_seconds: of one statement or batch.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise D1Error(f"The folder of {file} cannot be made: {error.strerror}. Check DATABASE_URL.") from error
    async with AsyncExitStack() as opened:
        writer = await _open(opened, str(file), busy_seconds, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
        pool = [await _open(opened, str(file), busy_seconds, "PRAGMA query_only=ON") for _ in range(readers)]
        yield SqliteDatabase(writer, pool, timeout_seconds)


@asynccontextmanager
async def open_memory(
    image: bytes | None = None, *, timeout_seconds: float = limits.MAX_QUERY_SECONDS
) -> AsyncIterator[SqliteDatabase]:
    """A database in memory, gone on leaving: empty, or as another was when it made its image()."""
    async with AsyncExitStack() as opened:
        writer = await _open(opened, ":memory:", 5)
        if image is not None:
            await writer.call(partial(_restore, image=image))
        yield SqliteDatabase(writer, [], timeout_seconds)


def _restore(connection: sqlite3.Connection, image: bytes) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as source:
        source.deserialize(image)
        source.backup(connection)


class _Connection(aiosqlite.Connection):
    """One sqlite3.Connection in a thread of its own."""

    stopped: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """Keeps the future: aiosqlite drops it when connecting fails, and its thread may outlive the loop."""
        self.stopped = super().stop()
        return self.stopped

    async def call(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        result: Result = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result


async def _open(opened: AsyncExitStack, path: str, busy_seconds: float, *pragmas: str) -> _Connection:
    connection = _Connection(lambda: _connect(path, busy_seconds, pragmas), 64)
    try:
        await opened.enter_async_context(connection)
    except sqlite3.Error as error:
        if connection.stopped is not None:
            await connection.stopped
        raise d1_error(error) from error
    return connection


def _connect(path: str, busy_seconds: float, pragmas: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
    try:
        for pragma in (*pragmas, "PRAGMA foreign_keys=ON"):
            _patiently(connection, pragma, busy_seconds)
        # journal_mode=WAL does not read the file when it is WAL already: a file that is no database shows here.
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limits.MAX_BOUND_PARAMETERS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_COLUMN, limits.MAX_COLUMNS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_FUNCTION_ARG, limits.MAX_FUNCTION_ARGUMENTS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits.MAX_LIKE_PATTERN_BYTES)
    return connection


def _patiently(connection: sqlite3.Connection, pragma: str, busy_seconds: float) -> None:
    """journal_mode=WAL fails at once, without SQLite's own wait, when another process is making the same file."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute(pragma).fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A D1Result before its rows are dicts."""

    columns: list[str]
    rows: list[list[Any]]
    meta: D1Meta

    def result(self) -> D1Result:
        return D1Result([dict(zip(self.columns, row, strict=True)) for row in self.rows], True, self.meta)


@dataclass(frozen=True, slots=True)
class SqliteStatement:
    """A statement of one database and its values."""

    database: SqliteDatabase
    sql: str
    values: tuple[D1Value, ...] = ()

    def bind(self, *values: D1Value) -> SqliteStatement:
        return replace(self, values=bindable(values))

    async def first(self, column: str | None = None) -> Any:
        rows = await self._rows()
        if not rows.rows:
            return None
        row = dict(zip(rows.columns, rows.rows[0], strict=True))
        if column is not None and column not in row:
            raise D1Error(f"Column not found ({column})", code="D1_COLUMN_NOTFOUND")
        return row if column is None else row[column]

    async def all(self) -> D1Result:
        return (await self._rows()).result()

    async def run(self) -> D1Result:
        return await self.all()

    async def raw(self, *, column_names: bool = False) -> list[list[Any]]:
        rows = await self._rows()
        return [rows.columns, *rows.rows] if column_names else rows.rows

    async def _rows(self) -> _Rows:
        (rows,) = await self.database.transact([self])
        return rows


class SqliteDatabase:
    """A D1Database. Get one from open_sqlite()."""

    def __init__(self, writer: _Connection, readers: Sequence[_Connection], timeout_seconds: float) -> None:
        self._writer = writer
        self._writing = asyncio.Lock()
        self._readers: asyncio.Queue[_Connection] = asyncio.Queue()
        for reader in readers:
            self._readers.put_nowait(reader)
        self._has_readers = bool(readers)
        self._timeout_seconds = timeout_seconds

    def prepare(self, sql: str) -> SqliteStatement:
        return SqliteStatement(self, sql)

    async def batch(self, statements: Sequence[D1PreparedStatement]) -> list[D1Result]:
        if not statements:
            raise D1Error("No SQL statements detected.")
        if len(statements) > limits.MAX_BATCH_STATEMENTS:
            raise D1Error(f"too many statements: {len(statements)}, {limits.MAX_BATCH_STATEMENTS} allowed in a batch")
        return [rows.result() for rows in await self.transact([self._own(statement) for statement in statements])]

    async def exec(self, sql: str) -> D1ExecResult:
        started = time.perf_counter()
        statements = [SqliteStatement(self, statement) for statement in split(sql)]
        if not statements:
            raise D1Error("No SQL statements detected.", code="D1_EXEC_ERROR")
        await self.transact(statements)
        return D1ExecResult(len(statements), (time.perf_counter() - started) * 1000)

    async def ping(self) -> None:
        await self.prepare("SELECT 1").first()

    async def image(self) -> bytes:
        """All of it, for open_memory()."""
        async with self._writing:
            return await self._writer.call(sqlite3.Connection.serialize)

    async def transact(self, statements: Sequence[SqliteStatement]) -> list[_Rows]:
        """All of them in one transaction; on a reader when none writes."""
        for statement in statements:
            check_statement(statement.sql)
        if self._has_readers and all(may_only_read(statement.sql) for statement in statements):
            try:
                return await self._read(statements)
            except D1Error as error:
                # WITH ... INSERT: only SQLite knows that it writes.
                if not error.sqlite_code.startswith("SQLITE_READONLY"):
                    raise
        async with self._writing:
            return await self._visit(self._writer, statements, "BEGIN IMMEDIATE")

    async def _read(self, statements: Sequence[SqliteStatement]) -> list[_Rows]:
        reader = await self._readers.get()
        try:
            return await self._visit(reader, statements, "BEGIN")
        finally:
            self._readers.put_nowait(reader)

    async def _visit(self, connection: _Connection, statements: Sequence[SqliteStatement], begin: str) -> list[_Rows]:
        """Run the transaction in the connection's thread; when it is given up, wait for its rollback."""
        given_up = threading.Event()
        work = asyncio.ensure_future(connection.call(lambda sqlite: _transaction(sqlite, statements, begin, given_up)))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.shield(work)
        except TimeoutError:
            await _give_up(connection, work, given_up)
            if not work.cancelled() and work.exception() is None:
                return work.result()
            message = f"the query was stopped after {self._timeout_seconds:g} s and rolled back"
            raise D1Error(message, retryable=True, sqlite_code="SQLITE_INTERRUPT") from None
        except asyncio.CancelledError:
            await _give_up(connection, work, given_up)
            raise
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            raise d1_error(error) from error

    def _own(self, statement: D1PreparedStatement) -> SqliteStatement:
        if not isinstance(statement, SqliteStatement) or statement.database is not self:
            raise D1Error("A batch takes statements prepared by its own database.", code="D1_TYPE_ERROR")
        return statement


async def _give_up(connection: _Connection, work: asyncio.Future[list[_Rows]], given_up: threading.Event) -> None:
    given_up.set()
    await connection.interrupt()
    while not work.done():
        # Cancelled again while waiting: the rollback is on its way and short.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({work})
    if not work.cancelled():
        work.exception()


class _GivenUp(sqlite3.OperationalError):
    """The caller is gone: roll back."""


def _transaction(
    sqlite: sqlite3.Connection, statements: Sequence[SqliteStatement], begin: str, given_up: threading.Event
) -> list[_Rows]:
    """In the connection's thread."""
    sqlite.execute(begin)
    try:
        results = []
        for statement in statements:
            if given_up.is_set():
                raise _GivenUp("the caller gave up")
            results.append(_execute(sqlite, statement))
        if given_up.is_set():
            raise _GivenUp("the caller gave up")
        sqlite.execute("COMMIT")
    except BaseException:
        # A full disk and some others have rolled back already.
        if sqlite.in_transaction:
            sqlite.execute("ROLLBACK")
        raise
    return results


def _execute(sqlite: sqlite3.Connection, statement: SqliteStatement) -> _Rows:
    started, changes_before = time.perf_counter(), sqlite.total_changes
    with contextlib.closing(sqlite.execute(statement.sql, statement.values)) as cursor:
        rows = [list(row) for row in cursor.fetchall()]
        columns = [column[0] for column in cursor.description or ()]
        last_row_id = cursor.lastrowid or 0
    changes = sqlite.total_changes - changes_before
    meta = D1Meta(
        duration=(time.perf_counter() - started) * 1000,
        changes=changes,
        last_row_id=last_row_id,
        rows_read=len(rows),
        rows_written=changes,
        changed_db=changes > 0,
        size_after=_size_bytes(sqlite),
    )
    return _Rows(columns, rows, meta)


def _size_bytes(sqlite: sqlite3.Connection) -> int:
    (pages,) = sqlite.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = sqlite.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_bytes)
