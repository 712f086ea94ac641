"""GET and DELETE /api/searches/{id}: what a search has found. Only whoever asked may see it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.auth import User
from edge_api.bodies import whole_number
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import is_id
from edge_api.presentation import REASONS, match_json
from edge_api.state import Request
from wrangler_compat.d1.types import Row
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")

LONGEST_WAIT_SECONDS = 30


async def get_search(request: Request, user: User) -> JSONResponse:
    """At once, or as soon as it has ended, within the seconds that the client is willing to wait."""
    wait = whole_number(request.query_params.get("wait"), "wait", default=0, lowest=0, highest=LONGEST_WAIT_SECONDS)
    row = await own_row(request, user)
    turns, settings = request.state["turns"], request.state["settings"]
    until = time.monotonic() + wait
    if turns.event_streams < settings.event_streams:
        turns.event_streams += 1
        try:
            while _is_open(row) and time.monotonic() < until:
                await asyncio.sleep(settings.event_poll_seconds)
                row = await own_row(request, user)
        finally:
            turns.event_streams -= 1
    return JSONResponse(await shown_search(request, row))


async def delete_search(request: Request, user: User) -> JSONResponse:
    """The row goes first: a worker that has the search in hand then stops. Objects left by a crash are swept."""
    row = await own_row(request, user)
    env, settings = request.state["env"], request.state["settings"]
    async with deadline(settings.binding_timeout_seconds, "DB"):
        await env.db.prepare(queries.DELETE_SEARCH).bind(row["id"]).run()
    keys = [key for key in (row["r2_key"], row["reference_key"]) if key is not None]
    try:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.delete(keys)
    except BindingError as error:
        log.warning("objects left to the sweep", search_id=row["id"], code=error.code, message=error.message)
    return JSONResponse({"message": "The search has been deleted.", "search_id": row["id"]})


async def own_row(request: Request, user: User) -> Row:
    """Raises ApiError SEARCH_NOT_FOUND, also for a search of somebody else."""
    search_id, state = request.path_params["search_id"], request.state
    row: Row | None = None
    if is_id(search_id):
        async with deadline(state["settings"].binding_timeout_seconds, "DB"):
            row = await state["env"].db.prepare(queries.SEARCH).bind(search_id, user.id).first()
    if row is None:
        raise ApiError("SEARCH_NOT_FOUND")
    return row


def _is_open(row: Row) -> bool:
    return row["status"] in ("pending", "processing")


async def shown_search(request: Request, row: Row) -> dict[str, Any]:
    """What GET /api/searches/{search_id} answers of this row."""
    body: dict[str, Any] = {
        "search_id": row["id"],
        "kind": row["kind"],
        "status": "processing" if _is_open(row) else row["status"],
        "created_at": row["created_at"],
        "file_size": row["file_size"],
        "mime_type": row["mime_type"],
    }
    for name in ("source_url", "reference_id"):
        if row[name] is not None:
            body[name] = row[name]
    if row["error_message"] is not None:
        body |= {"last_error": row["error_message"], "attempts": row["attempt_count"]}
    if row["status"] != "completed":
        return body | {"progress": row["progress"], "stage": row["stage"]}
    answer = json.loads(row["answer"])
    body |= {"completed_at": row["completed_at"], "verdict": await _verdict(request, answer["verdict"])}
    body |= {name: answer[name] for name in ("video", "reference", "evidence") if name in answer}
    if "gates" in answer:
        body["explanation"] = {"gates": answer["gates"], "changes": answer["changes"]}
    return body


async def _verdict(request: Request, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the video would be told, were it uploaded; of other videos it says what a verdict says."""
    verdict = {name: kept[name] or None for name in ("status", "reason", "duplicate_of", "similar_to", "confidence")}
    verdict["similarity_score"] = kept["similarity_score"]
    verdict["matches"] = [match_json(match) | {"video_id": match["video_id"] or None} for match in kept["matches"]]
    if kept["reason"] is not None:
        verdict["message"] = kept.get("message") or REASONS.get(kept["reason"], "This video would not be accepted.")
    if kept["status"] == "duplicate" and kept["duplicate_of"]:
        state = request.state
        async with deadline(state["settings"].binding_timeout_seconds, "DB"):
            original = await state["env"].db.prepare(queries.ORIGINAL).bind(kept["duplicate_of"]).first()
        verdict["original_video"] = original and {"id": kept["duplicate_of"], **original}
    return verdict
