"""Migrations with wrangler's naming (0001_name.sql) and bookkeeping (the table d1_migrations).

A migration and its record are one transaction: after a crash, or with two processes applying at once, each migration
has happened once or not at all.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from wrangler_compat.d1.checks import split
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import ConfigError, D1ConstraintError, D1Error

TABLE = "d1_migrations"
_FILE = re.compile(r"(\d{4,})_[^/]+\.sql")


def files(folder: Path) -> list[Path]:
    """The migrations of a folder in order. Raises ConfigError when there is no folder, or two have one number."""
    if not folder.is_dir():
        raise ConfigError(f"There is no migrations folder {folder}; check migrations_dir in wrangler.toml.")
    found = sorted((path for path in folder.glob("*.sql")), key=lambda path: (_number(path), path.name))
    for earlier, later in itertools.pairwise(found):
        if _number(earlier) == _number(later):
            raise ConfigError(f"{earlier.name} and {later.name} have the same number; give one of them the next.")
    return found


def create(folder: Path, message: str) -> Path:
    """Write the next, empty migration; its path."""
    words = re.sub(r"[^\w-]+", "_", message.strip()).strip("_")
    if not words:
        raise ConfigError("A migration needs a name, such as add_comments.")
    folder.mkdir(parents=True, exist_ok=True)
    existing = files(folder)
    number = _number(existing[-1]) + 1 if existing else 1
    path = folder / f"{number:04d}_{words}.sql"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    path.write_text(f"-- Migration number: {number:04d} \t {now}\n", encoding="utf-8")
    return path


async def pending(database: D1Database, folder: Path, *, table: str = TABLE) -> list[Path]:
    """The migrations that the database has not seen, in order."""
    done = set(await applied(database, table=table))
    return [path for path in files(folder) if path.name not in done]


async def applied(database: D1Database, *, table: str = TABLE) -> list[str]:
    """The names of the migrations that the database has, in the order they came."""
    exists = (
        await database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1").bind(table).first()
    )
    if exists is None:
        return []
    rows = await database.prepare(f'SELECT name FROM "{_plain(table)}" ORDER BY id').raw()
    return [str(row[0]) for row in rows]


async def apply(database: D1Database | Path, folder: Path, *, table: str = TABLE) -> list[str]:
    """Apply what is pending; the names of those applied now. Raises D1Error naming the migration that failed."""
    async with _opened(database) as d1:
        await d1.exec(
            f'CREATE TABLE IF NOT EXISTS "{_plain(table)}"('
            "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, "
            "applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);"
        )
        return [path.name for path in await pending(d1, folder, table=table) if await _apply(d1, path, table)]


async def _apply(database: D1Database, path: Path, table: str) -> bool:
    """False when another process was faster."""
    # The record comes first: of two processes the slower one stops here, before the migration itself.
    record = database.prepare(f'INSERT INTO "{_plain(table)}" (name) VALUES (?1)').bind(path.name)
    script = await asyncio.to_thread(path.read_text, encoding="utf-8")
    statements = [database.prepare(statement) for statement in split(script)]
    try:
        await database.batch([record, *statements])
    except D1ConstraintError as error:
        if path.name in await applied(database, table=table):
            return False
        raise _named(path, error) from error
    except D1Error as error:
        raise _named(path, error) from error
    return True


def _named(path: Path, error: D1Error) -> D1Error:
    message = f"{path.name} failed and was rolled back: {error.message.removeprefix(f'{error.code}: ')}"
    return type(error)(message, code=error.code, retryable=error.retryable, sqlite_code=error.sqlite_code)


@asynccontextmanager
async def _opened(database: D1Database | Path) -> AsyncIterator[D1Database]:
    if isinstance(database, Path):
        async with open_sqlite(database) as opened:
            yield opened
    else:
        yield database


def _number(path: Path) -> int:
    name = _FILE.fullmatch(path.name)
    if name is None:
        raise ConfigError(f"{path} is not named like a migration; name it 0001_what_it_does.sql.")
    return int(name.group(1))


def _plain(table: str) -> str:
    if not re.fullmatch(r"\w+", table):
        raise ConfigError(f"migrations_table must be letters, digits and _, not {table!r}.")
    return table
