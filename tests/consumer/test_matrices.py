"""Pictures of likeness: which verdicts have them, that they follow the row, and that no verdict fails by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from consumer import matrices
from consumer.assembly import Consumer
from consumer.matrices import MOST_DRAWN, drawable, drawn_of
from consumer.similarity import compare_each
from consumer.workers import open_workers, processes
from tests.consumer.clips import clip, fingerprint_of, trimmed
from tests.consumer.fake_processor import answering
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.moderation import review
from tests.consumer.test_purging import delete
from tests.consumer.world import World
from wire.fingerprints import pack
from wire.jobs import Job
from wire.verdicts import Match, Segment, Verdict
from wrangler_compat.errors import R2Error
from wrangler_compat.r2.types import R2Object

DAY = "2026/11/21"
PNG = b"\x89PNG\r\n\x1a\n"
SEGMENTS = (Segment(0.0, 10.0, 0.0, 10.0, 0.9),)


def key_of(video_id: str, other: str) -> str:
    return f"videos/{DAY}/{video_id}_matrix_{other}.png"


async def pictures(world: World) -> set[str]:
    return {found.key for found in (await world.bucket.list()).objects if "_matrix_" in found.key}


async def named(world: World, video_id: str) -> dict[str, str]:
    return dict(json.loads((await world.video(video_id))["matrices"] or "{}"))


async def reopen(world: World, video_id: str) -> None:
    """As a redecide does."""
    await world.rows(
        "UPDATE videos SET status = 'processing', duplicate_of = NULL, verdict_id = NULL WHERE id = ?1", video_id
    )
    await world.rows("UPDATE processing_jobs SET status = 'pending' WHERE video_id = ?1", video_id)


@pytest.mark.parametrize(("noise", "status"), [(0.0, "duplicate"), (0.45, "flagged")])
async def test_a_verdict_that_people_look_at_has_a_picture(
    world: World, consumer: Consumer, noise: float, status: str
) -> None:
    original = await world.decided(consumer, 1)
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=noise))
    assert (await world.video(video_id))["status"] == status
    key = key_of(video_id, original)
    assert await named(world, video_id) == {original: key}
    stored = await world.bucket.get(key)
    assert stored is not None
    assert not isinstance(stored, R2Object)
    assert (await stored.bytes()).startswith(PNG)
    assert stored.object.http_metadata.content_type == "image/png"
    assert await pictures(world) == {key}


@pytest.mark.parametrize("noise", [0.8, 9.0])
async def test_an_approved_video_has_none(world: World, consumer: Consumer, noise: float) -> None:
    await world.decided(consumer, 1)
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=noise))
    row = await world.video(video_id)
    assert (row["status"], row["matrices"], await pictures(world)) == ("approved", None, set())


def match(video_id: str, kind: Any = "video") -> Match:
    return Match(video_id, kind, 0.9, 0.9, None, 1.0, 1.0, segments=SEGMENTS)


def test_the_first_matches_of_picture_are_drawn() -> None:
    kinds = ("audio", "video", "partial", "video", "video")
    matched = tuple(match(str(number), kind) for number, kind in enumerate(kinds))
    for status, ids in (("duplicate", "123"), ("flagged", "123"), ("approved", ""), ("rejected", "")):
        verdict = Verdict(status, 1, {}, matches=matched)  # type: ignore[arg-type]
        assert [each.video_id for each in drawable(verdict)] == list(ids)
    assert MOST_DRAWN == 3


async def test_they_are_drawn_in_the_processes_that_compare() -> None:
    source = clip(0, duration=12.0)
    own, other = fingerprint_of(trimmed(source, 2, 8)), fingerprint_of(source)
    (evidence,) = compare_each(own, [other])
    with open_workers(processes(1)) as workers:
        (png,) = await workers.run(drawn_of, own, [(pack(other), evidence.segments)])
    assert png.startswith(PNG)
    assert int.from_bytes(png[16:20]) == 12
    assert int.from_bytes(png[20:24]) == 24


# --- never in the way of a verdict ----------------------------------------------------------------------------------


class Refusing:
    """A bucket that takes no pictures; `how`: what it does instead."""

    def __init__(self, inner: Any, how: Callable[[], Any]) -> None:
        self.inner, self.how = inner, how

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def put(self, key: str, *args: Any, **kwargs: Any) -> Any:
        assert "_matrix_" in key
        return await self.how()


async def refuse() -> None:
    raise R2Error("The store is full.", code="STORAGE_FULL")


async def stall() -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize("how", [refuse, stall])
async def test_a_store_that_takes_none_fails_no_verdict(
    world: World, consumer: Consumer, how: Callable[[], Any]
) -> None:
    original = await world.decided(consumer, 1)
    part = consumer.pipeline.matrices
    object.__setattr__(consumer.pipeline, "matrices", replace(part, bucket=Refusing(part.bucket, how), seconds=0.05))
    video_id = await world.decided(consumer, 1)
    row = await world.video(video_id)
    assert (row["status"], row["duplicate_of"], row["matrices"]) == ("duplicate", original, None)
    assert (await world.job(video_id))["attempt_count"] == 1


async def test_what_cannot_be_drawn_fails_no_verdict(
    world: World, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[bytes]:
        raise MemoryError

    monkeypatch.setattr(matrices, "drawn_of", broken)
    await world.decided(consumer, 1)
    row = await world.video(await world.decided(consumer, 1))
    assert (row["status"], row["matrices"], await pictures(world)) == ("duplicate", None, set())


async def test_an_original_whose_fingerprint_is_gone_by_now_is_not_drawn(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    real = consumer.pipeline.matrices

    class Forgetful:
        """Between the comparison and the drawing."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real.bucket, name)

        async def get(self, key: str) -> None:
            return None

    object.__setattr__(consumer.pipeline, "matrices", replace(real, bucket=cast(Any, Forgetful())))
    row = await world.video(await world.decided(consumer, 1))
    assert (row["status"], row["duplicate_of"], row["matrices"]) == ("duplicate", original, None)


# --- decided again --------------------------------------------------------------------------------------------------


async def test_a_video_that_is_approved_after_all_loses_its_picture(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    video_id = await world.decided(consumer, 1)
    assert await pictures(world) == {key_of(video_id, original)}
    await reopen(world, video_id)
    await delete(world, original)
    await consumer.jobs.run(Job(original, "purge"))
    await consumer.jobs.run(Job(video_id))
    row = await world.video(video_id)
    assert (row["status"], row["matrices"], await pictures(world)) == ("approved", None, set())


async def test_another_original_is_another_picture(world: World, consumer: Consumer) -> None:
    first = await world.decided(consumer, 1)
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.45))
    await reopen(world, video_id)
    await delete(world, first)
    await consumer.jobs.run(Job(first, "purge"))
    second = await world.decided(consumer, 1, uploaded_at="2026-01-01T00:00:00.000000Z")
    await consumer.jobs.run(Job(video_id))
    assert await named(world, video_id) == {second: key_of(video_id, second)}
    assert await pictures(world) == {key_of(video_id, second)}


async def test_what_a_moderator_decides_keeps_it(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.45))
    await review(world, video_id)
    await consumer.sweep.run_once()
    assert await named(world, video_id) == {original: key_of(video_id, original)}
    assert await pictures(world) == {key_of(video_id, original)}


async def test_a_video_that_is_refused_at_another_look_loses_it(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    video_id = await world.decided(consumer, 1)
    await reopen(world, video_id)
    await world.rows("UPDATE videos SET fingerprint_id = NULL WHERE id = ?1", video_id)
    world.processor.misfortunes.append(answering(422, "UNDECODABLE"))
    await consumer.jobs.run(Job(video_id))
    row = await world.video(video_id)
    assert (row["status"], row["matrices"], await pictures(world)) == ("rejected", None, set())


async def test_what_was_drawn_for_a_verdict_that_was_not_written_goes(world: World, consumer: Consumer) -> None:
    """The catalogue changes while the verdict is written: by then the original is none."""
    original = await world.decided(consumer, 1)
    rows = consumer.pipeline.rows

    class Meddling:
        is_done = False

        async def write(self, claim: Any, verdict: Verdict, *, version: int, matrices: Mapping[str, str]) -> bool:
            if not self.is_done:
                self.is_done = True
                assert await pictures(world) == {key_of(claim.video.id, original)} == {*matrices.values()}
                await world.rows("UPDATE videos SET status = 'rejected' WHERE id = ?1", original)
                return False
            return await rows.write(claim, verdict, version=version, matrices=matrices)

    object.__setattr__(consumer.pipeline, "rows", Meddling())
    row = await world.video(await world.decided(consumer, 1))
    assert (row["status"], row["matrices"], await pictures(world)) == ("approved", None, set())


# --- deleted --------------------------------------------------------------------------------------------------------


async def test_a_deleted_video_takes_them_along(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    video_id = await world.decided(consumer, 1)
    await delete(world, video_id)
    await consumer.jobs.run(Job(video_id, "purge"))
    assert await pictures(world) == set()
    await world.bucket.put(key_of(video_id, "f" * 32), b"written late, by one who had it in hand")
    world.clock.pass_seconds(61)
    await consumer.sweep.run_once()
    assert await pictures(world) == set()


async def test_a_video_that_is_deleted_while_it_is_drawn_leaves_none(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    real = consumer.pipeline.matrices

    class Slow:
        """The video is deleted, and purged, before its picture is stored."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real.bucket, name)

        async def put(self, key: str, *args: Any, **kwargs: Any) -> Any:
            video_id = key.rpartition("/")[2][:32]
            await delete(world, video_id)
            await consumer.jobs.run(Job(video_id, "purge"))
            return await real.bucket.put(key, *args, **kwargs)

    object.__setattr__(consumer.pipeline, "matrices", replace(real, bucket=Slow()))
    video_id = await world.decided(consumer, 1)
    assert await world.rows("SELECT 1 FROM videos WHERE id = ?1", video_id) == []
    assert await pictures(world) == set()
