from __future__ import annotations

import json

import pytest

from tests.wrangler_compat.commands.run import Project
from wrangler_compat.state import State


def test_migrations_from_nothing_to_done(project: Project) -> None:
    assert project.run("d1", "migrations", "list").out == "0001_initial.sql\n"
    created = project.run("d1", "migrations", "create", "DB", "add colour")
    assert "0002_add_colour.sql" in created.out
    path = project.folder / "migrations" / "0002_add_colour.sql"
    path.write_text(path.read_text() + "ALTER TABLE things ADD COLUMN colour TEXT;")
    assert project.run("d1", "migrations", "apply", "things").out == (
        "Applied 0001_initial.sql\nApplied 0002_add_colour.sql\n"
    )
    assert project.run("d1", "migrations", "apply", "DB").out == "No migrations to apply.\n"
    assert project.run("d1", "migrations", "list").out == "No migrations to apply.\n"


def test_a_name_alone_is_the_message(project: Project) -> None:
    assert "0002_more.sql" in project.run("d1", "migrations", "create", "more").out


def test_a_migration_that_fails_is_named_and_leaves_nothing(project: Project) -> None:
    project.write("migrations/0002_bad.sql", "CREATE TABLE other (id TEXT); INSERT INTO nowhere VALUES (1);")
    ended = project.run("d1", "migrations", "apply", "DB")
    assert ended.code == 1
    assert "0002_bad.sql" in ended.err
    assert project.run("d1", "migrations", "list").out == "0002_bad.sql\n"
    assert "other" not in project.run("d1", "execute", "--command", "SELECT name FROM sqlite_schema").out


def test_execute_as_a_table(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    written = project.run(
        "d1", "execute", "DB", "--command", "INSERT INTO things VALUES ('a', 1, x'00ff'), ('b', NULL, NULL)"
    )
    assert "2 changed" in written.out
    shown = project.run("d1", "execute", "--command", "SELECT id, size, data FROM things ORDER BY id").out.splitlines()
    assert shown[:3] == ["id  size  data", "a   1     x'00ff'", "b   NULL  NULL"]
    assert shown[3].startswith("(2 rows, 0 changed")


def test_execute_as_json(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    path = project.write("some.sql", "INSERT INTO things VALUES ('a', 1, x'00ff'); SELECT * FROM things;")
    ended = project.run("d1", "execute", "DB", "--file", str(path), "--json")
    first, second = json.loads(ended.out)
    assert first["success"]
    assert first["meta"]["changes"] == 1
    assert second["results"] == [{"id": "a", "size": 1, "data": [0, 255]}]


def test_execute_is_one_transaction(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    twice = "INSERT INTO things (id) VALUES ('a'); INSERT INTO things (id) VALUES ('a')"
    ended = project.run("d1", "execute", "--command", twice)
    assert ended.code == 1
    assert "UNIQUE" in ended.err
    assert "(0 rows" in project.run("d1", "execute", "--command", "SELECT * FROM things").out


@pytest.mark.parametrize("sql", ["", "  ;", "-- a comment"])
def test_no_sql(project: Project, sql: str) -> None:
    ended = project.run("d1", "execute", "--command", sql)
    assert ended.code == 1
    assert ended.err.startswith("error: ")


def test_a_file_that_is_not_there(project: Project) -> None:
    ended = project.run("d1", "execute", "--file", str(project.folder / "none.sql"))
    assert ended.code == 1
    assert "cannot be read" in ended.err


def test_an_unknown_database_names_the_known(project: Project) -> None:
    ended = project.run("d1", "migrations", "list", "OTHER")
    assert ended.code == 1
    assert "OTHER; there is: things." in ended.err


def test_of_two_databases_one_must_be_named(project: Project) -> None:
    project.write("second/wrangler.toml", 'name = "two"\n[[d1_databases]]\nbinding = "B"\ndatabase_name = "other"\n')
    ended = project.run("d1", "migrations", "list")
    assert ended.code == 1
    assert "name the one you mean: other, things." in ended.err
    assert project.run("d1", "migrations", "list", "DB").code == 0


def test_two_workers_that_share_a_database_are_no_choice(project: Project) -> None:
    text = (project.folder / "worker" / "wrangler.toml").read_text()
    project.write("second/wrangler.toml", text.replace('"one"', '"two"'))
    assert project.run("d1", "migrations", "list").out == "0001_initial.sql\n"


def test_the_database_of_a_running_dev_is_found_without_a_url(project: Project) -> None:
    project.environ.clear()
    state = State(project.folder / ".twinreel")
    state.make()
    with state.locked():
        state.publish({"DATABASE_URL": f"sqlite:///{state.database}"})
        assert project.run("d1", "migrations", "apply").code == 0
        assert state.database.stat().st_size > 0
        project.environ["WRANGLER_STATE"] = "/nonexistent"
        assert project.run("d1", "migrations", "apply").code == 1
    ended = project.run("d1", "migrations", "list")
    assert ended.code == 1
    assert "DATABASE_URL" in ended.err


def test_a_backup_and_the_way_back(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    saved = project.run("d1", "backup", "DB")
    assert saved.code == 0, saved.err
    (path,) = (project.folder / "backups").glob("things-*.sqlite")
    assert saved.out == f"{path} ({path.stat().st_size} bytes, checked)\n"
    project.run("d1", "execute", "--command", "INSERT INTO things (id) VALUES ('today')")
    restored = project.run("d1", "restore", "DB", "--from", str(path))
    assert restored.code == 0, restored.err
    assert f"is what {path} holds" in restored.out
    assert "is kept in" in restored.out
    assert "(0 rows" in project.run("d1", "execute", "--command", "SELECT * FROM things").out


def test_backups_are_kept_so_many(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    folder = project.folder / "backups"
    folder.mkdir()
    (folder / "things-20200101T000000Z.sqlite").write_text("old")
    done = project.run("d1", "backup", "--keep", "1")
    assert "deleted" in done.out
    assert len(list(folder.iterdir())) == 1
    refused = project.run("d1", "backup", "--keep", "1", "--output", str(folder / "x"))
    assert refused.code == 1
    assert "--keep goes without --output" in refused.err


def test_what_cannot_be_restored_is_a_sentence(project: Project) -> None:
    project.run("d1", "migrations", "apply")
    for arguments in (("--from", "nowhere"), ("--from", str(project.folder / "worker" / "wrangler.toml"))):
        ended = project.run("d1", "restore", "DB", *arguments)
        assert ended.code == 1
        assert ended.err.startswith("error: D1_ERROR: ")
    assert project.run("d1", "backup", "--output", str(project.folder / "worker")).code == 1
