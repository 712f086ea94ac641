"""/api/webhooks: targets by route. That the consumers send to them is seen in tests/e2e/test_webhooks.py."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from edge_api import queries
from edge_api.env import Env
from edge_api.keys import moment_of, new_id, timestamp
from tests.edge_api.kit import People, World, serving, settings_with, with_binding
from tests.edge_api.test_openapi import check as announced
from wire.webhooks import KINDS, OVERLAP_SECONDS, key_of
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, D1Result

HOOK = "https://hooks.example.org/in?token=of-the-receiver"


async def post(world: World, **body: Any) -> httpx.Response:
    return await world.client.post("/api/webhooks", json=body, headers=world.admin.headers)


async def created(world: World, **body: Any) -> dict[str, Any]:
    answer = await post(world, **{"url": HOOK, **body})
    assert answer.status_code == 201, answer.text
    announced(answer, "/api/webhooks")
    made: dict[str, Any] = answer.json()
    return made


async def on(world: World, method: str, webhook_id: str, action: str = "") -> httpx.Response:
    return await world.client.request(method, f"/api/webhooks/{webhook_id}{action}", headers=world.admin.headers)


async def secrets(world: World) -> list[dict[str, Any]]:
    return [dict(row) for row in await world.rows("SELECT * FROM webhook_secrets ORDER BY created_at")]


async def delivery(world: World, webhook_id: str, status: str, told_at: str) -> str:
    made = new_id()
    await world.run(
        "INSERT INTO webhook_deliveries (id, target_id, notification_id, video_id, kind, body, told_at, status,"
        " attempts, next_attempt_at, give_up_at) VALUES (?1, ?2, ?3, ?4, 'video.flagged', '{}', ?5, ?6, 3, ?5, ?5)",
        made,
        webhook_id,
        new_id(),
        "0" * 32,
        told_at,
        status,
    )
    return made


async def test_its_secret_is_shown_once(world: World) -> None:
    made = await created(world, kinds=["video.rejected", "video.flagged", "video.flagged"])
    assert made["kinds"] == ["video.flagged", "video.rejected"]
    assert len(key_of(made["secret"])) == 32
    (kept,) = await secrets(world)
    assert (kept["target_id"], kept["secret"], kept["expires_at"]) == (made["id"], made["secret"], None)
    answer = await world.get("/api/webhooks", world.admin)
    announced(answer, "/api/webhooks")
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert answer.json() == {"webhooks": [shown], "total": 1, "limit": 20, "offset": 0}


@pytest.mark.parametrize("kinds", [None, []])
async def test_without_kinds_all_are_told(world: World, kinds: Any) -> None:
    assert (await created(world, kinds=kinds))["kinds"] == []
    assert (await world.rows("SELECT kinds FROM webhook_targets")) == [{"kinds": "[]"}]


async def test_lists_have_pages(world: World) -> None:
    ids = [(await created(world))["id"] for _ in range(3)]
    answer = (await world.get("/api/webhooks?limit=2&offset=1", world.admin)).json()
    assert ([each["id"] for each in answer["webhooks"]], answer["total"]) == (ids[1:], 3)
    announced(await world.get("/api/webhooks?limit=0", world.admin), "/api/webhooks")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": 5}, "url"),
        ({"url": ""}, "url"),
        ({"url": HOOK, "kinds": "video.flagged"}, "kinds"),
        ({"url": HOOK, "kinds": ["video.lost"]}, "kinds"),
        ({"url": HOOK, "kinds": [["video.flagged"]]}, "kinds"),
        ({"url": HOOK, "secret": "whsec_mine"}, "secret"),
    ],
)
async def test_bad_bodies(world: World, body: dict[str, Any], field: str) -> None:
    answer = await post(world, **body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_FIELD", field)
    announced(answer, "/api/webhooks")
    assert not await world.rows("SELECT id FROM webhook_targets")


async def internal(host: str) -> Sequence[str]:
    if host in ("nowhere.example", "elsewhere.internal"):
        raise OSError("no such name")
    return ["93.184.215.14", "10.0.0.7"]


@pytest.fixture
async def inside(env: Env, people: People) -> AsyncIterator[World]:
    """Where every name leads into a private network too."""
    settings = settings_with(webhook_allowed_hosts=("Hooks.Internal", "elsewhere.internal"))
    async with serving(settings, env, people, resolve=internal) as served:
        yield served


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://hooks.example.org/",
        "https://nowhere.example/",
        "https://user@hooks.internal/",
        "https://hooks.internal/#fragment",
        "ftp://hooks.internal/",
        "hooks.internal",
    ],
)
async def test_targets_that_are_refused(inside: World, url: str) -> None:
    answer = await post(inside, url=url)
    assert (answer.status_code, answer.json()["code"]) == (400, "URL_NOT_ALLOWED")
    assert not await inside.rows("SELECT id FROM webhook_targets")


@pytest.mark.parametrize(
    "url", ["http://hooks.internal:8000/x", "https://HOOKS.internal/", "http://elsewhere.internal"]
)
async def test_a_host_of_the_setting_may_be_private_or_known_to_the_consumers_alone(inside: World, url: str) -> None:
    assert (await created(inside, url=url))["url"] == url


async def test_a_rotation_leaves_the_secret_before_a_day(world: World) -> None:
    made = await created(world)
    answer = await on(world, "POST", made["id"], "/rotate")
    announced(answer, "/api/webhooks/{webhook_id}/rotate")
    rotated = answer.json()
    assert rotated["secret"] != made["secret"]
    before, after = await secrets(world)
    assert (before["secret"], before["expires_at"]) == (made["secret"], rotated["previous_expires_at"])
    assert (after["secret"], after["expires_at"]) == (rotated["secret"], None)
    ends = moment_of(rotated["previous_expires_at"]) - moment_of(after["created_at"])
    assert ends.total_seconds() == OVERLAP_SECONDS


class DeletedMeanwhile:
    """The database, in which somebody deletes all targets before the next transaction."""

    def __init__(self, db: D1Database) -> None:
        self.db, self.is_armed = db, False

    def prepare(self, sql: str) -> D1PreparedStatement:
        return self.db.prepare(sql)

    async def batch(self, statements: Sequence[D1PreparedStatement]) -> list[D1Result]:
        if self.is_armed:
            await self.db.exec("DELETE FROM webhook_secrets; DELETE FROM webhook_targets;")
        return await self.db.batch(statements)


async def test_a_rotation_of_what_is_deleted_meanwhile_leaves_nothing(env: Env, people: People) -> None:
    db = DeletedMeanwhile(env.db)
    async with serving(settings_with(), with_binding(env, "db", db), people) as world:
        made = await created(world)
        db.is_armed = True
        answer = await on(world, "POST", made["id"], "/rotate")
        assert (answer.status_code, answer.json()["code"]) == (404, "WEBHOOK_NOT_FOUND")
        assert not await secrets(world)
        assert not await world.rows("SELECT id FROM audit_log WHERE action = 'webhook.rotate'")


async def test_a_secret_that_is_over_is_forgotten(world: World) -> None:
    made = await created(world)
    await world.run("UPDATE webhook_secrets SET expires_at = ?1", timestamp())
    assert (await on(world, "POST", made["id"], "/rotate")).status_code == 200
    (kept,) = await secrets(world)
    assert kept["secret"] != made["secret"]


async def test_nothing_of_a_deleted_one_is_left(world: World) -> None:
    stays, goes = await created(world), await created(world)
    for each in (stays, goes):
        await delivery(world, each["id"], "pending", timestamp())
    answer = await on(world, "DELETE", goes["id"])
    announced(answer, "/api/webhooks/{webhook_id}")
    assert answer.json()["id"] == goes["id"]
    for table in ("webhook_targets", "webhook_secrets", "webhook_deliveries"):
        column = "id" if table == "webhook_targets" else "target_id"
        assert await world.rows(f"SELECT {column} AS id FROM {table}") == [{"id": stays["id"]}]
    announced(await on(world, "DELETE", goes["id"]), "/api/webhooks/{webhook_id}")


@pytest.mark.parametrize(("method", "action"), [("DELETE", ""), ("POST", "/rotate"), ("GET", "/deliveries")])
@pytest.mark.parametrize("webhook_id", ["wh_0123456789ab", "wh_x", "0" * 32])
async def test_there_is_no_such_webhook(world: World, method: str, action: str, webhook_id: str) -> None:
    answer = await on(world, method, webhook_id, action)
    assert (answer.status_code, answer.json()["code"]) == (404, "WEBHOOK_NOT_FOUND")


async def test_deliveries(world: World) -> None:
    made, other = await created(world), await created(world)
    sent = await delivery(world, made["id"], "sent", "2026-11-21T02:00:00.000000Z")
    failed = await delivery(world, made["id"], "failed", "2026-11-21T03:00:00.000000Z")
    await delivery(world, other["id"], "failed", "2026-11-21T04:00:00.000000Z")
    answer = await on(world, "GET", made["id"], "/deliveries")
    announced(answer, "/api/webhooks/{webhook_id}/deliveries")
    shown = answer.json()
    assert ([each["id"] for each in shown["deliveries"]], shown["total"]) == ([failed, sent], 2)
    assert shown["deliveries"][0].keys() == {
        "id", "notification_id", "video_id", "kind", "status", "attempts", "told_at", "next_attempt_at", "sent_at",
        "last_error",
    }  # fmt: skip
    only = (await on(world, "GET", made["id"], "/deliveries?status=sent")).json()
    assert ([each["id"] for each in only["deliveries"]], only["total"]) == ([sent], 1)
    second = (await on(world, "GET", made["id"], "/deliveries?limit=1&offset=1")).json()
    assert ([each["id"] for each in second["deliveries"]], second["total"]) == ([sent], 2)
    bad = await on(world, "GET", made["id"], "/deliveries?status=lost")
    announced(bad, "/api/webhooks/{webhook_id}/deliveries")
    assert (bad.status_code, bad.json()["field"]) == (400, "status")


@pytest.mark.parametrize("status", [None, "failed"])
async def test_deliveries_are_read_in_the_order_of_an_index(world: World, status: str | None) -> None:
    (step,) = await world.rows(f"EXPLAIN QUERY PLAN {queries.WEBHOOK_DELIVERIES}", "wh_x", status, 20, 0)
    assert "webhook_deliveries_latest (target_id=?)" in step["detail"]
    (step,) = await world.rows(f"EXPLAIN QUERY PLAN {queries.WEBHOOK_DELIVERIES_TOTAL}", "wh_x", status)
    assert "COVERING INDEX webhook_deliveries_latest" in step["detail"]


async def test_what_was_done_is_audited_and_no_secret_told(world: World) -> None:
    made = await created(world, kinds=[KINDS[0]])
    rotated = (await on(world, "POST", made["id"], "/rotate")).json()
    await on(world, "DELETE", made["id"])
    rows = await world.rows("SELECT * FROM audit_log WHERE action LIKE 'webhook.%' ORDER BY at")
    assert [row["action"] for row in rows] == ["webhook.create", "webhook.rotate", "webhook.delete"]
    assert {(row["actor"], row["subject"]) for row in rows} == {(f"user:{world.admin.id}", made["id"])}
    assert json.loads(rows[0]["detail"]) == {"host": "hooks.example.org", "kinds": [KINDS[0]]}
    for secret in (made["secret"], rotated["secret"], "of-the-receiver"):
        assert secret not in str(rows)
