"""The world of a test over real stores: S3 by rclone, vectors by Chroma, D1 by SQLite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.consumer.world import World
from tests.services import S3Server
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.vectorize.chroma import open_chroma_index

MORE_THAN_THE_GRACE_SECONDS = 100_000.0


async def with_real_stores(
    world: World, s3: S3Server, chroma_url: str, name: str, bucket_name: str | None = None
) -> World:
    """The same world over new, empty real stores. bucket_name: of a bucket of the test's own."""
    bucket = await world.stack.enter_async_context(
        open_s3_bucket(
            s3.endpoint,
            bucket_name or s3.make_bucket(),
            access_key=s3.access_key,
            secret_key=s3.secret_key,
            sidecar=True,
        )
    )
    index, segments = [
        await world.stack.enter_async_context(open_chroma_index(chroma_url, f"{name}-{kind}"))
        for kind in ("videos", "segments")
    ]
    world.processor.bucket = bucket
    env = replace(world.env, video_bucket=bucket, vectorize=index, vectorize_segments=segments)
    return replace(world, env=env, bucket=bucket, vectorize=index, segments=segments)


def at_the_present(world: World) -> None:
    """Objects bear the time of the store, so rows have to be of the same day."""
    world.clock.at = datetime.now(UTC)


def let_all_grow_old(world: World) -> None:
    """From now on nothing that is there counts as on its way."""
    world.clock.pass_seconds(MORE_THAN_THE_GRACE_SECONDS)
