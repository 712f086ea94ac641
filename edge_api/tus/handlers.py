"""OPTIONS, POST /api/tus and HEAD, PATCH, DELETE /api/tus/{upload_id}: resumable uploads, tus 1.0.

https://tus.io/protocols/resumable-upload: the core protocol, creation, creation-with-upload, termination, expiration
and checksum. Upload-Offset never names a byte that the store does not have.
"""

from __future__ import annotations

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.errors import ApiError, request_id_of
from edge_api.inspection import too_large
from edge_api.quotas import quota_of
from edge_api.state import Request
from edge_api.streams import Meter, announced_bytes
from edge_api.tus import headers as tus
from edge_api.tus.body import Body, receive
from edge_api.tus.finishing import finish, refuse
from edge_api.tus.locks import Lock, locked
from edge_api.tus.records import Ledger, OpenUpload, create, open_bytes, owned, read
from edge_api.tus.stored import StoreLossError, discard
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")


async def options(request: Request, user: User) -> Response:
    return Response(status_code=204, headers=tus.capabilities(request.state["settings"].max_file_size))


async def create_upload(request: Request, user: User) -> Response:
    settings, env, metrics = request.state["settings"], request.state["env"], request.state["metrics"]
    tus.check_version(request.headers)
    length, metadata = tus.length_of(request.headers), tus.metadata_of(request.headers)
    body = _body_of(request, user) if request.headers.get("content-type") == tus.BODY_TYPE else None
    try:
        if length == 0:
            raise ApiError("EMPTY_FILE")
        if length > settings.max_file_size:
            error = too_large(settings)
            error.headers["Tus-Max-Size"] = str(settings.max_file_size)
            raise error
        quota, timeout = quota_of(user, settings), settings.binding_timeout_seconds
        if quota.is_set:
            await quota.room(env.db, timeout, wanted_bytes=length + await open_bytes(env.db, user.id, timeout))
        await check_backlog(env, settings)
    except (ApiError, BindingError) as error:
        metrics.uploads.labels((error.code if isinstance(error, ApiError) else type(error).__name__).lower()).inc()
        raise
    upload = await create(env, settings, user, length, metadata)
    log.info("upload created", upload_id=upload.id, bytes=length)
    if body is not None:
        upload = await _written(request, user, upload, body, offset=0)
    sent = _progress(upload) | {"Location": f"/api/tus/{upload.id}"}
    return Response(status_code=201, headers=sent)


async def tell_offset(request: Request, user: User) -> Response:
    """Where to go on. An upload that was killed while it became a video becomes it now."""
    tus.check_version(request.headers)
    upload = await _upload_of(request, user)
    if upload.is_complete and not upload.is_finished:
        upload = await _written(request, user, upload, None, offset=upload.length)
    sent = _progress(upload) | {"Upload-Length": str(upload.length)}
    if upload.metadata:
        sent["Upload-Metadata"] = upload.metadata
    return Response(status_code=200, headers=sent)


async def patch_upload(request: Request, user: User) -> Response:
    tus.check_version(request.headers)
    upload = await _upload_of(request, user)
    if request.headers.get("content-type") != tus.BODY_TYPE:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", f"Send the bytes as {tus.BODY_TYPE}.")
    offset, body = tus.number_of(request.headers, "Upload-Offset"), _body_of(request, user)
    _check_offset(upload, offset)
    if not upload.is_finished:
        upload = await _written(request, user, upload, body, offset=offset)
    return Response(status_code=204, headers=_progress(upload))


async def delete_upload(request: Request, user: User) -> Response:
    """Give an upload up. What has become a video is deleted as a video."""
    settings, env = request.state["settings"], request.state["env"]
    tus.check_version(request.headers)
    upload = await _upload_of(request, user)
    async with locked(env, settings, upload.id) as lock:
        upload = await read(env, settings, upload.id)
        if upload.is_finished:
            raise ApiError("UPLOAD_FINISHED")
        await refuse(env, settings, _ledger(request, upload, lock), upload)
    log.info("upload given up", upload_id=upload.id, bytes=upload.offset)
    return Response(status_code=204)


async def _upload_of(request: Request, user: User) -> OpenUpload:
    return await owned(request.state["env"], request.state["settings"], request.path_params["upload_id"], user)


async def _written(request: Request, user: User, upload: OpenUpload, body: Body | None, *, offset: int) -> OpenUpload:
    """The upload with the bytes of the body in the store; a video, if these were the last."""
    settings, env, looks = request.state["settings"], request.state["env"], request.state["looks"]
    metrics = request.state["metrics"]
    if body is not None:
        _check_room(upload, offset, body.announced or 0)
    with structlog.contextvars.bound_contextvars(upload_id=upload.id):
        async with (
            request.state["turns"].upload() as turn,
            locked(env, settings, upload.id) as lock,
        ):
            upload = await read(env, settings, upload.id)
            _check_offset(upload, offset)
            ledger = _ledger(request, upload, lock)
            try:
                if body is not None and not upload.is_complete:
                    await body.meter.begin()
                    upload = await receive(env, settings, looks, ledger, lock, turn, upload, body)
                if upload.is_complete and not upload.is_finished:
                    await turn.take()
                    await finish(env, settings, metrics, looks, ledger, upload, user, request_id_of(request))
                    upload = await read(env, settings, upload.id)
            except StoreLossError:
                log.error("the store lost an upload", bytes=upload.offset)
                lost = await read(env, settings, upload.id)
                await ledger.reset()
                await discard(env, settings, lost)
                raise ApiError("UPLOAD_RESET") from None
            except ApiError as error:
                if error.code == "UNSUPPORTED_FORMAT":
                    await refuse(env, settings, ledger, await read(env, settings, upload.id))
                if error.code in _REFUSALS:
                    metrics.uploads.labels(error.code.lower()).inc()
                raise
            except ClientDisconnect:
                log.info("upload interrupted")
                raise
    return upload


_REFUSALS = {"UNSUPPORTED_FORMAT", "TRUNCATED_FILE", "NO_VIDEO_TRACK", "QUOTA_EXCEEDED"}
"""After these nothing of the upload is left."""


def _body_of(request: Request, user: User) -> Body:
    announced = announced_bytes(request)
    return Body(request, Meter(request, user, announced), announced, tus.checksum_of(request.headers))


def _ledger(request: Request, upload: OpenUpload, lock: Lock) -> Ledger:
    return Ledger(request.state["env"].db, upload.id, lock.owner, request.state["settings"].binding_timeout_seconds)


def _check_offset(upload: OpenUpload, offset: int) -> None:
    if offset != upload.offset:
        error = ApiError("OFFSET_MISMATCH", f"The upload is at offset {upload.offset}, not {offset}.")
        error.headers["Upload-Offset"] = str(upload.offset)
        raise error


def _check_room(upload: OpenUpload, offset: int, size: int) -> None:
    if offset + size > upload.length:
        raise ApiError("BODY_TOO_LARGE", f"These bytes go beyond the {upload.length} of Upload-Length.")


def _progress(upload: OpenUpload) -> dict[str, str]:
    """Where the upload stands; of a finished one, the video that it became."""
    sent = {"Upload-Offset": str(upload.offset)}
    if upload.is_finished:
        return sent | {"X-Video-Id": upload.video_id, "Content-Location": f"/api/videos/{upload.video_id}"}
    return sent | {"Upload-Expires": tus.expires(upload.expires_at)}
