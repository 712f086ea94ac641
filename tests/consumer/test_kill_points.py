"""Named moments at which a worker is killed, one at a time: whatever it had done, another finishes it, once.

The worker dies by an exception that nothing of ours catches: none of its code writes anything any more, as after
kill -9. Its lease runs out, another worker sweeps and takes over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.pipeline import Pipeline
from tests.consumer.stores import at_the_present, let_all_grow_old
from tests.consumer.world import World
from wire.jobs import Job


class Killed(BaseException):
    """Nothing runs after this."""


# name: (binding, method, which call of it, killed before or after the call took effect)
POINTS: dict[str, tuple[str, str, int, str]] = {
    "before the claim": ("db", "batch", 0, "before"),
    "after the claim": ("db", "batch", 0, "after"),
    "before the video is presigned": ("bucket", "presigned_url", 0, "before"),
    "before the processor is asked": ("processor", "extract", 0, "before"),
    "after the processor answered": ("processor", "extract", 0, "after"),
    "after the fragments were merged": ("processor", "merge", 0, "after"),
    "before the fingerprint is stored": ("bucket", "put", 0, "before"),
    "after the fingerprint was stored": ("bucket", "put", 0, "after"),
    "after the thumbnail was stored": ("bucket", "put", 1, "after"),
    "after the preview was stored": ("bucket", "put", 2, "after"),
    "after the row named the fingerprint": ("db", "batch", 1, "after"),
    "after the index rows were written": ("db", "batch", 2, "after"),
    "before the video vector is written": ("vectorize", "upsert", 0, "before"),
    "after the video vector was written": ("vectorize", "upsert", 0, "after"),
    "after the segment vectors were written": ("segments", "upsert", 0, "after"),
    "after the row said that it is indexed": ("db", "batch", 3, "after"),
    "before neighbours are asked for": ("vectorize", "query_batch", 0, "before"),
    "before the candidate is read": ("bucket", "get", 0, "before"),
    "before the picture of likeness is stored": ("bucket", "put", 3, "before"),
    "after the picture of likeness was stored": ("bucket", "put", 3, "after"),
    "before the verdict is written": ("db", "batch", 4, "before"),
    "after the verdict was written": ("db", "batch", 4, "after"),
    "before the duplicate leaves the index": ("vectorize", "delete_by_ids", 0, "before"),
    "after the duplicate left the index": ("vectorize", "delete_by_ids", 0, "after"),
    "before the duplicate's bytes are freed": ("bucket", "delete", 0, "before"),
    "after the duplicate's bytes were freed": ("bucket", "delete", 0, "after"),
    "before the notification is told": ("told", "tell", 0, "before"),
    "after the notification was told": ("told", "tell", 0, "after"),
}


class Deadly:
    """A part that kills at one call of one of its methods."""

    def __init__(self, inner: Any, method: str, which: int, moment: str) -> None:
        self.inner, self.method, self.which, self.moment = inner, method, which, moment
        self.has_killed = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)
        return self.deadly(real) if name == self.method else real

    def deadly(self, real: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            is_now, self.which = self.which == 0, self.which - 1
            if is_now and self.moment == "before":
                self.kill()
            result = await real(*args, **kwargs)
            if is_now:
                self.kill()
            return result

        return call

    def kill(self) -> None:
        self.has_killed = True
        raise Killed


@contextmanager
def killed_at(consumer: Consumer, point: str) -> Iterator[Deadly]:
    """This worker dies at this point. It is dead afterwards: nothing of it is used again."""
    binding, method, which, moment = POINTS[point]
    pipeline, catalogue, search = consumer.pipeline, consumer.catalogue, consumer.search
    holders: dict[str, list[tuple[Any, str]]] = {
        "bucket": [(part, "bucket") for part in _holders_of_buckets(pipeline)],
        "db": [(pipeline, "db"), (catalogue, "db"), (pipeline.leases, "db"), (pipeline.rows, "db")],
        "vectorize": [(catalogue, "videos"), (search, "videos")],
        "segments": [(catalogue, "segments"), (search, "segments")],
        "processor": [(pipeline.fingerprinting.extraction, "processor")],
    }
    if binding == "told":
        outbox = consumer.jobs.outbox
        deadly = Deadly(consumer.webhooks, method, which, moment)
        object.__setattr__(outbox, "deliver", deadly.tell)
    else:
        holder, attribute = holders[binding][0]
        deadly = Deadly(getattr(holder, attribute), method, which, moment)
        for holder, attribute in holders[binding]:
            object.__setattr__(holder, attribute, deadly)
    yield deadly


def _holders_of_buckets(pipeline: Pipeline) -> tuple[Any, ...]:
    return pipeline, pipeline.fingerprinting, pipeline.comparison, pipeline.matrices


@pytest.mark.parametrize("point", POINTS)
async def test_killed(world: World, point: str) -> None:
    at_the_present(world)
    calm = await world.consumer(delete_duplicates=True)
    original = await world.decided(calm, 1)
    video_id = await world.upload(1)
    await world.queues["normal"].send(Job(video_id).to_body())
    doomed = await world.consumer(seed=2, delete_duplicates=True)
    with killed_at(doomed, point) as deadly, pytest.raises(Killed):
        await doomed.jobs.run(Job(video_id))
    assert deadly.has_killed
    other = await world.consumer(seed=3, delete_duplicates=True)
    for _ in range(4):
        world.clock.pass_seconds(40)
        await other.sweep.run_once()
        for queue in world.queues.values():
            await queue.deliver(other.jobs.receive)
    row, job = await world.video(video_id), await world.job(video_id)
    assert (row["status"], row["duplicate_of"]) == ("duplicate", original)
    assert job["status"] == "completed"
    assert row["object_deleted_at"] is not None
    assert await world.bucket.head(row["r2_key"]) is None
    picture = f"videos/2026/11/21/{video_id}_matrix_{original}.png"
    assert json.loads(row["matrices"]) == {original: picture}
    assert await world.bucket.head(picture) is not None
    assert len(await world.rows("SELECT 1 FROM verdicts WHERE video_id = ?1", video_id)) == 1
    (notification,) = await world.rows("SELECT * FROM notifications WHERE video_id = ?1", video_id)
    assert notification["sent_at"] is not None
    let_all_grow_old(world)
    report = await other.rounds.doctor.examine()
    assert not +report.found, report.examples
