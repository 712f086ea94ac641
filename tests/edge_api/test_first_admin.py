"""The first start: one admin, one token, whoever starts first and however many start at once."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_api.accounts import create_user, is_good_token, list_tokens, list_users
from edge_api.env import Env
from edge_api.first_admin import ensure_first_admin, make_first_admin
from edge_api.settings import configuration
from tests.edge_api.kit import MIGRATIONS, People, serving, settings_with
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import open_memory, open_sqlite

WAIT = 5.0


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_an_admin_and_a_token_in_a_file_of_ones_own(env: Env, tmp_path: Path) -> None:
    file = tmp_path / "state" / "token"
    await ensure_first_admin(env.db, file, WAIT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await is_good_token(env.db, file.read_text().strip())
    (admin,) = await list_users(env.db)
    assert (admin["role"], admin["username"]) == ("admin", "admin")
    assert files_in(file.parent) == ["token"]


async def test_the_second_start_changes_nothing(env: Env, tmp_path: Path) -> None:
    await ensure_first_admin(env.db, tmp_path / "token", WAIT)
    first = (tmp_path / "token").read_text()
    await ensure_first_admin(env.db, tmp_path / "token", WAIT)
    assert (tmp_path / "token").read_text() == first
    assert len(await list_tokens(env.db)) == 1


async def test_whoever_has_users_gets_no_admin(env: Env, people: People, tmp_path: Path) -> None:
    before = await list_users(env.db)
    await ensure_first_admin(env.db, tmp_path / "token", WAIT)
    assert await list_users(env.db) == before
    assert not (tmp_path / "token").exists()


async def test_a_user_who_came_in_between_is_enough(env: Env, people: People, tmp_path: Path) -> None:
    await env.db.prepare("DELETE FROM api_tokens WHERE user_id = ?1").bind(people.admin.id).run()
    await env.db.prepare("DELETE FROM users WHERE role = 'admin'").run()
    before = await list_users(env.db), await list_tokens(env.db)
    await make_first_admin(env.db, tmp_path / "token", WAIT)
    assert (await list_users(env.db), await list_tokens(env.db)) == before
    assert files_in(tmp_path) == []


async def test_where_no_file_can_be_written_it_is_printed_once(
    env: Env, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    await ensure_first_admin(env.db, tmp_path / "blocked" / "token", WAIT)
    await ensure_first_admin(env.db, tmp_path / "blocked" / "token", WAIT)
    _, said = capsys.readouterr()
    (line,) = [line for line in said.splitlines() if "twr_" in line]
    assert await is_good_token(env.db, line.rpartition(" ")[2])


async def test_before_the_migrations_the_start_goes_on(tmp_path: Path) -> None:
    async with open_memory() as empty:
        await ensure_first_admin(empty, tmp_path / "token", WAIT)
    assert files_in(tmp_path) == []


async def test_it_is_audited_without_the_token(env: Env, tmp_path: Path) -> None:
    await ensure_first_admin(env.db, tmp_path / "token", WAIT)
    (row,) = (await env.db.prepare("SELECT * FROM audit_log").all()).results
    assert (row["actor"], row["action"]) == ("gateway", "user.create")
    assert (tmp_path / "token").read_text().strip() not in str(row)


async def test_the_application_makes_it_where_it_is_told_to(env: Env, people: People, tmp_path: Path) -> None:
    for table in ("api_tokens", "users"):
        await env.db.prepare(f"DELETE FROM {table}").run()
    async with serving(settings_with(), env, people, first_token_file=tmp_path / "token") as world:
        token = (tmp_path / "token").read_text().strip()
        answer = await world.client.get("/api/videos", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_development_leaves_it_to_the_greeting(tmp_path: Path) -> None:
    environ = {"TWINREEL_TOKEN_FILE": str(tmp_path / "token")}
    assert configuration(environ).first_token_file == tmp_path / "token"
    assert configuration({**environ, "ENVIRONMENT": "development"}).first_token_file is None


def test_the_file_is_beside_the_database_unless_set(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/twinreel.db"}
    assert configuration(environ).first_token_file == tmp_path / "first-token"


def test_of_several_processes_that_start_at_once_one_makes_it(tmp_path: Path) -> None:
    database = tmp_path / "twinreel.db"
    asyncio.run(migrations.apply(database, MIGRATIONS))
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from edge_api.first_admin import ensure_first_admin\n"
        "from wrangler_compat.d1.sqlite import open_sqlite\n"
        "async def main():\n"
        "    async with open_sqlite(Path(sys.argv[1])) as db:\n"
        "        print('ready', flush=True); sys.stdin.readline()\n"
        "        await ensure_first_admin(db, Path(sys.argv[2]), 10)\n"
        "asyncio.run(main())\n"
    )
    argv = [sys.executable, "-c", program, str(database), str(tmp_path / "token")]
    starting = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ, text=True)
        for _ in range(6)
    ]
    for process in starting:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in starting:
        process.communicate(timeout=60)
        assert process.returncode == 0

    async def count() -> None:
        async with open_sqlite(database) as db:
            assert len(await list_users(db)) == len(await list_tokens(db)) == 1
            assert await is_good_token(db, (tmp_path / "token").read_text().strip())

    asyncio.run(count())
    assert [name for name in files_in(tmp_path) if "token" in name] == ["token"]


async def test_an_uploader_is_a_user_too(env: Env, tmp_path: Path) -> None:
    await create_user(env.db, email="a@example.org", username="a", role="uploader")
    await ensure_first_admin(env.db, tmp_path / "token", WAIT)
    assert len(await list_users(env.db)) == 1
