"""Backups of databases that others write to, and restores over them; of real files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wrangler_compat.d1.backup import backup, backup_name, prune, restore
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.errors import D1Error


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "things.db"
    async with open_sqlite(path) as opened:
        await opened.exec("CREATE TABLE things (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO things VALUES (1, 'a')")
    return path


def things(path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute("SELECT id, note FROM things ORDER BY id").fetchall()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_backup_of_a_database_in_use_holds_what_was_committed(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "copy.sqlite"
    async with open_sqlite(database) as opened:
        await opened.prepare("INSERT INTO things VALUES (2, 'in the log')").run()
        size = backup(database, output)
        await opened.prepare("INSERT INTO things VALUES (3, 'later')").run()
    assert things(output) == [(1, "a"), (2, "in the log")]
    assert size == output.stat().st_size
    assert output.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == {"copy.sqlite", "data"}


async def test_a_backup_under_steady_writes_ends_and_is_one_moment(database: Path, tmp_path: Path) -> None:
    """Pairs are written in one transaction each: a backup never holds half of one."""
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.execute("CREATE TABLE filler (data BLOB)")
        opened.executemany("INSERT INTO filler VALUES (?)", [(os.urandom(200_000),) for _ in range(120)])
    ends, steps = threading.Event(), []

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as opened:
            n = 10
            while not ends.is_set():
                opened.execute("BEGIN IMMEDIATE")
                opened.executemany("INSERT INTO things VALUES (?, 'pair')", [(n,), (n + 1,)])
                opened.execute("COMMIT")
                n += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(3):
            backup(database, tmp_path / f"{n}.sqlite", lambda done, total: steps.append((done, total)))
    finally:
        ends.set()
        writer.join()
    counts = [len(things(tmp_path / f"{n}.sqlite")) - 1 for n in range(3)]
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)
    assert len(steps) > 3
    assert steps[-1][0] == steps[-1][1]


def test_what_cannot_be_backed_up(database: Path, tmp_path: Path) -> None:
    with pytest.raises(D1Error, match="There is no database"):
        backup(tmp_path / "nothing.db", tmp_path / "copy")
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(D1Error, match="is there already"):
        backup(database, there)
    assert there.read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(D1Error, match="cannot be written"):
        backup(database, tmp_path / "file" / "copy")


def test_a_damaged_database_makes_no_backup(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.executemany("INSERT INTO things VALUES (?, ?)", [(n, "x" * 500) for n in range(2, 400)])
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[4096 * 5 : 4096 * 5 + 2000] = b"\xff" * 2000
    database.write_bytes(content)
    with pytest.raises(D1Error, match=r"damaged|malformed"):
        backup(database, tmp_path / "copy")
    assert files(tmp_path) == {"data"}


def test_a_disk_that_is_full_leaves_no_half_backup(database: Path, tmp_path: Path) -> None:
    """The limit on file sizes stands in for the disk: SQLite is told that the write failed."""
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.executemany("INSERT INTO things VALUES (?, ?)", [(n, "x" * 50_000) for n in range(2, 100)])
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from wrangler_compat.d1.backup import backup\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "backup(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    argv = [sys.executable, "-c", code, str(database), str(tmp_path / "copy")]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "D1_ERROR" in ended.stderr
    assert files(tmp_path) == {"data"}


async def test_a_restore_brings_yesterday_back_and_keeps_today(database: Path, tmp_path: Path) -> None:
    yesterday = tmp_path / "yesterday"
    backup(database, yesterday)
    async with open_sqlite(database) as opened:
        await opened.prepare("INSERT INTO things VALUES (2, 'today')").run()
    kept = restore(yesterday, database)
    assert things(database) == [(1, "a")]
    assert kept is not None
    assert things(kept) == [(1, "a"), (2, "today")]
    assert files(database.parent) == {"things.db", kept.name}
    async with open_sqlite(database) as opened:
        assert await opened.prepare("SELECT COUNT(*) AS n FROM things").first("n") == 1


async def test_a_restore_is_refused_while_somebody_has_the_database_open(database: Path, tmp_path: Path) -> None:
    yesterday = tmp_path / "yesterday"
    backup(database, yesterday)
    async with open_sqlite(database) as opened:
        await opened.prepare("INSERT INTO things VALUES (2, 'today')").run()
        with pytest.raises(D1Error, match="is in use: stop web and worker") as refused:
            restore(yesterday, database)
        assert refused.value.retryable
        assert await opened.prepare("SELECT COUNT(*) AS n FROM things").first("n") == 2
        await opened.prepare("INSERT INTO things VALUES (3, 'and on')").run()
    assert {name for name in files(database.parent) if "before" in name or "part" in name} == set()


async def test_told_to_it_is_restored_beside_those_who_use_it(database: Path, tmp_path: Path) -> None:
    yesterday = tmp_path / "yesterday"
    backup(database, yesterday)
    async with open_sqlite(database) as opened, open_sqlite(database) as other:
        await opened.prepare("INSERT INTO things VALUES (2, 'today')").run()
        kept = restore(yesterday, database, while_in_use=True)
        for each in (opened, other):
            assert await each.prepare("SELECT COUNT(*) AS n FROM things").first("n") == 1
        await other.prepare("INSERT INTO things VALUES (4, 'after')").run()
        assert await opened.prepare("SELECT COUNT(*) AS n FROM things").first("n") == 2
    assert kept is not None
    assert things(kept) == [(1, "a"), (2, "today")]
    assert things(database) == [(1, "a"), (4, "after")]


def test_over_nothing_and_over_ruins(database: Path, tmp_path: Path) -> None:
    yesterday = tmp_path / "yesterday"
    backup(database, yesterday)
    fresh = tmp_path / "fresh" / "things.db"
    assert restore(yesterday, fresh) is None
    assert things(fresh) == [(1, "a")]
    fresh.write_bytes(b"this was a database once" * 1000)
    fresh.with_name("things.db-wal").write_bytes(b"and its log")
    assert restore(yesterday, fresh) is None
    assert things(fresh) == [(1, "a")]


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, None], ids=["empty", "other", "cut"])
def test_what_is_no_backup_changes_nothing(database: Path, tmp_path: Path, content: bytes | None) -> None:
    bad = tmp_path / "bad"
    if content is None:
        with closing(sqlite3.connect(database, isolation_level=None)) as opened:
            opened.executemany("INSERT INTO things VALUES (?, ?)", [(n, "x" * 900) for n in range(2, 100)])
        backup(database, bad)
        bad.write_bytes(bad.read_bytes()[:-9000])
    else:
        bad.write_bytes(content)
    before = things(database)
    with pytest.raises(D1Error):
        restore(bad, database)
    assert things(database) == before
    with pytest.raises(D1Error, match="There is no backup"):
        restore(tmp_path / "nothing", database)


def test_a_backup_that_is_killed_leaves_no_file_that_looks_like_one(database: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from wrangler_compat.d1.backup import backup\n"
        "backup(Path(sys.argv[1]), Path(sys.argv[2]), lambda done, total: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    argv = [sys.executable, "-c", code, str(database), str(tmp_path / "copy")]
    ended = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "copy").exists()
    backup(database, tmp_path / "copy")
    assert things(tmp_path / "copy") == [(1, "a")]


def test_old_backups_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    database = tmp_path / "things.db"
    names = [backup_name(database, datetime(2026, 11, day, tzinfo=UTC)) for day in (1, 2, 3, 4)]
    for name in [*names, "things-by-hand.sqlite", "other-20261101T000000Z.sqlite"]:
        (tmp_path / name).write_text("")
    assert [path.name for path in prune(tmp_path, "things", keep=2)] == names[:2]
    assert files(tmp_path) == {*names[2:], "things-by-hand.sqlite", "other-20261101T000000Z.sqlite"}
    assert prune(tmp_path, "things", keep=2) == []
