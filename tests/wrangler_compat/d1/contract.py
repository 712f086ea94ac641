"""What every D1Database must do. A backend's test class inherits this and gives a `database` fixture."""

from __future__ import annotations

import asyncio
import math
from enum import StrEnum

import pytest

from wrangler_compat.d1 import limits
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import D1ConstraintError, D1Error

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, age INTEGER CHECK (age >= 0));
CREATE TABLE pets (name TEXT, owner INTEGER NOT NULL REFERENCES people (id));
CREATE TABLE version (id INTEGER PRIMARY KEY, number INTEGER NOT NULL);
INSERT INTO version VALUES (1, 7);
"""


async def people(database: D1Database) -> list[str]:
    return [row[0] for row in await database.prepare("SELECT name FROM people ORDER BY id").raw()]


class D1Contract:
    async def test_bind_returns_a_new_statement(self, database: D1Database) -> None:
        statement = database.prepare("INSERT INTO people (name) VALUES (?1)")
        anna, bert = statement.bind("anna"), statement.bind("bert")
        await bert.run()
        await anna.run()
        assert await people(database) == ["bert", "anna"]
        with pytest.raises(D1Error, match="Wrong number of parameter bindings"):
            await statement.run()

    async def test_values_go_in_and_out(self, database: D1Database) -> None:
        row = (
            await database.prepare("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f")
            .bind("ü", 2**63 - 1, 0.5, b"\0\xff", None, True)
            .first()
        )
        assert row == {"a": "ü", "b": 2**63 - 1, "c": 0.5, "d": b"\0\xff", "e": None, "f": 1}

    async def test_numbered_parameters_may_repeat_and_come_in_any_order(self, database: D1Database) -> None:
        rows = await database.prepare("SELECT ?2, ?1, ?2").bind("one", "two").raw()
        assert rows == [["two", "one", "two"]]

    async def test_an_enum_is_its_text_and_nan_is_null(self, database: D1Database) -> None:
        colour = StrEnum("colour", ["RED"])
        assert await database.prepare("SELECT ?1, typeof(?1), ?2").bind(colour.RED, math.nan).raw() == [
            ["red", "text", None]
        ]

    @pytest.mark.parametrize("value", [object(), ["list"], {"a": 1}, 2**63, -(2**63) - 1, 1j])
    async def test_what_sqlite_cannot_store_is_a_type_error(self, database: D1Database, value: object) -> None:
        with pytest.raises(D1Error) as caught:
            database.prepare("SELECT ?").bind(value)  # type: ignore[arg-type]
        assert caught.value.code == "D1_TYPE_ERROR"
        assert caught.value.message.startswith("D1_TYPE_ERROR: ")
        assert not caught.value.retryable

    async def test_first(self, database: D1Database) -> None:
        await database.exec("INSERT INTO people (name, age) VALUES ('anna', 30), ('bert', 40)")
        statement = database.prepare("SELECT name, age FROM people WHERE age > ?1 ORDER BY id")
        assert await statement.bind(20).first() == {"name": "anna", "age": 30}
        assert await statement.bind(30).first("age") == 40
        assert await statement.bind(50).first() is None
        assert await statement.bind(50).first("height") is None
        with pytest.raises(D1Error) as caught:
            await statement.bind(20).first("height")
        assert caught.value.code == "D1_COLUMN_NOTFOUND"

    async def test_all_gives_rows_and_meta(self, database: D1Database) -> None:
        await database.exec("INSERT INTO people (name) VALUES ('anna'), ('bert')")
        result = await database.prepare("SELECT id, name FROM people ORDER BY id").all()
        assert result.success
        assert result.results == [{"id": 1, "name": "anna"}, {"id": 2, "name": "bert"}]
        assert result.meta.changes == 0
        assert not result.meta.changed_db
        assert result.meta.rows_read == 2
        assert result.meta.duration >= 0
        assert result.meta.size_after > 0

    async def test_run_says_what_changed(self, database: D1Database) -> None:
        inserted = await database.prepare("INSERT INTO people (name) VALUES ('anna'), ('bert')").run()
        assert inserted.results == []
        assert inserted.meta.changes == inserted.meta.rows_written == 2
        assert inserted.meta.last_row_id == 2
        assert inserted.meta.changed_db
        nothing = await database.prepare("UPDATE people SET age = 1 WHERE name = 'carl'").run()
        assert nothing.meta.changes == 0
        assert not nothing.meta.changed_db

    async def test_returning(self, database: D1Database) -> None:
        result = await database.prepare("INSERT INTO people (name) VALUES ('anna') RETURNING id, name").run()
        assert result.results == [{"id": 1, "name": "anna"}]
        assert result.meta.changes == 1

    async def test_raw(self, database: D1Database) -> None:
        statement = database.prepare("SELECT 1 AS a, 2 AS a")
        assert await statement.raw() == [[1, 2]]
        assert await statement.raw(column_names=True) == [["a", "a"], [1, 2]]
        assert (await statement.all()).results == [{"a": 2}]

    async def test_a_with_that_writes(self, database: D1Database) -> None:
        sql = "WITH new(name) AS (VALUES ('anna')) INSERT INTO people (name) SELECT name FROM new"
        assert (await database.prepare(sql).run()).meta.changes == 1
        assert await database.prepare("WITH n AS (SELECT name FROM people) SELECT * FROM n").first("name") == "anna"

    async def test_a_batch_is_one_transaction(self, database: D1Database) -> None:
        insert = database.prepare("INSERT INTO people (name) VALUES (?1)")
        results = await database.batch([insert.bind("anna"), database.prepare("SELECT count(*) AS n FROM people")])
        assert [result.results for result in results] == [[], [{"n": 1}]]
        with pytest.raises(D1ConstraintError):
            await database.batch([insert.bind("bert"), insert.bind("anna")])
        assert await people(database) == ["anna"]

    async def test_a_batch_of_reads_sees_one_moment(self, database: D1Database) -> None:
        read = database.prepare("SELECT number FROM version")
        assert [result.results for result in await database.batch([read, read])] == [[{"number": 7}]] * 2

    async def test_an_empty_batch_is_refused(self, database: D1Database) -> None:
        with pytest.raises(D1Error, match="No SQL statements detected"):
            await database.batch([])

    async def test_a_guard_rolls_the_whole_batch_back(self, database: D1Database) -> None:
        guard = database.prepare("UPDATE version SET number = CASE WHEN number = ?1 THEN number + 1 END WHERE id = 1")
        insert = database.prepare("INSERT INTO people (name) VALUES ('anna')")
        with pytest.raises(D1ConstraintError) as caught:
            await database.batch([insert, guard.bind(6)])
        assert caught.value.sqlite_code == "SQLITE_CONSTRAINT_NOTNULL"
        assert await people(database) == []
        await database.batch([insert, guard.bind(7)])
        assert await people(database) == ["anna"]
        assert await database.prepare("SELECT number FROM version").first("number") == 8

    @pytest.mark.parametrize(
        ("sql", "sqlite_code"),
        [
            ("INSERT INTO people (id, name) VALUES (1, 'x')", "SQLITE_CONSTRAINT_PRIMARYKEY"),
            ("INSERT INTO people (name) VALUES ('anna')", "SQLITE_CONSTRAINT_UNIQUE"),
            ("INSERT INTO people (name) VALUES (NULL)", "SQLITE_CONSTRAINT_NOTNULL"),
            ("INSERT INTO people (name, age) VALUES ('x', -1)", "SQLITE_CONSTRAINT_CHECK"),
            ("INSERT INTO pets (name, owner) VALUES ('rex', 99)", "SQLITE_CONSTRAINT_FOREIGNKEY"),
        ],
    )
    async def test_constraints(self, database: D1Database, sql: str, sqlite_code: str) -> None:
        await database.exec("INSERT INTO people (name) VALUES ('anna')")
        with pytest.raises(D1ConstraintError) as caught:
            await database.prepare(sql).run()
        assert caught.value.code == "D1_ERROR"
        assert caught.value.message.endswith(": SQLITE_CONSTRAINT")
        assert caught.value.sqlite_code == sqlite_code
        assert not caught.value.retryable

    async def test_bad_sql(self, database: D1Database) -> None:
        with pytest.raises(D1Error, match="D1_ERROR: no such table: nobody: SQLITE_ERROR") as caught:
            await database.prepare("SELECT * FROM nobody").all()
        assert not caught.value.retryable
        with pytest.raises(D1Error, match="syntax error"):
            await database.prepare("INSERT INTTO people").run()
        with pytest.raises(D1Error, match="one statement at a time"):
            await database.prepare("SELECT 1; SELECT 2").run()

    @pytest.mark.parametrize("sql", ["", "  ", "-- only a comment", "/* nothing */"])
    async def test_no_sql(self, database: D1Database, sql: str) -> None:
        with pytest.raises(D1Error, match="No SQL statements detected"):
            await database.prepare(sql).run()
        with pytest.raises(D1Error, match="No SQL statements detected"):
            await database.exec(sql)

    @pytest.mark.parametrize(
        "sql", ["BEGIN", "commit", "/* x */ ROLLBACK", "SAVEPOINT a", "RELEASE a", "END", "ATTACH 'x' AS y", "VACUUM"]
    )
    async def test_statements_that_are_not_for_workers(self, database: D1Database, sql: str) -> None:
        with pytest.raises(D1Error):
            await database.prepare(sql).run()
        with pytest.raises(D1Error):
            await database.batch([database.prepare("INSERT INTO people (name) VALUES ('x')"), database.prepare(sql)])
        assert await people(database) == []

    async def test_exec_runs_a_script_in_one_transaction(self, database: D1Database) -> None:
        done = await database.exec("INSERT INTO people (name) VALUES ('a;b');\n-- c;\nINSERT INTO pets VALUES ('x', 1)")
        assert done.count == 2
        assert done.duration > 0
        with pytest.raises(D1Error):
            await database.exec("INSERT INTO people (name) VALUES ('bert'); SELECT nonsense;")
        assert await people(database) == ["a;b"]

    async def test_limits(self, database: D1Database) -> None:
        marks = ", ".join("?" * limits.MAX_BOUND_PARAMETERS)
        values = list(range(limits.MAX_BOUND_PARAMETERS))
        assert (await database.prepare(f"SELECT 1 WHERE 5 IN ({marks})").bind(*values).raw()) == [[1]]
        with pytest.raises(D1Error, match="too many SQL variables"):
            database.prepare(f"SELECT 1 WHERE 5 IN ({marks}, ?)").bind(*values, 1)
        with pytest.raises(D1Error, match="SQLITE_TOOBIG"):
            await database.prepare(f"SELECT '{'x' * limits.MAX_STATEMENT_BYTES}'").run()
        with pytest.raises(D1Error, match="SQLITE_TOOBIG"):
            await database.prepare("SELECT length(?)").bind("x" * (limits.MAX_VALUE_BYTES + 1)).run()
        with pytest.raises(D1Error, match="pattern too complex"):
            await database.prepare("SELECT 1 WHERE 'x' LIKE ?").bind("x" * 51).run()
        with pytest.raises(D1Error, match="too many statements"):
            await database.batch([database.prepare("SELECT 1")] * (limits.MAX_BATCH_STATEMENTS + 1))

    async def test_a_batch_takes_only_statements_of_its_database(self, database: D1Database) -> None:
        with pytest.raises(D1Error) as caught:
            await database.batch(["SELECT 1"])  # type: ignore[list-item]
        assert caught.value.code == "D1_TYPE_ERROR"

    async def test_many_at_once(self, database: D1Database) -> None:
        insert = database.prepare("INSERT INTO people (name) VALUES (?1)")
        await asyncio.gather(*(insert.bind(f"p{number}").run() for number in range(50)))
        counts = await asyncio.gather(
            *(database.prepare("SELECT count(*) AS n FROM people").first("n") for _ in "12345")
        )
        assert counts == [50] * 5

    async def test_a_cancelled_batch_rolls_back_and_the_next_one_works(self, database: D1Database) -> None:
        slow = database.prepare(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) "
            "INSERT INTO pets SELECT 'x', max(i) FROM n"
        )
        task = asyncio.create_task(
            database.batch([database.prepare("INSERT INTO people (name) VALUES ('anna')"), slow])
        )
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.prepare("INSERT INTO people (name) VALUES ('bert')").run()
        assert await people(database) == ["bert"]

    async def test_cancelling_at_any_moment_leaves_all_or_nothing(self, database: D1Database) -> None:
        insert = database.prepare("INSERT INTO people (name) VALUES (?1)")
        for attempt in range(40):
            batch = [insert.bind(f"{attempt}-{number}") for number in range(20)]
            task = asyncio.create_task(database.batch(batch))
            await asyncio.sleep(attempt / 40_000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            written = [name for name in await people(database) if name.startswith(f"{attempt}-")]
            assert len(written) in {0, 20}

    async def test_ping(self, database: D1Database) -> None:
        await database.ping()
