"""What lies in the bucket, by kind: one gateway looks, now and then; operations are counted for all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from edge_api.env import Env
from edge_api.keys import fingerprint_key, new_id, processed_key, thumbnail_key, timestamp, video_key
from edge_api.metrics import Metrics
from edge_api.stats import queries
from edge_api.stats.operations import KEPT_DAYS, Operations
from edge_api.stats.storage import LISTED, Stored, Watch, kind_of, measure, read
from tests.edge_api.kit import settings_with, with_binding
from tests.edge_api.test_upload import Unreachable
from wrangler_compat.errors import BindingError
from wrangler_compat.testing import MemoryR2Bucket

ID = "0f" * 16
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOURS = 21600.0


def names() -> dict[str, str]:
    at = timestamp(NOW)
    key = video_key(ID, at, "mp4")
    return {
        key: "videos",
        thumbnail_key(ID, key): "previews",
        key.replace(".mp4", "_preview.webm"): "previews",
        processed_key(ID): "renditions",
        f"processed/{ID}/preview.mp4": "previews",
        fingerprint_key(ID, key): "fingerprints",
        f"uploads/{ID}/tail": "open_uploads",
        "lost": "other",
        "elsewhere/a.mp4": "other",
    }


@pytest.mark.parametrize(("key", "kind"), names().items())
def test_kinds(key: str, kind: str) -> None:
    assert kind_of(key) == kind


async def test_a_bucket_of_several_pages() -> None:
    bucket = MemoryR2Bucket()
    for number, key in enumerate(names(), 1):
        await bucket.put(key, bytes(number))
    for _ in range(1100):
        await bucket.put(video_key(new_id(), timestamp(NOW), "webm"), b"ab")
    found = await measure(bucket, 5)
    assert found["videos"] == Stored(1101, 2201)
    assert found["previews"] == Stored(3, 2 + 3 + 5)
    assert found["other"] == Stored(2, 8 + 9)
    assert set(found) == set(LISTED)


def watch(env: Env, **settings: float) -> Watch:
    metrics = Metrics()
    return Watch(env, settings_with(**{"storage_interval_seconds": HOURS, **settings}), metrics, Operations(metrics))


async def duty(env: Env) -> dict[str, str]:
    row = await env.db.prepare("SELECT due_at, done_at, result FROM duties WHERE name = 'storage'").first()
    return dict(row)


async def test_one_gateway_looks_for_all(env: Env) -> None:
    await env.video_bucket.put(processed_key(ID), b"12345")
    first, second = watch(env), watch(env)
    await first.once(NOW)
    kept = read(await duty(env))
    assert kept is not None
    assert kept["renditions"] == Stored(1, 5)
    assert 'twinreel_stored_bytes{kind="renditions"} 5.0' in first.metrics.render().decode()
    await env.video_bucket.put("more", b"1")
    before = await duty(env)
    for later in (1, HOURS - 1):
        await second.once(NOW + timedelta(seconds=later))
        assert await duty(env) == before
    await second.once(NOW + timedelta(seconds=HOURS + 1))
    again = read(await duty(env))
    assert again is not None
    assert again["other"] == Stored(1, 1)


async def test_never_when_told_so(env: Env) -> None:
    await watch(env, storage_interval_seconds=0).once(NOW)
    assert read(await duty(env)) is None
    assert read(None) is None


async def test_a_store_that_does_not_answer_is_asked_again_before_the_interval_ends(env: Env) -> None:
    broken = watch(with_binding(env, "video_bucket", Unreachable()))
    with capture_logs() as logs:
        await broken.once(NOW)
    assert [entry["event"] for entry in logs] == ["storage not measured"]
    await watch(env).once(NOW + timedelta(minutes=16))
    assert read(await duty(env)) is not None


async def test_a_row_of_another_version(env: Env) -> None:
    found = read({"result": '{"videos": {"objects": 1, "bytes": 2}, "unheard_of": {"objects": 1, "bytes": 2}}'})
    assert found == {kind: Stored(1, 2) if kind == "videos" else Stored() for kind in LISTED}


async def test_operations_of_all_processes_are_added_up(env: Env) -> None:
    for _ in range(2):
        operations = Operations(Metrics())
        for name in ("PutObject", "PutObject", "GetObject"):
            operations.count(name)
        await operations.write(env.db, NOW)
        await operations.write(env.db, NOW)
    rows = (await env.db.prepare("SELECT * FROM operation_counts ORDER BY operation").all()).results
    assert rows == [
        {"day": "2026-11-21", "operation": "GetObject", "calls": 2},
        {"day": "2026-11-21", "operation": "PutObject", "calls": 4},
    ]
    late = Operations(Metrics())
    late.count("GetObject")
    await late.write(env.db, NOW + timedelta(days=KEPT_DAYS + 1))
    assert len((await env.db.prepare("SELECT * FROM operation_counts").all()).results) == 1


async def test_counts_that_cannot_be_written_wait(env: Env) -> None:
    metrics = Metrics()
    operations = Operations(metrics)
    operations.count("PutObject")
    with pytest.raises(BindingError):
        await operations.write(with_binding(env, "db", Unreachable()).db, NOW)
    operations.count("PutObject")
    await operations.write(env.db, NOW)
    row = await env.db.prepare(queries.CALLS).bind("2026-11-21").first()
    assert row == {"operation": "PutObject", "calls": 2, "first_day": "2026-11-21"}
    assert 'twinreel_edge_r2_operations_total{operation="PutObject"} 2.0' in metrics.render().decode()


async def test_the_watch_goes_on_after_what_nobody_foresaw(env: Env) -> None:
    class Odd:
        def prepare(self, sql: str) -> None:
            raise RuntimeError("odd")

    watching = watch(with_binding(env, "db", Odd()))
    watching.operations.count("PutObject")
    with capture_logs() as logs:
        await watching.once(NOW)
    assert [entry["event"] for entry in logs] == ["operations not written", "storage not measured"]
    await watching.operations.write(env.db, NOW)
    assert len((await env.db.prepare(queries.CALLS).bind("2026-11-21").all()).results) == 1


async def test_what_was_counted_is_written_when_the_watch_ends(env: Env) -> None:
    watching = watch(env)
    task = asyncio.create_task(watching.for_ever())
    await asyncio.sleep(0)
    watching.operations.count("GetObject")
    task.cancel()
    await asyncio.wait([task])
    row = await env.db.prepare("SELECT operation, calls FROM operation_counts").first()
    assert row == {"operation": "GetObject", "calls": 1}
