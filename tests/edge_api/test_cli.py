"""`python -m edge_api`: users, tokens, the greeting."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_api.auth import TOKEN_PREFIX
from edge_api.cli import main
from tests.edge_api.kit import MIGRATIONS
from wrangler_compat.d1 import migrations

TOKEN = re.compile(TOKEN_PREFIX + r"[\w-]{43}")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "twinreel.db"
    asyncio.run(migrations.apply(path, MIGRATIONS))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.delenv("TWINREEL_TOKEN_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return path


class Told:
    """What a command printed and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        self.code = main(arguments)
        self.out, self.err = capsys.readouterr()


ALICE = ("users", "create", "--email", "alice@example.org", "--username", "alice")


def test_users(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Told(capsys, *ALICE, "--role", "moderator")
    assert made.code == 0
    assert re.fullmatch(r"[0-9a-f]{32}\n", made.out)
    listed = Told(capsys, "users", "list")
    assert re.search(r"alice +alice@example\.org +moderator", listed.out)
    again = Told(capsys, *ALICE)
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith("error: There is already a user")


def test_tokens(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Told(capsys, *ALICE)
    made = Told(capsys, "tokens", "create", "--user", "alice", "--name", "laptop", "--expires", "30d")
    assert TOKEN.fullmatch(made.out.strip()), "stdout holds the token alone, for scripts"
    listed = Told(capsys, "tokens", "list")
    assert "laptop" in listed.out
    assert made.out.strip() not in listed.out
    token_id = listed.out.splitlines()[1].split()[0]
    assert token_id in made.err
    assert Told(capsys, "tokens", "revoke", token_id).code == 0
    assert Told(capsys, "tokens", "revoke", token_id).code == 1
    assert Told(capsys, "tokens", "create", "--user", "nobody").code == 1
    assert Told(capsys, "tokens", "create", "--user", "alice", "--expires", "soon").code == 1


def test_scopes(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Told(capsys, *ALICE)
    scopes = ("--scope", "fingerprint:read", "--scope", "fingerprint:delete,fingerprint:read")
    assert TOKEN.fullmatch(Told(capsys, "tokens", "create", "--user", "alice", *scopes).out.strip())
    assert "  fingerprint:read fingerprint:delete  " in Told(capsys, "tokens", "list").out
    beyond = Told(capsys, "tokens", "create", "--user", "alice", "--scope", "review")
    assert (beyond.code, beyond.out) == (1, "")
    assert "review is not for the role uploader, which has fingerprint:read" in beyond.err
    unknown = Told(capsys, "tokens", "create", "--user", "alice", "--scope", "all")
    assert "There is no scope all" in unknown.err


def test_users_are_changed(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Told(capsys, *ALICE)
    assert Told(capsys, "users", "update", "alice", "--role", "moderator", "--quota-videos", "0").code == 0
    assert re.search(r"alice@example\.org +moderator +0 +- ", Told(capsys, "users", "list").out)
    assert Told(capsys, "users", "update", "alice", "--quota-videos", "-1", "--quota-bytes", "5").code == 0
    assert re.search(r"alice@example\.org +moderator +- +5 ", Told(capsys, "users", "list").out)
    assert "There is no user" in Told(capsys, "users", "update", "bob", "--role", "admin").err
    for wrong in ("-2", "many", "1.5"):
        with pytest.raises(SystemExit):
            Told(capsys, "users", "update", "alice", f"--quota-bytes={wrong}")
        assert "is no quota: a whole number" in capsys.readouterr().err


def test_the_audit_log_tells_who_changed_what(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user_id = Told(capsys, *ALICE).out.strip()
    token = Told(capsys, "tokens", "create", "--user", "alice", "--name", "laptop").out.strip()
    token_id = Told(capsys, "tokens", "list").out.splitlines()[1].split()[0]
    Told(capsys, "tokens", "revoke", token_id)
    Told(capsys, "users", "update", "alice", "--role", "moderator")
    told = Told(capsys, "audit", "--json")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("user.create", user_id),
        ("token.create", token_id),
        ("token.revoke", token_id),
        ("user.update", user_id),
    ]
    assert {row["actor"] for row in rows} == {f"cli:{pwd.getpwuid(os.getuid()).pw_name}"}
    assert rows[-1]["detail"] == {"was": {"role": "uploader"}, "is": {"role": "moderator"}}
    assert token not in told.out
    assert len(Told(capsys, "audit", "--subject", token_id, "--json").out.splitlines()) == 2
    assert len(Told(capsys, "audit", "--action", "user.create", "--json").out.splitlines()) == 1
    assert len(Told(capsys, "audit", "--actor", "nobody", "--json").out.splitlines()) == 0
    assert json.loads(Told(capsys, "audit", "--limit", "1", "--json").out)["action"] == "user.update"
    for wrong in ("0", "-1", "all"):
        with pytest.raises(SystemExit):
            Told(capsys, "audit", f"--limit={wrong}")
        assert "no whole number of 1 or more" in capsys.readouterr().err
    assert re.match(r"at +actor +action +subject +detail\n", Told(capsys, "audit").out)


def test_greet_remembers_its_token(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "state" / "token"
    first = Told(capsys, "greet", "--url", "http://127.0.0.1:9999/", "--token-file", str(file))
    assert first.code == 0
    (token,) = set(TOKEN.findall(first.out))
    assert "http://127.0.0.1:9999/api/upload" in first.out
    assert file.read_text().strip() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = Told(capsys, "greet", "--url", "http://127.0.0.1:9999", "--token-file", str(file))
    assert second.out == first.out
    assert Told(capsys, "users", "list").out.count("admin@localhost") == 1
    assert token.encode() not in database.read_bytes()


@pytest.mark.parametrize("damage", ["", "nonsense", "\xff"])
def test_greet_makes_another_when_the_file_is_damaged(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    file = tmp_path / "token"
    first = Told(capsys, "greet", "--token-file", str(file))
    file.write_text(damage, encoding="latin-1")
    second = Told(capsys, "greet", "--token-file", str(file))
    assert TOKEN.findall(second.out)[0] not in first.out
    assert Told(capsys, "users", "list").out.count("admin@localhost") == 1


def test_greet_makes_another_when_the_token_was_revoked(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Told(capsys, "greet")
    token_id = Told(capsys, "tokens", "list").out.splitlines()[1].split()[0]
    Told(capsys, "tokens", "revoke", token_id)
    assert TOKEN.findall(Told(capsys, "greet").out)[0] not in first.out


def test_greet_uses_an_admin_that_is_there(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Told(capsys, "users", "create", "--email", "root@example.org", "--username", "root", "--role", "admin")
    Told(capsys, "greet")
    assert "admin@localhost" not in Told(capsys, "users", "list").out


def test_without_a_database(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    told = Told(capsys, "users", "list")
    assert told.code == 1
    assert "DATABASE_URL" in told.err


def test_before_the_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    assert Told(capsys, "users", "list").code == 1


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["serve"],
        ["users"],
        ["users", "create"],
        ["users", "list"],
        ["tokens"],
        ["tokens", "create"],
        ["tokens", "list"],
        ["tokens", "revoke"],
        ["users", "update"],
        ["audit"],
        ["greet"],
    ],
)
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_a_module_to_run() -> None:
    done = subprocess.run([sys.executable, "-m", "edge_api", "--help"], capture_output=True, text=True, check=True)
    assert "MAX_FILE_SIZE" in done.stdout


def test_a_port_that_its_owner_does_not_share(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as owner:
        serve = Told(capsys, "serve", "--share-port", "--port", str(owner.getsockname()[1]))
    assert serve.code == 1
    assert re.search(r"error: Port \d+ of 127\.0\.0\.1 cannot be shared .*--share-port", serve.err)
