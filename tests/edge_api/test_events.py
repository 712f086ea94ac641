"""GET /api/videos/{id}/events: what a watcher is told, and when the stream ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edge_api.env import Env
from tests.edge_api.kit import People, World, mp4, serving, settings_with, with_binding
from wrangler_compat.errors import D1Error

Told = list[tuple[str, dict[str, Any]]]


def parse(text: str) -> Told:
    """The events of a stream, comments left out."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "event" in lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


async def watch(world: World, video_id: str) -> Told:
    answer = await world.get(f"/api/videos/{video_id}/events")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    return parse(answer.text)


async def test_from_queued_to_verdict(world: World) -> None:
    video_id = await world.uploaded(mp4())
    watching = asyncio.create_task(watch(world, video_id))
    await asyncio.sleep(0.1)
    for progress, stage in ((0.1, "fingerprint"), (0.6, "evidence")):
        await world.run("UPDATE processing_jobs SET status = 'processing', progress = ?1, stage = ?2", progress, stage)
        await asyncio.sleep(0.1)
    await world.decide(video_id, "approved", duration=3)
    events = await watching
    assert [name for name, _ in events] == ["queued", "progress", "progress", "verdict"]
    assert events[1][1] == {"video_id": video_id, "progress": 0.1, "stage": "fingerprint"}
    assert events[2][1]["progress"] == 0.6
    told, shown = events[3][1], await world.video(video_id)
    links = {"r2_url": None, "playback_url": None}
    assert told | links == shown | links, "the verdict is what GET answers"


async def test_a_decided_video_tells_its_verdict_at_once(world: World) -> None:
    data = mp4()
    await world.uploaded(data)
    ((name, told),) = await watch(world, await world.uploaded(data))
    assert (name, told["status"]) == ("verdict", "duplicate")


async def test_a_failed_job_ends_the_stream(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run("UPDATE processing_jobs SET status = 'failed', attempt_count = 4, error_message = 'gave up'")
    assert await watch(world, video_id) == [("failed", {"video_id": video_id, "last_error": "gave up", "attempts": 4})]


async def test_a_deleted_video_ends_the_stream(world: World) -> None:
    video_id = await world.uploaded(mp4())
    watching = asyncio.create_task(watch(world, video_id))
    await asyncio.sleep(0.1)
    await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
    assert [name for name, _ in await watching] == ["queued", "deleted"]


async def test_a_retry_is_told(world: World) -> None:
    video_id = await world.uploaded(mp4())
    watching = asyncio.create_task(watch(world, video_id))
    await asyncio.sleep(0.1)
    await world.run("UPDATE processing_jobs SET attempt_count = 1, error_message = 'busy'")
    await asyncio.sleep(0.1)
    await world.decide(video_id, "rejected", reason="undecodable")
    events = await watching
    assert [(name, told.get("attempts")) for name, told in events] == [("queued", 0), ("queued", 1), ("verdict", None)]


async def test_heartbeats_and_the_longest_life(env: Env, people: People) -> None:
    settings = settings_with(event_heartbeat_seconds=0.05, event_stream_seconds=0.5)
    async with serving(settings, env, people) as world:
        video_id = await world.uploaded(mp4())
        answer = await world.get(f"/api/videos/{video_id}/events")
        assert [name for name, _ in parse(answer.text)] == ["queued"]
        assert answer.text.count(": still here\n\n") >= 3
        assert answer.text.startswith("retry: ")


async def test_streams_are_bounded_and_given_back(env: Env, people: People) -> None:
    async with serving(settings_with(event_streams=2), env, people) as world:
        video_id = await world.uploaded(mp4())
        watching = [asyncio.create_task(watch(world, video_id)) for _ in range(2)]
        await asyncio.sleep(0.1)
        refused = await world.get(f"/api/videos/{video_id}/events")
        assert (refused.status_code, refused.json()["code"]) == (503, "TOO_BUSY")
        assert "retry-after" in refused.headers
        assert "twinreel_event_streams 2.0" in (await world.client.get("/metrics")).text
        await world.decide(video_id, "approved")
        await asyncio.gather(*watching)
        assert len(await watch(world, video_id)) == 1
        assert "twinreel_event_streams 0.0" in (await world.client.get("/metrics")).text


@pytest.mark.parametrize("failures", [1, 5])
async def test_a_database_that_stumbles_does_not_end_the_stream(env: Env, people: People, failures: int) -> None:
    class Stumbling:
        def __init__(self) -> None:
            self.left = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(env.db, name)

        def prepare(self, sql: str) -> Any:
            if self.left and "jobs.stage" in sql:
                self.left -= 1
                raise D1Error("busy", code="BUSY", retryable=True)
            return env.db.prepare(sql)

    stumbling = Stumbling()
    async with serving(settings_with(), with_binding(env, "db", stumbling), people) as world:
        video_id = await world.uploaded(mp4())
        watching = asyncio.create_task(watch(world, video_id))
        await asyncio.sleep(0.1)
        stumbling.left = failures
        await asyncio.sleep(0.2)
        assert stumbling.left == 0
        await world.decide(video_id, "approved")
        assert [name for name, _ in await watching] == ["queued", "verdict"]
