"""What the other services and operators call: the processor's callback, and running a video again."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.audit import audit
from edge_api.bodies import FURTHEST, json_object, refuse_unknown, whole_number
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.errors import ApiError, request_id_of
from edge_api.keys import fingerprint_key, is_id, preview_key, thumbnail_key
from edge_api.state import Request
from wire.fingerprints import FingerprintFormatError, unpack
from wire.jobs import Job
from wire.media import Media, plays_in_browsers
from wire.processing import ExtractFormatError, ExtractResponse, Preview
from wrangler_compat.d1.types import Row
from wrangler_compat.r2.types import R2HttpMetadata

log = structlog.get_logger("edge_api")

CALLBACK_BYTES = 64 * 1024 * 1024


async def fingerprint_complete(request: Request) -> JSONResponse:
    """Keeps the fingerprint where the consumer looks for it, and wakes the job; also when there is none to keep.

    A second call changes nothing.
    """
    body = await json_object(request, at_most=CALLBACK_BYTES)
    kept = None if _is_failure(body) else await asyncio.to_thread(_fingerprint_of, body)
    row = await _row(request, body.get("video_id"))
    if row["status"] == "processing":
        if kept is not None:
            await _keep(request, kept, row)
        job = Job(row["id"], request_id=request_id_of(request))
        await wake(request.state["env"], job, row["priority"], request.state["settings"].binding_timeout_seconds)
    return JSONResponse({"status": "received"})


async def retry(request: Request, actor: str) -> JSONResponse:
    """Start a stuck or failed video from the beginning."""
    body = await json_object(request)
    refuse_unknown(body, ("video_id",))
    video_id = body.get("video_id")
    if not isinstance(video_id, str) or not video_id:
        raise ApiError("INVALID_FIELD", "video_id is required and must be text.", field="video_id")
    await run_again(request, actor, video_id)
    return JSONResponse({"video_id": video_id, "status": "processing"})


async def run_again(request: Request, actor: str, video_id: str) -> None:
    """Raises ApiError VIDEO_NOT_FOUND, ALREADY_DECIDED."""
    row = await _row(request, video_id)
    env, settings = request.state["env"], request.state["settings"]
    async with deadline(settings.binding_timeout_seconds, "DB"):
        reset, _ = await env.db.batch(
            [
                env.db.prepare(queries.RESET_JOB_IF_UNDECIDED).bind(video_id),
                audit(env.db, actor, "video.retry", video_id, {"was": row["job_status"]}),
            ]
        )
    if reset.meta.changes == 0:
        raise ApiError("ALREADY_DECIDED")
    log.info("retry", video_id=video_id, actor=actor)
    job = Job(video_id, request_id=request_id_of(request))
    await wake(env, job, row["priority"], settings.binding_timeout_seconds)


async def failed(request: Request, actor: str) -> JSONResponse:
    """The jobs that failed for good, latest first, with their reasons."""
    query = request.query_params
    limit = whole_number(query.get("limit"), "limit", default=20, lowest=1, highest=100)
    offset = whole_number(query.get("offset"), "offset", default=0, lowest=0, highest=FURTHEST)
    return JSONResponse(await failed_jobs(request, limit, offset))


async def failed_jobs(request: Request, limit: int, offset: int) -> dict[str, Any]:
    """What GET /internal/failed answers."""
    env = request.state["env"]
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        rows = (await env.db.prepare(queries.FAILED_JOBS).bind(limit, offset).all()).results
        total = await env.db.prepare(queries.FAILED_TOTAL).first("total")
    return {"failed": rows, "total": total, "limit": limit, "offset": offset}


def _is_failure(body: Mapping[str, Any]) -> bool:
    """Whether the processor tells that it has no fingerprint. The job, once woken, finds out why by itself."""
    if "fingerprint" in body or not isinstance(body.get("code"), str):
        return False
    log.warning("fingerprint failed", video_id=body.get("video_id"), code=body["code"][:64])
    return True


async def _row(request: Request, video_id: object) -> Row:
    row: Row | None = None
    if isinstance(video_id, str) and is_id(video_id):
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            row = await request.state["env"].db.prepare(queries.VIDEO).bind(video_id, None).first()
    if row is None:
        raise ApiError("VIDEO_NOT_FOUND", "There is no video with this id.")
    return row


@dataclass(frozen=True, slots=True)
class _Callback:
    """packed: the fingerprint's bytes. thumbnail: a JPEG. preview: with one, in base64, or None."""

    video_id: str
    packed: bytes
    algorithm_version: int
    duration: float
    thumbnail: bytes | None
    preview: Preview | None
    media: Media | None


def _fingerprint_of(body: object) -> _Callback:
    """Raises ApiError INVALID_FINGERPRINT."""
    try:
        answer = ExtractResponse.from_json(body)
        packed = base64.b64decode(answer.fingerprint, validate=True)
        fingerprint = unpack(packed)
        thumbnail = None if answer.thumbnail is None else base64.b64decode(answer.thumbnail, validate=True)
        preview = None if answer.preview is None or answer.preview.jpeg is None else answer.preview
        base64.b64decode(preview.jpeg or "" if preview else "", validate=True)
    except (ExtractFormatError, FingerprintFormatError, binascii.Error, TypeError, ValueError) as error:
        raise ApiError("INVALID_FINGERPRINT", f"The body holds no fingerprint: {error}.") from error
    version, duration = fingerprint.algorithm_version, fingerprint.duration
    return _Callback(answer.video_id, packed, version, duration, thumbnail, preview, answer.media)


async def _keep(request: Request, kept: _Callback, row: Row) -> None:
    """The objects first, then the row that names them. Raises BindingError."""
    env, settings = request.state["env"], request.state["settings"]
    key, beside, layout = fingerprint_key(kept.video_id, row["r2_key"]), None, None
    strip = None if kept.preview is None else preview_key(kept.video_id, row["r2_key"])
    async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
        await env.video_bucket.put(key, kept.packed)
        if kept.thumbnail is not None:
            beside = thumbnail_key(kept.video_id, row["r2_key"])
            await env.video_bucket.put(beside, kept.thumbnail, http_metadata=R2HttpMetadata("image/jpeg"))
        if kept.preview is not None and strip is not None:
            layout = json.dumps({name: getattr(kept.preview, name) for name in ("pictures", "width", "height")})
            jpeg = base64.b64decode(kept.preview.jpeg or "")
            await env.video_bucket.put(strip, jpeg, http_metadata=R2HttpMetadata("image/jpeg"))
    media = None if kept.media is None else kept.media.to_text()
    plays = None if kept.media is None else int(plays_in_browsers(kept.media))
    values = (kept.algorithm_version, round(kept.duration), kept.duration, beside, strip, layout, media, plays)
    async with deadline(settings.binding_timeout_seconds, "DB"):
        await env.db.prepare(queries.KEEP_FINGERPRINT).bind(kept.video_id, key, *values).run()
