from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_memory, open_sqlite
from wrangler_compat.errors import ConfigError, D1ConstraintError, D1Error

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
async def database() -> AsyncIterator[SqliteDatabase]:
    async with open_memory() as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE a (x); INSERT INTO a VALUES (1);")
    (tmp_path / "0002_second.sql").write_text("-- two\nCREATE TABLE b (x);\n")
    return tmp_path


async def test_apply_runs_what_is_pending_once_and_in_order(database: SqliteDatabase, folder: Path) -> None:
    assert [path.name for path in await migrations.pending(database, folder)] == ["0001_first.sql", "0002_second.sql"]
    assert await migrations.apply(database, folder) == ["0001_first.sql", "0002_second.sql"]
    assert await migrations.apply(database, folder) == []
    (folder / "0010_later.sql").write_text("DROP TABLE b;")
    assert await migrations.apply(database, folder) == ["0010_later.sql"]
    assert await migrations.applied(database) == ["0001_first.sql", "0002_second.sql", "0010_later.sql"]
    assert await database.prepare("SELECT count(*) AS n FROM a").first("n") == 1


async def test_the_bookkeeping_is_wranglers(database: SqliteDatabase, folder: Path) -> None:
    await migrations.apply(database, folder)
    row = await database.prepare("SELECT * FROM d1_migrations ORDER BY id").first()
    assert list(row) == ["id", "name", "applied_at"]
    assert (row["id"], row["name"]) == (1, "0001_first.sql")
    assert len(row["applied_at"]) == len("2026-11-21 02:13:05")


async def test_a_failing_migration_leaves_nothing_and_is_named(database: SqliteDatabase, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("CREATE TABLE c (x); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(D1Error, match=r"0003_broken.sql failed and was rolled back: no such table: nowhere"):
        await migrations.apply(database, folder)
    assert await migrations.applied(database) == ["0001_first.sql", "0002_second.sql"]
    assert await database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'c'").first() is None
    (folder / "0003_broken.sql").write_text("CREATE TABLE c (x)")
    assert await migrations.apply(database, folder) == ["0003_broken.sql"]


async def test_a_constraint_in_a_migration_is_its_failure(database: SqliteDatabase, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("CREATE TABLE c (x NOT NULL); INSERT INTO c VALUES (NULL);")
    with pytest.raises(D1ConstraintError, match=r"0003_broken.sql failed"):
        await migrations.apply(database, folder)


async def test_two_at_once_apply_each_migration_once(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "test.db"
    # Making a new file a WAL file is where two collide; one round in some thirty showed it.
    done = await asyncio.gather(*(migrations.apply(path, folder) for _ in range(8)))
    assert sorted(name for names in done for name in names) == ["0001_first.sql", "0002_second.sql"]
    async with open_sqlite(path) as database:
        assert await database.prepare("SELECT count(*) AS n FROM a").first("n") == 1


async def test_the_repositorys_own_migrations_apply(database: SqliteDatabase) -> None:
    names = await migrations.apply(database, REPOSITORY / "migrations")
    assert names[0] == "0001_initial.sql"
    assert await database.prepare("SELECT version FROM catalogue").first("version") == 0


async def test_another_table_name(database: SqliteDatabase, folder: Path) -> None:
    await migrations.apply(database, folder, table="my_migrations")
    assert await migrations.applied(database, table="my_migrations") == ["0001_first.sql", "0002_second.sql"]
    assert await migrations.applied(database) == []
    with pytest.raises(ConfigError, match="migrations_table"):
        await migrations.apply(database, folder, table='x"; DROP TABLE a; --')


def test_create_takes_the_next_number(folder: Path) -> None:
    path = migrations.create(folder, "add comments & likes")
    assert path.name == "0003_add_comments_likes.sql"
    assert path.read_text().startswith("-- Migration number: 0003 \t 20")
    assert migrations.create(folder / "new", "first").name == "0001_first.sql"
    with pytest.raises(ConfigError, match="needs a name"):
        migrations.create(folder, " !! ")


def test_badly_named_files_are_refused(folder: Path) -> None:
    (folder / "0002_again.sql").write_text("")
    with pytest.raises(ConfigError, match="have the same number"):
        migrations.files(folder)
    (folder / "0002_again.sql").rename(folder / "again.sql")
    with pytest.raises(ConfigError, match="not named like a migration"):
        migrations.files(folder)
    with pytest.raises(ConfigError, match="no migrations folder"):
        migrations.files(folder / "absent")
