"""A search: answered as the verdict would be, without a trace in the catalogue, and gone after a while."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from consumer.assembly import Consumer
from tests.consumer.fake_processor import answering, hanging
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.stores import at_the_present, let_all_grow_old
from tests.consumer.world import World
from wire.jobs import Job
from wrangler_compat.d1.types import Row
from wrangler_compat.errors import R2Error


async def asked(world: World, seed: int | None = None, **columns: Any) -> str:
    """What the gateway writes for a search of a video that looks like this seed."""
    search_id = next(world.names)
    if seed is not None:
        world.processor.videos[search_id] = make_fingerprint(seed)
    row = {
        "id": search_id,
        "user_id": "u",
        "kind": "search",
        "r2_key": f"searches/{search_id}/video.mp4",
        "status": "pending",
        "created_at": world.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "request_id": f"request-{search_id}",
    } | columns
    for key in (row["r2_key"], row.get("reference_key")):
        if key is not None:
            await world.bucket.put(str(key), b"bytes that are looked up")
    marks = ", ".join("?" for _ in row)
    await world.db.prepare(f"INSERT INTO searches ({', '.join(row)}) VALUES ({marks})").bind(*row.values()).run()
    return search_id


async def row_of(world: World, search_id: str) -> Row:
    (row,) = await world.rows("SELECT * FROM searches WHERE id = ?1", search_id)
    return row


async def answer_of(world: World, consumer: Consumer, search_id: str) -> dict[str, Any]:
    await consumer.jobs.run(Job(search_id, "search"))
    row = await row_of(world, search_id)
    assert row["status"] == "completed", row
    answer: dict[str, Any] = json.loads(row["answer"])
    return answer


async def catalogue(world: World) -> Any:
    tables = ("videos", "processing_jobs", "verdicts", "segment_vectors", "sound_terms", "notifications", "catalogue")
    kept = [found.key for found in (await world.bucket.list()).objects if not found.key.startswith("searches/")]
    ids = [[each async for each in index.list_ids()] for index in (world.vectorize, world.segments)]
    return [await world.rows(f"SELECT * FROM {table}") for table in tables], kept, ids


async def test_a_copy_is_found_and_nothing_of_the_question_stays(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    before = await catalogue(world)
    search_id = await asked(world, 1)
    answer = await answer_of(world, consumer, search_id)
    assert (answer["verdict"]["status"], answer["verdict"]["duplicate_of"]) == ("duplicate", original)
    assert [match["video_id"] for match in answer["verdict"]["matches"]] == [original]
    assert answer["video"]["duration"] == make_fingerprint(1).duration
    assert await catalogue(world) == before
    assert (await world.bucket.list(prefix="searches/")).objects == ()
    row = await row_of(world, search_id)
    assert (row["progress"], row["lease_owner"]) == (1, None)
    assert row["objects_deleted_at"] is not None
    assert b'twinreel_searches_total{status="duplicate"} 1.0' in consumer.metrics.text()
    assert b'twinreel_verdicts_total{reason="",status="duplicate"}' not in consumer.metrics.text()


async def test_what_nobody_has_would_be_approved(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    answer = await answer_of(world, consumer, await asked(world, 2))
    assert answer["verdict"] | {"matches": []} == {
        "status": "approved",
        "reason": None,
        "confidence": None,
        "duplicate_of": None,
        "similar_to": None,
        "similarity_score": None,
        "matches": [],
    }


async def test_a_video_on_its_way_has_no_say(world: World, consumer: Consumer) -> None:
    undecided = await world.upload(1)
    claim = await consumer.jobs.leases.claim(undecided, "somebody")
    assert claim is not None
    pipeline = consumer.pipeline
    source = await pipeline.fingerprinting.presign(claim.video)
    kept = await pipeline._keep(claim, await pipeline.fingerprinting.extract(claim, source))
    await consumer.catalogue.index(claim, kept)
    assert (await answer_of(world, consumer, await asked(world, 1)))["verdict"]["status"] == "approved"


@pytest.mark.parametrize(("status", "expected"), [("approved", "duplicate"), ("rejected", "rejected")])
async def test_the_same_bytes_are_told_without_looking(
    world: World, consumer: Consumer, status: str, expected: str
) -> None:
    known = await world.upload(1, content_sha256="ab", duration_seconds=3.5)
    await world.db.prepare("UPDATE videos SET status = ?1").bind(status).run()
    answer = await answer_of(world, consumer, await asked(world, content_sha256="ab"))
    verdict = answer["verdict"]
    assert verdict["status"] == expected
    assert not world.processor.asked
    if expected == "duplicate":
        assert (verdict["duplicate_of"], verdict["matches"][0]["segments"][0]["end"]) == (known, 3.5)
    else:
        assert verdict["duplicate_of"] is None


async def test_a_video_that_cannot_be_processed_would_be_rejected(world: World, consumer: Consumer) -> None:
    world.processor.misfortunes.append(answering(422, "UNDECODABLE", "It is noise."))
    answer = await answer_of(world, consumer, await asked(world))
    assert (answer["verdict"]["status"], answer["verdict"]["reason"]) == ("rejected", "undecodable")
    assert answer["verdict"]["message"] == "It is noise."


# comparing


async def compared(world: World, consumer: Consumer, **columns: Any) -> dict[str, Any]:
    return await answer_of(world, consumer, await asked(world, 1, kind="compare", **columns))


async def test_two_videos_are_compared_and_explained(world: World, consumer: Consumer) -> None:
    """Both are looked at under the id of the search, so that here they show the same."""
    answer = await compared(world, consumer, reference_key="searches/x/reference.mp4")
    assert answer["verdict"]["status"] == "duplicate"
    assert answer["evidence"]["video_score"] == pytest.approx(1.0)
    assert answer["gates"][0].keys() >= {"name", "question", "passed", "value", "threshold", "limit", "decided"}
    assert [gate["decided"] for gate in answer["gates"]] == [False] * (len(answer["gates"]) - 1) + [True]
    assert answer["changes"] == [], "equal fingerprints match whatever one threshold is"
    assert answer["reference"].keys() == {"duration", "width", "height"}
    urls = [request.video_url for request in world.processor.asked]
    assert len(set(urls)) == 2
    assert (await world.bucket.list(prefix="searches/")).objects == ()


@pytest.mark.parametrize(("seed", "status"), [(1, "duplicate"), (2, "approved")])
async def test_with_a_video_of_the_catalogue(world: World, consumer: Consumer, seed: int, status: str) -> None:
    """The evidence is told even when it accuses nobody."""
    other = await world.decided(consumer, seed)
    world.processor.asked.clear()
    answer = await compared(world, consumer, reference_id=other)
    assert answer["verdict"]["status"] == status
    assert answer["verdict"]["duplicate_of"] == (other if status == "duplicate" else None)
    assert 0.0 <= answer["evidence"]["video_score"] <= 1.0
    assert len(world.processor.asked) == 1, "the other's fingerprint is kept"


async def test_with_a_video_that_is_gone(world: World, consumer: Consumer) -> None:
    answer = await compared(world, consumer, reference_id="f" * 32)
    assert (answer["verdict"]["status"], answer["verdict"]["reason"]) == ("rejected", "no_reference")


async def test_it_is_said_which_of_the_two_cannot_be_processed(world: World, consumer: Consumer) -> None:
    search_id = await asked(world, 1, kind="compare", reference_key="searches/x/reference.mp4")
    await consumer.jobs.run(Job("unknown", "search"))

    async def second_is_noise(request: Any) -> None:
        world.processor.misfortunes.insert(0, first)

    async def first(request: Any) -> None:
        world.processor.misfortunes.insert(0, answering(422, "TOO_LONG", "It lasts too long."))

    world.processor.misfortunes.append(second_is_noise)
    answer = await answer_of(world, consumer, search_id)
    assert answer["verdict"]["message"] == "The reference: It lasts too long."


# lasting


async def test_a_lost_message_is_sent_again(world: World, consumer: Consumer) -> None:
    search_id = await asked(world, 1)
    world.clock.pass_seconds(60)
    await consumer.sweep.run_once()
    assert [Job.from_body(each.body) for each in world.queues["normal"].messages] == [
        Job(search_id, "search", f"request-{search_id}")
    ]
    await world.queues["normal"].deliver(consumer.jobs.receive)
    assert (await row_of(world, search_id))["status"] == "completed"


async def test_a_dead_worker_loses_it_to_another(world: World, consumer: Consumer) -> None:
    search_id = await asked(world, 1)
    assert consumer.jobs.searches is not None
    assert await consumer.jobs.searches.leases.claim(search_id, "a worker that dies") is not None
    await consumer.jobs.run(Job(search_id, "search"))
    assert (await row_of(world, search_id))["status"] == "processing", "it is in other hands"
    world.clock.pass_seconds(60)
    await consumer.sweep.run_once()
    await world.queues["normal"].deliver(consumer.jobs.receive)
    row = await row_of(world, search_id)
    assert (row["status"], row["interruptions"]) == ("completed", 1)


async def test_failures_are_tried_again_and_then_recorded(world: World) -> None:
    consumer = await world.consumer(max_retries=1, retry_base_seconds=1.0)
    search_id = await asked(world, 1)
    for expected in ("pending", "failed"):
        world.processor.misfortunes.append(answering(500, "INTERNAL", "It broke."))
        await consumer.jobs.run(Job(search_id, "search"))
        assert (await row_of(world, search_id))["status"] == expected
        world.clock.pass_seconds(10)
    row = await row_of(world, search_id)
    assert "It broke." in row["error_message"]
    assert len((await world.bucket.list(prefix="searches/")).objects) == 1
    world.clock.pass_seconds(60)
    await consumer.sweep.run_once()
    assert (await world.bucket.list(prefix="searches/")).objects == ()


async def test_an_outage_costs_no_attempt(world: World, consumer: Consumer) -> None:
    class Away:
        async def presigned_url(self, *_: Any, **__: Any) -> str:
            raise R2Error("the store does not answer", code="UNREACHABLE", retryable=True)

    search_id = await asked(world, 1)
    assert consumer.jobs.searches is not None
    fingerprinting = consumer.sweep.searching.fingerprinting
    object.__setattr__(fingerprinting, "bucket", Away())
    await consumer.jobs.run(Job(search_id, "search"))
    row = await row_of(world, search_id)
    assert (row["status"], row["attempt_count"]) == ("pending", 0)
    assert row["outage_since"] is not None


async def test_what_is_deleted_in_the_middle_stays_deleted(world: World) -> None:
    consumer = await world.consumer(heartbeat_seconds=0.05, lease_seconds=1.0)
    search_id, started = await asked(world, 1), asyncio.Event()
    world.processor.misfortunes.append(hanging(started))
    running = asyncio.create_task(consumer.jobs.run(Job(search_id, "search")))
    await started.wait()
    await world.db.prepare("DELETE FROM searches").run()
    async with asyncio.timeout(60):
        await running
    assert await world.rows("SELECT * FROM searches") == []


async def test_answers_are_kept_for_a_while(world: World) -> None:
    consumer = await world.consumer(search_keep_seconds=600.0)
    search_id = await asked(world, 1)
    waiting = await asked(world, 1)
    await answer_of(world, consumer, search_id)
    world.clock.pass_seconds(500)
    await consumer.sweep.run_once()
    await row_of(world, search_id)
    world.clock.pass_seconds(200)
    await consumer.sweep.run_once()
    assert [row["id"] for row in await world.rows("SELECT id FROM searches")] == [waiting]


async def test_what_the_tidying_left_the_sweep_removes(world: World, consumer: Consumer) -> None:
    search_id = await asked(world, 1)
    await answer_of(world, consumer, search_id)
    await world.db.prepare("UPDATE searches SET objects_deleted_at = NULL").run()
    await world.bucket.put(f"searches/{search_id}/video.mp4", b"left")
    world.clock.pass_seconds(60)
    await consumer.sweep.run_once()
    assert (await world.bucket.list(prefix="searches/")).objects == ()


async def test_the_doctor_knows_the_objects_of_searches(world: World, consumer: Consumer) -> None:
    at_the_present(world)
    await asked(world, 1)
    for name in ("video.mp4", "reference.webm"):
        await world.bucket.put(f"searches/{'f' * 32}/{name}", b"nobody's")
    await world.bucket.put("searches/notes.txt", b"not ours")
    await world.bucket.create_multipart_upload(f"searches/{'e' * 32}/video.mp4")
    let_all_grow_old(world)
    doctor = consumer.rounds.doctor
    found = (await doctor.examine()).found
    assert {kind: count for kind, count in found.items() if count} == {"object_without_row": 2, "open_upload": 1}
    await doctor.mend()
    assert len((await world.bucket.list(prefix="searches/")).objects) == 2
    assert not +(await doctor.examine()).found
