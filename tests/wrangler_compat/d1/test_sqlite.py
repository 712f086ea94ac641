"""D1 over a file and in memory: the contract, and what only a file can do wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.wrangler_compat.d1.contract import SCHEMA, D1Contract, people
from wrangler_compat.d1.sqlite import SqliteDatabase, open_memory, open_sqlite
from wrangler_compat.errors import D1ConstraintError, D1Error


class TestFile(D1Contract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
        async with open_sqlite(tmp_path / "made" / "test.db") as database:
            await database.exec(SCHEMA)
            yield database


class TestMemory(D1Contract):
    @pytest.fixture
    async def database(self) -> AsyncIterator[SqliteDatabase]:
        async with open_memory() as database:
            await database.exec(SCHEMA)
            yield database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(tmp_path / "test.db", busy_seconds=0.2) as database:
        await database.exec(SCHEMA)
        yield database


async def test_the_file_is_in_wal_mode_and_checks_foreign_keys(database: SqliteDatabase) -> None:
    assert await database.prepare("PRAGMA journal_mode").first("journal_mode") == "wal"
    assert await database.prepare("PRAGMA foreign_keys").first("foreign_keys") == 1
    assert await database.prepare("PRAGMA synchronous").first("synchronous") == 2


async def test_what_was_written_is_there_after_closing(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "test.db") as database:
        await database.exec(SCHEMA + "INSERT INTO people (name) VALUES ('anna');")
    async with open_sqlite(tmp_path / "test.db") as database:
        assert await people(database) == ["anna"]


async def test_readers_do_not_wait_for_the_writer(database: SqliteDatabase, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO people (name) VALUES ('anna')")
    assert await people(database) == []
    other.execute("COMMIT")
    other.close()
    assert await people(database) == ["anna"]


async def test_another_process_reads_what_this_one_wrote(database: SqliteDatabase, tmp_path: Path) -> None:
    script = f"""
        import asyncio
        from wrangler_compat.d1.sqlite import open_sqlite
        async def main():
            async with open_sqlite({str(tmp_path / "test.db")!r}) as database:
                name = await database.prepare("SELECT name FROM people").first("name")
                await database.prepare("INSERT INTO people (name) VALUES (?1)").bind(name + " read").run()
        asyncio.run(main())
    """
    await database.exec("INSERT INTO people (name) VALUES ('anna')")
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", textwrap.dedent(script)], check=True)
    assert await people(database) == ["anna", "anna read"]


async def test_two_databases_on_one_file_take_turns(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "test.db") as one, open_sqlite(tmp_path / "test.db") as two:
        await one.exec(SCHEMA)
        add = "UPDATE version SET number = number + 1"
        await asyncio.gather(*(database.prepare(add).run() for database in [one, two] * 20))
        assert await one.prepare("SELECT number FROM version").first("number") == 47


async def test_locked_is_retryable(database: SqliteDatabase, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(D1Error, match="another process holds the write lock") as caught:
        await database.prepare("INSERT INTO people (name) VALUES ('anna')").run()
    assert caught.value.retryable
    assert caught.value.sqlite_code == "SQLITE_BUSY"
    other.execute("ROLLBACK")
    other.close()
    await database.prepare("INSERT INTO people (name) VALUES ('anna')").run()


async def test_a_full_disk_is_retryable_and_rolls_back(database: SqliteDatabase) -> None:
    pages = await database.prepare("PRAGMA page_count").first("page_count")
    await database.prepare(f"PRAGMA max_page_count={pages}").run()
    insert = database.prepare("INSERT INTO people (name) VALUES (?1)")
    with pytest.raises(D1Error, match="make room on the disk") as caught:
        await database.batch([insert.bind("anna"), insert.bind("x" * 100_000)])
    assert caught.value.retryable
    assert caught.value.sqlite_code == "SQLITE_FULL"
    assert await people(database) == []
    await database.prepare("PRAGMA max_page_count=100000").run()
    await insert.bind("bert").run()
    assert await people(database) == ["bert"]


async def test_a_corrupt_file_is_not_retryable(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    async with open_sqlite(path) as database:
        await database.exec(SCHEMA + "INSERT INTO people (name) VALUES ('" + "x" * 50_000 + "');")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    async with open_sqlite(path) as database:
        with pytest.raises(D1Error, match="restore the database file from a backup") as caught:
            await people(database)
    assert not caught.value.retryable
    assert caught.value.sqlite_code.startswith("SQLITE_CORRUPT")


async def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_text("hello, " * 1000)
    with pytest.raises(D1Error, match="not a SQLite database; check DATABASE_URL") as caught:
        async with open_sqlite(path):
            pass
    assert not caught.value.retryable


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(D1Error, match="cannot be made"):
        async with open_sqlite(tmp_path / "file" / "test.db"):
            pass
    with pytest.raises(D1Error, match="unable to open database file"):
        async with open_sqlite(tmp_path):
            pass


async def test_a_query_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    async with open_sqlite(tmp_path / "test.db", timeout_seconds=0.2) as database:
        with pytest.raises(D1Error, match=r"stopped after 0.2 s and rolled back") as caught:
            await database.prepare(endless).first()
        assert caught.value.retryable
        assert await database.prepare("SELECT 1 AS one").first("one") == 1


async def test_reads_go_on_while_one_is_slow(database: SqliteDatabase) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT max(i) FROM n"
    task = asyncio.create_task(database.prepare(slow).first())
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        assert await people(database) == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.gather(*(people(database) for _ in range(4))) == [[]] * 4


async def test_a_cancelled_caller_that_waits_for_its_turn_writes_nothing(database: SqliteDatabase) -> None:
    slow = database.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
        "INSERT INTO people (name) SELECT max(i) FROM n"
    )
    first = asyncio.create_task(slow.run())
    await asyncio.sleep(0.01)
    second = asyncio.create_task(database.prepare("INSERT INTO people (name) VALUES ('anna')").run())
    await asyncio.sleep(0.01)
    second.cancel()
    await first
    assert await people(database) == ["1000000"]


async def test_a_closed_database_raises_a_d1_error(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "test.db") as database:
        pass
    with pytest.raises(D1Error):
        await database.ping()


async def test_statements_of_another_database_are_refused(database: SqliteDatabase) -> None:
    async with open_memory() as other:
        with pytest.raises(D1Error, match="prepared by its own database"):
            await database.batch([other.prepare("SELECT 1")])


async def test_a_copy_in_memory_goes_its_own_way() -> None:
    async with open_memory() as first:
        await first.exec(SCHEMA + "INSERT INTO people (name) VALUES ('anna');")
        async with open_memory(await first.image()) as second:
            await second.exec("INSERT INTO people (name) VALUES ('bert')")
            assert await people(second) == ["anna", "bert"]
            with pytest.raises(D1ConstraintError):
                await second.exec("INSERT INTO pets VALUES ('rex', 99)")
        assert await people(first) == ["anna"]


async def test_a_deferred_foreign_key_is_checked_at_the_end(database: SqliteDatabase) -> None:
    await database.batch(
        [
            database.prepare("PRAGMA defer_foreign_keys=ON"),
            database.prepare("INSERT INTO pets VALUES ('rex', 5)"),
            database.prepare("INSERT INTO people (id, name) VALUES (5, 'eve')"),
        ]
    )
    with pytest.raises(D1ConstraintError):
        await database.batch(
            [
                database.prepare("PRAGMA defer_foreign_keys=ON"),
                database.prepare("INSERT INTO pets VALUES ('tom', 6)"),
            ]
        )
    assert await database.prepare("SELECT count(*) AS n FROM pets").first("n") == 1


async def test_a_killed_process_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    script = f"""
        import asyncio
        from wrangler_compat.d1.sqlite import open_sqlite
        async def main():
            async with open_sqlite({str(path)!r}) as database:
                insert = database.prepare("INSERT INTO pets VALUES (?1, 1)")
                for number in range(1_000_000):
                    await database.batch([insert.bind(str(number))] * 50)
                    print(number, flush=True)
        asyncio.run(main())
    """
    async with open_sqlite(path) as database:
        await database.exec(SCHEMA + "INSERT INTO people (name) VALUES ('anna');")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    answered = [int(await process.stdout.readline()) for _ in range(20)][-1]
    process.kill()
    await process.communicate()
    async with open_sqlite(path) as database:
        counts = await database.prepare("SELECT name, count(*) FROM pets GROUP BY name").raw()
    assert len(counts) > answered
    assert {count for _, count in counts} == {50}
