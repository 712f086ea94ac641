"""What a gateway that was killed left behind in R2: open multipart uploads, and objects whose rows were never written.

Nobody was promised anything about them. Everything here may run twice, and beside other gateways.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from edge_api import queries
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.settings import Settings
from edge_api.tus.expiry import forsaken, known_uploads, remove_expired
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2OpenUpload

log = structlog.get_logger("edge_api")

OBJECT_GRACE = timedelta(hours=1)
"""Rows follow a complete object within seconds; an hour leaves no doubt."""

DAYS_BACK = 3
"""How many days' keys are looked at."""

MOST_ORPHANS = 100
"""Killed gateways leave a few objects without rows; so many mean that rows are missing, as after a restore of D1."""

_VIDEO_KEY = re.compile(r"videos/\d{4}/\d\d/\d\d/([0-9a-f]{32})\.(?:mp4|webm|mov)")
_SEARCHES = "searches/"
_SEARCH_KEY = re.compile(r"searches/([0-9a-f]{32})/(?:video|reference)\.(?:mp4|webm|mov)")
_IDS_AT_ONCE = 90


@dataclass(frozen=True, slots=True)
class Swept:
    """expired: resumable uploads past their time, among them finished ones, whose videos stay."""

    uploads: int = 0
    objects: int = 0
    expired: int = 0


async def sweep_for_ever(env: Env, settings: Settings) -> None:
    """Sweep now and then, until cancelled. What cannot be reached now is left to the next time."""
    while True:
        try:
            swept = await sweep(env, settings)
            if swept != Swept():
                log.info("leftovers removed", **dataclasses.asdict(swept))
        except BindingError as error:
            log.warning("leftovers not swept", code=error.code, message=error.message)
        await asyncio.sleep(settings.leftover_interval_seconds)


async def sweep(env: Env, settings: Settings, now: datetime | None = None) -> Swept:
    """Removes what is certain to be left behind. Raises BindingError."""
    now = now or datetime.now(UTC)
    uploads = await _abort_uploads(env, settings, now - timedelta(seconds=settings.leftover_upload_seconds))
    expired = await remove_expired(env, settings, now)
    orphans = await forsaken(env, settings, now - OBJECT_GRACE)
    for back in range(DAYS_BACK):
        prefix = f"videos/{now - timedelta(days=back):%Y/%m/%d}/"
        orphans += await _orphans(env, settings, prefix, _VIDEO_KEY, queries.known_videos, now - OBJECT_GRACE)
    orphans += await _orphans(env, settings, _SEARCHES, _SEARCH_KEY, queries.known_searches, now - OBJECT_GRACE)
    if len(orphans) > MOST_ORPHANS:
        log.error("too many objects without rows; nothing deleted, see python -m consumer doctor", objects=len(orphans))
        return Swept(uploads, expired=expired)
    if orphans:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.delete(orphans)
    return Swept(uploads, len(orphans), expired)


async def _abort_uploads(env: Env, settings: Settings, before: datetime) -> int:
    found: list[R2OpenUpload] = []
    for prefix in ("videos/", _SEARCHES):
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            found += await env.video_bucket.list_multipart_uploads(prefix=prefix)
    old = [upload for upload in found if upload.initiated is not None and upload.initiated < before]
    resumable = await known_uploads(env, settings, "r2_upload_id", [upload.upload_id for upload in old])
    old = [upload for upload in old if upload.upload_id not in resumable]
    for upload in old:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.resume_multipart_upload(upload.key, upload.upload_id).abort()
    return len(old)


async def _orphans(
    env: Env, settings: Settings, prefix: str, pattern: re.Pattern[str], known: Callable[[int], str], before: datetime
) -> list[str]:
    """The keys of videos, or searches, without a row. pattern: of their keys. known: the SQL that knows their ids."""
    found: list[str] = []
    cursor = None
    while True:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            page = await env.video_bucket.list(prefix=prefix, cursor=cursor)
        owners = {
            entry.key: named[1]
            for entry in page.objects
            if entry.uploaded < before and (named := pattern.fullmatch(entry.key))
        }
        missing = await _without_row(env, settings, sorted(set(owners.values())), known)
        found += [key for key, owner in owners.items() if owner in missing]
        if not page.truncated:
            return found
        cursor = page.cursor


async def _without_row(env: Env, settings: Settings, ids: Sequence[str], known: Callable[[int], str]) -> set[str]:
    missing: set[str] = set()
    for some in _chunks(ids):
        async with deadline(settings.binding_timeout_seconds, "DB"):
            rows = (await env.db.prepare(known(len(some))).bind(*some).all()).results
        missing |= set(some) - {row["id"] for row in rows} - await known_uploads(env, settings, "video_id", some)
    return missing


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[at : at + _IDS_AT_ONCE]
