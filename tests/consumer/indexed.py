"""Videos that are in the index and not decided yet, and what a search finds for them."""

from __future__ import annotations

from consumer.assembly import Consumer
from consumer.records import Claim, Found, Video
from tests.consumer.world import World
from wire.fingerprints import Fingerprint


async def indexed(world: World, consumer: Consumer, fingerprint: Fingerprint, **upload: object) -> Claim:
    """A video in the index whose verdict is not made yet."""
    video_id = await world.upload(fingerprint=fingerprint, **upload)  # type: ignore[arg-type]
    claim = await consumer.jobs.leases.claim(video_id, f"owner of {video_id}")
    assert claim is not None
    pipeline = consumer.pipeline
    kept = await pipeline._keep(
        claim, await pipeline.fingerprinting.extract(claim, await pipeline.fingerprinting.presign(claim.video))
    )
    await consumer.catalogue.index(claim, kept)
    return claim


async def find(consumer: Consumer, video: Video, fingerprint: Fingerprint) -> Found:
    return await consumer.search.find(video, fingerprint)
