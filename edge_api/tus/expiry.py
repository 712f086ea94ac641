"""Resumable uploads that nobody finished, and objects of uploads that are no more. For the sweep of edge_api/leftovers.

Everything here may run twice, and beside other gateways: an upload is removed under its lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.keys import timestamp
from edge_api.settings import Settings
from edge_api.tus import queries
from edge_api.tus.finishing import refuse
from edge_api.tus.locks import locked
from edge_api.tus.records import FOLDER, Ledger, read
from edge_api.tus.stored import clear

_AT_ONCE = 90


async def remove_expired(env: Env, settings: Settings, now: datetime) -> int:
    """How many uploads were removed. One that a request has in hand is left to the next time. Raises BindingError."""
    removed = 0
    async with deadline(settings.binding_timeout_seconds, "DB"):
        rows = (await env.db.prepare(queries.EXPIRED).bind(timestamp(now), _AT_ONCE).all()).results
    for row in rows:
        try:
            await _remove(env, settings, row["id"])
        except ApiError:
            continue
        removed += 1
    return removed


async def _remove(env: Env, settings: Settings, upload_id: str) -> None:
    """Raises ApiError when somebody was faster, or has it in hand; BindingError."""
    async with locked(env, settings, upload_id, waits=False) as lock:
        ledger = Ledger(env.db, upload_id, lock.owner, settings.binding_timeout_seconds)
        upload = await read(env, settings, upload_id)
        if upload.is_finished:
            await clear(env, settings, upload)
            await ledger.remove()
        else:
            await refuse(env, settings, ledger, upload)


async def forsaken(env: Env, settings: Settings, before: datetime) -> list[str]:
    """Keys of objects, last written before that moment, of uploads that have no row or are finished."""
    found: list[str] = []
    cursor = None
    while True:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            page = await env.video_bucket.list(prefix=FOLDER, cursor=cursor)
        keys = [entry.key for entry in page.objects if entry.uploaded < before]
        uploads = {key: key.removeprefix(FOLDER).partition("/")[0] for key in keys}
        known = await known_uploads(env, settings, "id", sorted(set(uploads.values())))
        found += [key for key in keys if uploads[key] not in known]
        if not page.truncated:
            return found
        cursor = page.cursor


async def known_uploads(
    env: Env, settings: Settings, column: Literal["id", "video_id", "r2_upload_id"], values: Sequence[str]
) -> set[str]:
    """Which of these are those of uploads that are no videos yet. Raises BindingError."""
    known: set[str] = set()
    for at in range(0, len(values), _AT_ONCE):
        some = values[at : at + _AT_ONCE]
        async with deadline(settings.binding_timeout_seconds, "DB"):
            rows = (await env.db.prepare(queries.known(column, len(some))).bind(*some).all()).results
        known |= {row["known"] for row in rows}
    return known
