"""An upload whose bytes are all in the store becomes a video; or it is refused, and then nothing of it is left.

Every step may be done twice, and whoever is killed in the middle leaves what the next request goes on with: the
object is completed once, and the rows are written in the one transaction that also says that the upload is finished.
"""

from __future__ import annotations

import structlog

from edge_api.auth import User
from edge_api.catalogue import Upload, announce, insert_upload
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.filenames import filename_of
from edge_api.inspection import check_whole
from edge_api.keys import timestamp
from edge_api.metrics import Metrics
from edge_api.quotas import quota_of
from edge_api.settings import Settings
from edge_api.tus.passes import Look, Looks
from edge_api.tus.records import Ledger, OpenUpload, read
from edge_api.tus.stored import StoreLossError, chunks_of, clear, discard, opened, told_lost
from wrangler_compat.errors import BindingError, D1ConstraintError

log = structlog.get_logger("edge_api")


async def finish(
    env: Env,
    settings: Settings,
    metrics: Metrics,
    looks: Looks,
    ledger: Ledger,
    upload: OpenUpload,
    user: User,
    request_id: str,
) -> None:
    """upload: complete, and its lock is held. Raises ApiError, on which the upload is gone or somebody else's turn,
    StoreLossError, BindingError."""
    structlog.contextvars.bind_contextvars(video_id=upload.video_id)
    try:
        look = await _looked_at(env, settings, looks, ledger, upload)
        video = Upload(
            video_id=upload.video_id,
            r2_key=str(upload.key),
            user_id=upload.user_id,
            uploaded_at=timestamp(),
            file_size=upload.length,
            mime_type=str(upload.mime_type),
            priority=upload.priority,
            content_sha256=await look.sha256(),
            request_id=request_id,
            filename=filename_of(upload.filename),
        )
        looks.keep(upload.id, look)
        status = await _insert(env, settings, ledger, video, user)
    except ApiError as error:
        if error.code == "UPLOAD_LOCKED":
            raise
        await refuse(env, settings, ledger, upload)
        raise
    looks.take(upload.id, 0)
    try:
        await clear(env, settings, upload)
    except BindingError as error:
        log.warning("left to the sweep", upload_id=upload.id, code=error.code, message=error.message)
    if status is not None:
        await announce(env, metrics, video, status, settings.binding_timeout_seconds)


async def refuse(env: Env, settings: Settings, ledger: Ledger, upload: OpenUpload) -> None:
    """Nothing of it is left: not in the store, then no row. Raises ApiError UPLOAD_LOCKED, BindingError."""
    await ledger.give_up()
    await discard(env, settings, upload)
    await ledger.remove()


async def _looked_at(env: Env, settings: Settings, looks: Looks, ledger: Ledger, upload: OpenUpload) -> Look:
    """The object is complete, and all of it was looked at and found whole."""
    look = looks.take(upload.id, upload.length)
    if look is not None:
        check_whole(str(upload.mime_type), look.boxes)
    await _complete(env, settings, ledger, upload)
    if look is None:
        look = Look()
        body = await opened(env, settings, upload.key)
        await look.at_all(chunks_of(body, settings))
        if look.size != upload.length:
            raise StoreLossError
        check_whole(str(upload.mime_type), look.boxes)
    return look


async def _complete(env: Env, settings: Settings, ledger: Ledger, upload: OpenUpload) -> None:
    """Raises StoreLossError, BindingError."""
    assert upload.key is not None
    assert upload.r2_upload_id is not None
    multipart = env.video_bucket.resume_multipart_upload(upload.key, upload.r2_upload_id)
    try:
        with told_lost():
            async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
                await multipart.complete(await ledger.parts())
    except StoreLossError:
        # Somebody may have completed it, and died before saying so.
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            found = await env.video_bucket.head(upload.key)
        if found is None or found.size != upload.length:
            raise


async def _insert(env: Env, settings: Settings, ledger: Ledger, video: Upload, user: User) -> str | None:
    """The video's status; None when it is there already. Raises ApiError, BindingError."""
    timeout = settings.binding_timeout_seconds
    also = ledger.finishing(video.video_id)
    try:
        return await insert_upload(env, video, quota_of(user, settings), timeout, also=also)
    except D1ConstraintError:
        if (await read(env, settings, ledger.upload_id)).is_finished:
            return None
        raise ApiError("UPLOAD_LOCKED") from None
