"""Copies of a SQLite database that is in use, checked before they count; and the way back.

A backup is one file, whole or not there. A restore replaces the file when nobody has it open; or, told to, it writes
into the database as one transaction, beside those who use it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from wrangler_compat.d1.failures import d1_error
from wrangler_compat.errors import D1Error

Progress = Callable[[int, int], None]
"""Told the pages that are copied, and all pages."""

_STEP_PAGES = 2000
_WAIT_SECONDS = 30.0
_UNREADABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def backup(database: Path, output: Path, progress: Progress | None = None) -> int:
    """Copy a database that may be in use to a new file; its size in bytes. Raises D1Error, and leaves nothing then.

    The copy is the state of one moment: writers go on meanwhile and are not waited for.
    """
    if not database.is_file():
        raise D1Error(f"There is no database {database}; check DATABASE_URL.")
    if output.exists():
        raise D1Error(f"{output} is there already; name another file.")
    with _translated(), _beside(output) as part:
        _copy(database, part, progress)
        _check(part, output.name)
        size = part.stat().st_size
        _put_in_place(part, output)
    return size


def restore(
    source: Path, database: Path, *, while_in_use: bool = False, progress: Progress | None = None
) -> Path | None:
    """Make the database what the backup holds. Raises D1Error, and changes nothing then.

    Gives where the state before is kept; None when there was none that could be read. Without while_in_use it is
    refused while another process has the database open.
    """
    if not source.is_file() or source.stat().st_size == 0:
        raise D1Error(f"There is no backup {source}, or it is empty.")
    with _translated(), _beside(database) as part:
        _copy(source, part, progress)
        _check(part, source.name)
        if while_in_use:
            return _write_into(part, database)
        with _alone(database) as is_readable:
            kept = _keep(database) if is_readable else None
            for leftover in ("-wal", "-shm"):
                database.with_name(database.name + leftover).unlink(missing_ok=True)
            _put_in_place(part, database)
    return kept


def prune(folder: Path, stem: str, keep: int) -> list[Path]:
    """Delete all but the newest backups that backup_name() named in this folder; those deleted."""
    found = sorted(folder.glob(f"{stem}-????????T??????Z.sqlite"))
    doomed = found[: max(0, len(found) - keep)]
    for path in doomed:
        path.unlink()
    return doomed


def backup_name(database: Path, at: datetime | None = None) -> str:
    """`twinreel-20261121T034014Z.sqlite`: the order of names is the order of time."""
    return f"{database.stem}-{(at or datetime.now(UTC)):%Y%m%dT%H%M%SZ}.sqlite"


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    def tell(_: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with closing(_connect(source)) as reading, closing(_connect(target)) as writing:
        # One read transaction around all steps: else each write of others would begin the copy anew.
        reading.execute("BEGIN")
        reading.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        reading.backup(writing, pages=_STEP_PAGES, progress=tell)
        # One file, without a log beside it.
        writing.execute("PRAGMA journal_mode=DELETE").fetchall()


def _check(path: Path, name: str) -> None:
    with closing(_connect(path)) as database:
        ((found,), *_) = database.execute("PRAGMA integrity_check").fetchall()
        if found != "ok":
            raise D1Error(f"{name} is damaged: {found}.")
        broken = database.execute("PRAGMA foreign_key_check").fetchmany(1)
        if broken:
            raise D1Error(f"{name} is damaged: a row of {broken[0][0]} refers to one of {broken[0][2]} that is gone.")


@contextmanager
def _alone(database: Path) -> Iterator[bool]:
    """Keep everybody else out of the database. Raises D1Error when it is in use. False: it is damaged or not there."""
    if not database.exists():
        yield False
        return
    with closing(_connect(database, wait_seconds=0)) as held:
        try:
            # Leaving WAL needs every other connection closed, and takes the log into the file.
            held.execute("PRAGMA journal_mode=DELETE").fetchall()
            held.execute("BEGIN EXCLUSIVE")
            is_readable = True
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF not in _UNREADABLE:
                raise D1Error(
                    f"{database} is in use: stop web and worker first, or restore beside them with --while-in-use.",
                    retryable=True,
                ) from error
            is_readable = False
        yield is_readable


def _write_into(part: Path, database: Path) -> Path | None:
    kept = None
    if database.exists():
        kept = _kept_name(database)
        backup(database, kept)
    with closing(_connect(part)) as reading, closing(_connect(database)) as writing:
        writing.execute("PRAGMA journal_mode=WAL").fetchall()
        reading.backup(writing, pages=-1)
    return kept


def _keep(database: Path) -> Path:
    kept = _kept_name(database)
    try:
        os.link(database, kept)
    except OSError:
        kept.write_bytes(database.read_bytes())
    return kept


def _kept_name(database: Path) -> Path:
    return database.with_name(f"{database.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")


def _connect(path: Path, *, wait_seconds: float = _WAIT_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file in the same folder, readable by its owner only; gone on leaving, unless it was put in place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))
        yield part
    except OSError as error:
        raise D1Error(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        for leftover in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                part.with_name(part.name + leftover).unlink(missing_ok=True)


def _put_in_place(part: Path, path: Path) -> None:
    """Survives a power failure at any moment: the old file or the new one."""
    _sync(part)
    os.replace(part, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise d1_error(error) from error
