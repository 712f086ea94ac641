"""GET /api/stats and /api/stats/costs, over rows as uploads and consumers leave them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_api.env import Env
from edge_api.keys import new_id, timestamp, video_key
from edge_api.metrics import Metrics
from edge_api.stats import queries
from edge_api.stats.costs import GB
from edge_api.stats.operations import Operations
from edge_api.stats.storage import Watch
from tests.edge_api.kit import People, Person, World, mp4, serving, settings_with, with_binding
from tests.edge_api.test_openapi import check
from tests.edge_api.test_upload import Unreachable
from wrangler_compat.r2.counted import CountedBucket


async def add(world: World, owner: Person, count: int, *, every: timedelta = timedelta(minutes=1), **row: Any) -> None:
    """Videos, the newest now, processed for 2, 3, 4 ... seconds; their jobs too. job: columns of the jobs."""
    now, db = datetime.now(UTC), world.env.db
    row = {"status": "approved", "file_size": 1000, **row}
    job = {"status": "completed" if row["status"] != "processing" else "pending", **row.pop("job", {})}
    statements = []
    for number in range(count):
        video_id, at = new_id(), now - number * every
        begun, ended = timestamp(at + timedelta(seconds=1)), timestamp(at + timedelta(seconds=3 + number % 100))
        done = row["status"] != "processing"
        video = {"id": video_id, "r2_key": video_key(video_id, timestamp(at), "mp4"), "user_id": owner.id, **row}
        video |= {"uploaded_at": timestamp(at), "processed_at": ended if done else None}
        times = {"created_at": timestamp(at), "started_at": begun, "completed_at": ended if done else None}
        for table, values in (("videos", video), ("processing_jobs", times | job)):
            values = values if table == "videos" else {"id": new_id(), "video_id": video_id, **values}
            marks = ", ".join(f"?{place}" for place in range(1, len(values) + 1))
            sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
            statements.append(db.prepare(sql).bind(*values.values()))
    for first in range(0, len(statements), 1000):
        await db.batch(statements[first : first + 1000])


async def stats(world: World, path: str = "/api/stats") -> dict[str, Any]:
    answer = await world.get(path, world.admin)
    assert answer.status_code == 200, answer.text
    check(answer, path)
    body: dict[str, Any] = answer.json()
    return body


async def test_of_nothing(world: World) -> None:
    found = await stats(world)
    assert found["uploads"]["today"] == 0
    assert len(found["uploads"]["days"]) == 14
    assert found["queue"] == {"pending": 0, "processing": 0, "failed": 0, "oldest_at": None, "oldest_seconds": None}
    assert set(found["statuses"].values()) == {0}
    assert found["processing_seconds"] == {"p50": None, "p95": None, "p99": None, "count": 0}
    assert (found["verdicts"], found["troubles"]) == ([], [])
    assert [each["queue"] for each in found["messages"]] == ["video-high", "video-normal", "video-low"]


async def test_uploads_by_day(world: World) -> None:
    await add(world, world.alice, 2)
    await add(world, world.bob, 20, every=timedelta(days=1))
    found = (await stats(world))["uploads"]
    counts = [day["videos"] for day in found["days"]]
    # Around midnight, of two videos a minute apart, one may be yesterday's.
    assert (sum(counts), min(counts)) == (16, 1)
    assert found["today"] == counts[-1] in (2, 3)
    assert found["today_bytes"] == counts[-1] * 1000
    assert found["days"][-1]["day"] == f"{datetime.now(UTC):%Y-%m-%d}"


async def test_the_queue(world: World) -> None:
    await add(world, world.alice, 5, status="processing")
    await world.run("UPDATE processing_jobs SET status = 'processing' WHERE id = (SELECT MIN(id) FROM processing_jobs)")
    await world.run("UPDATE processing_jobs SET status = 'failed' WHERE id = (SELECT MAX(id) FROM processing_jobs)")
    (oldest,) = await world.rows("SELECT MIN(created_at) AS at FROM processing_jobs WHERE status = 'pending'")
    await world.uploaded(mp4())
    found = await stats(world)
    assert {**found["queue"], "oldest_seconds": None} == {
        "pending": 4,
        "processing": 1,
        "failed": 1,
        "oldest_at": oldest["at"],
        "oldest_seconds": None,
    }
    assert 59 < found["queue"]["oldest_seconds"] < 300
    assert found["messages"][1] == {"queue": "video-normal", "ready": 1, "delayed": 0, "dead": 0}
    assert found["statuses"]["processing"] == 6


async def test_verdicts_by_status_and_reason(world: World) -> None:
    await add(world, world.alice, 3)
    await add(world, world.alice, 2, status="flagged", reason="mirrored")
    await add(world, world.alice, 1, status="flagged", reason="partial_match")
    await add(world, world.alice, 4, status="duplicate")
    await add(world, world.alice, 1, status="processing")
    found = await stats(world)
    assert found["verdicts"] == [
        {"status": "duplicate", "reason": None, "videos": 4},
        {"status": "approved", "reason": None, "videos": 3},
        {"status": "flagged", "reason": "mirrored", "videos": 2},
        {"status": "flagged", "reason": "partial_match", "videos": 1},
    ]
    assert found["statuses"] == {"processing": 1, "approved": 3, "duplicate": 4, "rejected": 0, "flagged": 3}


async def test_times(world: World) -> None:
    await add(world, world.alice, 100)
    await add(world, world.alice, 50, every=timedelta(days=20), job={"started_at": None})
    found = await stats(world)
    assert found["processing_seconds"] == {"p50": 51, "p95": 96, "p99": 100, "count": 100}
    assert found["verdict_seconds"] == {"p50": 52, "p95": 97, "p99": 101, "count": 101}


async def test_what_is_tried_again(world: World) -> None:
    await add(world, world.alice, 12, status="processing", job={"error_message": "It broke", "attempt_count": 2})
    await add(world, world.alice, 1, status="processing", job={"error_message": "Over", "status": "failed"})
    await add(world, world.alice, 1, job={"error_message": "Once"})
    await world.run("UPDATE videos SET filename = 'holiday.mp4' WHERE status = 'processing'")
    found = (await stats(world))["troubles"]
    assert {each["filename"] for each in found} == {"holiday.mp4"}
    assert [(each["error"], each["attempts"]) for each in found] == [("It broke", 2)] * 10
    assert [each["tried_at"] for each in found] == sorted((each["tried_at"] for each in found), reverse=True)


async def test_queues_that_do_not_answer_are_left_out(env: Env, people: People) -> None:
    async with serving(settings_with(), with_binding(env, "video_queue_low", Unreachable()), people) as world:
        assert [each["queue"] for each in (await stats(world))["messages"]] == ["video-high", "video-normal"]


async def test_costs(env: Env, people: People) -> None:
    settings = settings_with(budget_per_month=3.0, price_currency="EUR")
    async with serving(settings, env, people) as world:
        assert (await stats(world, "/api/stats/costs"))["per_month"] == 0
        await add(world, world.alice, 100, file_size=GB)
        await add(world, world.alice, 14, file_size=GB, status="duplicate")
        await add(world, world.alice, 5, file_size=GB, object_deleted_at=timestamp(), status="rejected")
        await env.video_bucket.put("processed/x/720p.mp4", bytes(700))
        await env.video_bucket.put("videos/2026/11/21/x_thumb.jpg", bytes(30))
        watch = Watch(env, settings, Metrics(), Operations(Metrics()))
        await watch.once()
        today = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
        for name, calls in (("PutObject", 400_000), ("GetObject", 1000), ("DeleteObject", 9)):
            await world.run(queries.ADD_CALLS, today, name, calls)
        await world.client.post(
            "/api/tus",
            headers={**world.alice.headers, "Tus-Resumable": "1.0.0", "Upload-Length": "5000"},
        )
        await world.run("UPDATE tus_uploads SET upload_offset = 4000")
        found = await stats(world, "/api/stats/costs")
    kept = {each["kind"]: (each["bytes"], each["objects"]) for each in found["storage"]}
    assert (kept["videos"], kept["renditions"], kept["previews"]) == ((114 * GB, None), (700, 1), (30, 1))
    assert (kept["open_uploads"], kept["fingerprints"]) == ((4000, 1), (0, 0))
    assert kept["database"][0] > 100_000
    assert found["measured_at"] is not None
    assert {each["operation"]: each["per_month"] for each in found["operations"]} == {
        "DeleteObject": 27,
        "GetObject": 3000,
        "PutObject": 1_200_000,
    }
    assert found["operations_since"] == today
    storage, class_a, class_b = [each["amount"] for each in found["costs"]]
    assert storage == pytest.approx(104 * 0.015, abs=1e-4)
    assert (class_a, class_b) == (pytest.approx(0.9), 0)
    assert found["per_month"] == pytest.approx(2.46, abs=1e-4)
    assert found["alerts"] == ["Near the budget: 2.46 EUR a month, of a budget of 3.00 EUR."]
    assert found["advice"] == [{"text": "Delete duplicates: 14 GB", "bytes": 14 * GB, "saves": pytest.approx(0.21)}]


async def test_the_gateway_counts_what_it_calls(env: Env, people: People) -> None:
    async with serving(settings_with(), env, people) as world:
        await world.uploaded(mp4())
        assert 'r2_operations_total{operation="PutObject"} 1.0' in (await world.client.get("/metrics")).text
    # It writes them when it ends.
    rows = (await env.db.prepare("SELECT operation FROM operation_counts").all()).results
    assert "PutObject" in {row["operation"] for row in rows}
    assert not isinstance(env.video_bucket, CountedBucket)


READS = {
    queries.VIDEOS_BY_VERDICT: (),
    queries.UPLOADS_BY_DAY: ("2026-11-08",),
    queries.JOBS_WAITING: (),
    queries.LAST_RUNS: ("2026-11-08", 1000),
    queries.LAST_VERDICTS: ("2026-11-08", 1000),
}


@pytest.mark.parametrize(("sql", "values"), READS.items())
async def test_it_is_read_from_indexes_alone(world: World, sql: str, values: tuple[str | int, ...]) -> None:
    plan = [row["detail"] for row in await world.rows(f"EXPLAIN QUERY PLAN {sql}", *values)]
    assert all("COVERING INDEX" in step or step.startswith("USE TEMP B-TREE FOR GROUP BY") for step in plan), plan


async def test_what_is_tried_again_is_found_by_its_index(world: World) -> None:
    jobs, videos = await world.rows(f"EXPLAIN QUERY PLAN {queries.TROUBLES}", 10)
    assert "processing_jobs_troubled" in jobs["detail"]
    assert videos["detail"].startswith("SEARCH videos")
