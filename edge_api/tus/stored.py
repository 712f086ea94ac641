"""What the store has of an upload beside its whole parts, and how it is told that the store lost something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import structlog

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.parts import LOST
from edge_api.settings import Settings
from edge_api.tus.records import OpenUpload
from wrangler_compat.errors import BindingError, R2Error
from wrangler_compat.r2.types import R2Object, R2ObjectBody

log = structlog.get_logger("edge_api")


class StoreLossError(Exception):
    """The store does not have what the row says: a multipart upload aborted by others, or forgotten in a restart."""


@contextmanager
def told_lost() -> Iterator[None]:
    """Raises StoreLossError in place of the R2Error that says so."""
    try:
        yield
    except R2Error as error:
        if error.code in LOST:
            raise StoreLossError from error
        raise


async def read_tail(env: Env, settings: Settings, upload: OpenUpload) -> bytes:
    """What follows the last whole part; shorter than a part. Raises StoreLossError, BindingError."""
    size = upload.offset % upload.part_bytes
    if not size or upload.is_complete:
        return b""
    body = await opened(env, settings, upload.tail_key)
    async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
        tail = await body.bytes()
    if len(tail) != size:
        raise StoreLossError
    return tail


async def opened(env: Env, settings: Settings, key: str | None) -> R2ObjectBody:
    """An object that has to be there. Raises StoreLossError, BindingError."""
    if key is None:
        raise StoreLossError
    async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
        found = await env.video_bucket.get(key)
    if found is None or isinstance(found, R2Object):
        raise StoreLossError
    return found


async def chunks_of(body: R2ObjectBody, settings: Settings) -> AsyncIterator[bytes]:
    """Raises BindingError when the next bytes do not come in time."""
    chunks = aiter(body)
    try:
        while True:
            async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        await body.close()


async def forget(env: Env, settings: Settings, *keys: str | None) -> None:
    """Delete objects that no row names any more. Never raises: what fails is logged, and swept with the upload."""
    doomed = [key for key in keys if key is not None]
    if not doomed:
        return
    try:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.delete(doomed)
    except BindingError as error:
        log.warning("not deleted", keys=doomed, code=error.code, message=error.message)


async def clear(env: Env, settings: Settings, upload: OpenUpload) -> None:
    """Delete all that is kept of an upload beside its parts. Raises BindingError."""
    while True:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            page = await env.video_bucket.list(prefix=upload.folder)
            if page.objects:
                await env.video_bucket.delete([found.key for found in page.objects])
        if not page.truncated:
            return


async def discard(env: Env, settings: Settings, upload: OpenUpload) -> None:
    """Delete everything of an upload that is no video: parts, object, tail. Raises BindingError."""
    if upload.key is not None and upload.r2_upload_id is not None:
        multipart = env.video_bucket.resume_multipart_upload(upload.key, upload.r2_upload_id)
        try:
            async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
                await multipart.abort()
        except R2Error as error:
            if error.code not in LOST:
                raise
        # It may have been completed already.
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.delete(upload.key)
    await clear(env, settings, upload)
