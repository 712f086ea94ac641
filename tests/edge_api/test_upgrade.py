"""Migrations under the feet of the version before them: what that one wrote works, and what it says still runs."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_api import queries
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
INSERT_UPLOAD = """
INSERT INTO videos (id, r2_key, user_id, uploaded_at, file_size, mime_type, priority, content_sha256, request_id,
                    status, duplicate_of, similarity_score, confidence, reason, duration, duration_seconds,
                    processed_at, verdict_id)
VALUES (?1, ?1, ?2, ?3, 1000, 'video/mp4', 'normal', ?1, NULL,
        'processing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
FIND_UPLOAD = """
SELECT videos.id FROM videos
WHERE videos.user_id = ?1 AND ((videos.id >= ?2 AND videos.id < ?2 || 'g' AND substr(videos.id, 1, length(?2)) = ?2)
 OR REPLACE(LOWER(videos.source_url), ?2, '') <> LOWER(videos.source_url))
ORDER BY videos.uploaded_at DESC, videos.id DESC LIMIT 20 OFFSET 0
"""
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


@asynccontextmanager
async def version_before(number: str, folder: Path) -> AsyncIterator[SqliteDatabase]:
    """A database with the migrations before that number, which lie in the folder, and with Alice in it."""
    for script in MIGRATIONS.glob("*.sql"):
        if script.name < number:
            shutil.copy(script, folder)
    async with open_memory() as db:
        await migrations.apply(db, folder)
        await add(db, "alice")
        yield db


async def upgrade(db: SqliteDatabase, script: str, folder: Path) -> None:
    shutil.copy(MIGRATIONS / script, folder)
    assert await migrations.apply(db, folder) == [script]


async def test_the_version_before_names(tmp_path: Path) -> None:
    """0012: uploads go on while it is applied, and videos without a name are found as before."""
    ids = ["a" * 32, "b" * 32]
    async with version_before("0012", tmp_path) as db:
        await db.prepare(INSERT_UPLOAD).bind(ids[0], "alice", AT).run()
        await upgrade(db, "0012_filenames.sql", tmp_path)
        await db.prepare(INSERT_UPLOAD).bind(ids[1], "alice", AT).run()
        await migrations.apply(db, MIGRATIONS)
        page, total = queries.list_videos(of_user=True, of_status=False, of_text=True)
        for video_id in ids:
            assert (
                await db.prepare("SELECT filename FROM videos WHERE id = ?1").bind(video_id).first("filename") is None
            )
            found = [
                (await db.prepare(sql).bind("alice", video_id[:8], *rest).all()).results
                for sql, rest in ((FIND_UPLOAD, ()), (page, (20, 0)))
            ]
            assert [[each["id"] for each in rows] for rows in found] == [[video_id]] * 2
            assert await db.prepare(total).bind("alice", video_id[:8]).first("total") == 1


DECIDED = "UPDATE videos SET status = ?2, matches = ?3, processed_at = ?4 WHERE id = ?1"


async def test_the_version_before_matrices(tmp_path: Path) -> None:
    """0013: verdicts go on while it is applied, and leave the new column as it is."""
    ids = ["a" * 32, "b" * 32]
    async with version_before("0013", tmp_path) as db:
        for video_id in ids:
            await db.prepare(INSERT_UPLOAD).bind(video_id, "alice", AT).run()
        await db.prepare(DECIDED).bind(ids[0], "duplicate", "[]", AT).run()
        await upgrade(db, "0013_matrices.sql", tmp_path)
        await db.prepare(DECIDED).bind(ids[1], "duplicate", "[]", AT).run()
        rows = (await db.prepare("SELECT id, status, matrices FROM videos ORDER BY id").all()).results
        left = [(row["id"], row["status"], row["matrices"]) for row in rows]
        assert left == [(video_id, "duplicate", None) for video_id in ids]


async def test_the_version_before_renditions(tmp_path: Path) -> None:
    """0014: uploads go on while it is applied, and what has a rendition is deleted by statements that know of none."""
    ids = ["a" * 32, "b" * 32]
    async with version_before("0014", tmp_path) as db:
        await db.prepare(INSERT_UPLOAD).bind(ids[0], "alice", AT).run()
        await upgrade(db, "0014_renditions.sql", tmp_path)
        await db.prepare(INSERT_UPLOAD).bind(ids[1], "alice", AT).run()
        for video_id in ids:
            row = await db.prepare(queries.VIDEO).bind(video_id, None).first()
            assert row is not None
            assert (row["plays"], row["rendition_status"]) == (None, None)
        await (
            db.prepare("INSERT INTO renditions (video_id, r2_key, status, created_at) VALUES (?1, ?1, 'completed', ?2)")
            .bind(ids[0], AT)
            .run()
        )
        await db.prepare("DELETE FROM videos WHERE id = ?1").bind(ids[0]).run()
        assert await db.prepare("SELECT COUNT(*) AS n FROM renditions").first("n") == 1
