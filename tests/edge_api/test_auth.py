"""Tokens: what is kept of them, and which are taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_api.accounts import AccountError, create_token, create_user, expiry_of, list_tokens, list_users, revoke_token
from edge_api.auth import hash_of, new_token
from edge_api.keys import timestamp
from tests.edge_api.kit import World


async def status(world: World, header: str | None) -> tuple[int, str | None]:
    headers = {} if header is None else {"Authorization": header}
    answer = await world.client.get("/api/videos", headers=headers)
    return answer.status_code, answer.json().get("code")


async def test_a_good_token(world: World) -> None:
    for header in (f"Bearer {world.alice.token}", f"bearer  {world.alice.token} "):
        assert await status(world, header) == (200, None)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Token x", "Bearer " + "x" * 600])
async def test_no_token(world: World, header: str | None) -> None:
    assert await status(world, header) == (401, "UNAUTHORIZED")


async def test_the_answer_names_the_scheme(world: World) -> None:
    assert (await world.client.get("/api/videos")).headers["www-authenticate"] == "Bearer"


async def test_wrong_tokens(world: World) -> None:
    token = world.alice.token
    for wrong in (new_token(), token[:-1], token + "x", token.swapcase(), hash_of(token)):
        assert await status(world, f"Bearer {wrong}") == (401, "INVALID_TOKEN")


async def test_an_expired_token(world: World) -> None:
    await world.run("UPDATE api_tokens SET expires_at = ?1", timestamp(datetime.now(UTC) + timedelta(hours=1)))
    assert (await status(world, f"Bearer {world.alice.token}"))[0] == 200
    await world.run("UPDATE api_tokens SET expires_at = ?1", timestamp(datetime.now(UTC) - timedelta(seconds=1)))
    assert await status(world, f"Bearer {world.alice.token}") == (401, "INVALID_TOKEN")


async def test_a_revoked_token(world: World) -> None:
    db = world.env.db
    extra = await create_token(db, user="alice", name="laptop", expires="30d")
    assert (await status(world, f"Bearer {extra.token}"))[0] == 200
    await revoke_token(db, extra.id)
    assert await status(world, f"Bearer {extra.token}") == (401, "INVALID_TOKEN")
    assert (await status(world, f"Bearer {world.alice.token}"))[0] == 200
    with pytest.raises(AccountError):
        await revoke_token(db, extra.id)


async def test_the_plain_token_is_nowhere_in_the_database(world: World) -> None:
    for table in ("api_tokens", "users", "audit_log"):
        assert world.alice.token not in str(await world.rows(f"SELECT * FROM {table}"))
    assert hash_of(world.alice.token) in str(await world.rows("SELECT token_hash FROM api_tokens"))


async def test_tokens_are_found_by_id_mail_or_name(world: World) -> None:
    for user in (world.alice.id, "alice@example.org", "alice"):
        issued = await create_token(world.env.db, user=user, name=None, expires=None)
        assert (await status(world, f"Bearer {issued.token}"))[0] == 200
    with pytest.raises(AccountError, match="users list"):
        await create_token(world.env.db, user="nobody", name=None, expires=None)


async def test_lists_show_no_secrets(world: World) -> None:
    users, tokens = await list_users(world.env.db), await list_tokens(world.env.db)
    assert [user["username"] for user in users] == ["alice", "bob", "moderator", "admin"]
    assert len(tokens) == 4
    assert all("hash" not in name for name in tokens[0])


@pytest.mark.parametrize(
    ("email", "username"),
    [("alice@example.org", "other"), ("other@example.org", "alice"), ("no mail", "x"), ("a@b", ""), ("a@b", "a b")],
)
async def test_users_that_cannot_be(world: World, email: str, username: str) -> None:
    with pytest.raises(AccountError):
        await create_user(world.env.db, email=email, username=username, role="uploader")
    assert len(await list_users(world.env.db)) == 4


def test_expiry() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert expiry_of("30d", now) == timestamp(now + timedelta(days=30))
    assert expiry_of("12h", now) == timestamp(now + timedelta(hours=12))
    assert expiry_of("2027-01-01", now) == "2027-01-01T00:00:00.000000Z"
    assert expiry_of("2027-01-01T02:00:00+02:00", now) == "2027-01-01T00:00:00.000000Z"
    for wrong in ("", "soon", "30", "-1d", "2020-01-01"):
        with pytest.raises(AccountError):
            expiry_of(wrong, now)


def test_tokens_are_long_and_random() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 for token in tokens)
