"""Migration 0002 under the feet of the version before it: what that one wrote works, and what it says still runs."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_api.accounts import list_tokens, list_users
from edge_api.auth import hash_of, new_token
from edge_api.scopes import SCOPES_OF_ROLE
from tests.edge_api.kit import MIGRATIONS
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_memory

# The statements of the version before, as it sends them.
INSERT_USER = "INSERT INTO users (id, email, username, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"
INSERT_TOKEN = """
INSERT INTO api_tokens (id, user_id, token_hash, name, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
"""
USER_OF_TOKEN = """
SELECT users.id AS id, users.username AS username, users.role AS role,
       api_tokens.token_hash AS token_hash, api_tokens.expires_at AS expires_at, api_tokens.revoked_at AS revoked_at
FROM api_tokens JOIN users ON users.id = api_tokens.user_id
WHERE api_tokens.token_hash = ?1
"""
INSERT_AUDIT = "INSERT INTO audit_log (id, actor, action, subject, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
AT = "2026-11-01T00:00:00.000000Z"


async def add(db: SqliteDatabase, name: str) -> str:
    """A user and their token, as the version before makes them; the token."""
    token = new_token()
    await db.prepare(INSERT_USER).bind(name, f"{name}@example.org", name, "moderator", AT).run()
    await db.prepare(INSERT_TOKEN).bind(f"token-of-{name}", name, hash_of(token), None, AT, None).run()
    await db.prepare(INSERT_AUDIT).bind(f"audit-of-{name}", "user:x", "video.delete", "v", "{}", AT).run()
    return token


@pytest.fixture
async def upgraded(tmp_path: Path) -> AsyncIterator[tuple[SqliteDatabase, list[str]]]:
    shutil.copy(MIGRATIONS / "0001_initial.sql", tmp_path)
    async with open_memory() as db:
        await migrations.apply(db, tmp_path)
        before = await add(db, "before")
        shutil.copy(MIGRATIONS / "0002_access.sql", tmp_path)
        assert await migrations.apply(db, tmp_path) == ["0002_access.sql"]
        yield db, [before, await add(db, "after")]


async def test_the_version_before_runs_on(upgraded: tuple[SqliteDatabase, list[str]]) -> None:
    db, tokens = upgraded
    for token in tokens:
        row = await db.prepare(USER_OF_TOKEN).bind(hash_of(token)).first()
        assert row is not None
        assert (row["role"], row["revoked_at"]) == ("moderator", None)


async def test_its_tokens_may_do_what_they_could(upgraded: tuple[SqliteDatabase, list[str]]) -> None:
    db, _ = upgraded
    assert [set(row["scopes"].split()) for row in await list_tokens(db)] == [SCOPES_OF_ROLE["moderator"]] * 2
    assert [(row["quota_videos"], row["quota_bytes"]) for row in await list_users(db)] == [(None, None)] * 2
