"""How often a page asks the database: as often for many videos as for few, and nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge_api.env import Env
from edge_api.keys import new_id, timestamp
from tests.edge_api.console.visits import visit_by
from tests.edge_api.kit import People, World, serving, settings_with, with_binding
from tests.edge_api.stats.test_stats import add
from wrangler_compat.d1.types import D1Database, D1PreparedStatement

LAYOUT = '{"pictures": 10, "width": 160, "height": 90}'


class Noted:
    """A database that notes what it is asked."""

    def __init__(self, db: D1Database) -> None:
        self.db = db
        self.asked: list[str] = []

    def prepare(self, sql: str) -> D1PreparedStatement:
        self.asked.append(sql)
        return self.db.prepare(sql)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


@pytest.fixture
async def noted(env: Env, people: People) -> AsyncIterator[tuple[World, Noted]]:
    db = Noted(env.db)
    async with serving(settings_with(), with_binding(env, "db", db), people) as world:
        yield world, db


async def fill(world: World, count: int) -> None:
    """Of each kind so many."""
    kept: dict[str, Any] = {"thumbnail_key": "videos/t.jpg", "preview_key": "videos/p.jpg", "preview_layout": LAYOUT}
    await add(world, world.alice, count, **kept)
    await add(world, world.bob, count, status="flagged", reason="mirrored", **kept)
    await add(world, world.alice, count, status="processing", job={"error_message": "It broke"})
    await add(world, world.alice, count, status="processing", job={"status": "failed"})
    for _ in range(count):
        webhook = "INSERT INTO webhook_targets (id, url, kinds, created_at) VALUES (?1, 'https://x.test', '[]', ?2)"
        await world.run(webhook, f"wh_{new_id()[:12]}", timestamp())


@pytest.mark.parametrize("path", ["/videos", "/videos?q=a", "/review", "/dashboard", "/dashboard/live", "/webhooks"])
async def test_a_page_asks_as_often_for_many_videos_as_for_few(noted: tuple[World, Noted], path: str) -> None:
    world, db = noted
    visit = await visit_by(world, world.admin)
    asked = []
    for count in (1, 15):
        await fill(world, count)
        db.asked.clear()
        assert (await visit.get(path)).status_code == 200
        asked.append(list(db.asked))
    assert asked[0] == asked[1]
    assert len(set(asked[0])) == len(asked[0]), "something is asked twice"
