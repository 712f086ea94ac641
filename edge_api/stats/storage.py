"""How many bytes lie in the bucket, by kind: listed at intervals by one gateway, kept in D1, never in a request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.keys import timestamp
from edge_api.metrics import Metrics
from edge_api.settings import Settings
from edge_api.stats import queries
from edge_api.stats.operations import Operations
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket

log = structlog.get_logger("edge_api")

Kind = Literal["videos", "previews", "renditions", "fingerprints", "open_uploads", "other"]
LISTED: tuple[Kind, ...] = ("videos", "previews", "renditions", "fingerprints", "open_uploads", "other")
"""previews: thumbnails too. Of videos and open uploads the rows know more, and sooner."""

START_SECONDS = 5.0
PAUSE_SECONDS = 60.0
LOOK_SECONDS = 900.0
"""A listing takes less: a million objects are a thousand pages."""

_VIDEO = re.compile(r"[0-9a-f]{32}\.(?:mp4|webm|mov)")
_RENDITION = re.compile(r"\d+p\.mp4")


@dataclass(frozen=True, slots=True)
class Stored:
    objects: int = 0
    bytes: int = 0


def kind_of(key: str) -> Kind:
    """By the names that keys.py gives: a name that is not known, in a folder of videos, is a picture of one."""
    folder, name = key.partition("/")[0], key.rpartition("/")[2]
    match folder:
        case "videos":
            return "videos" if _VIDEO.fullmatch(name) else "previews"
        case "processed":
            return "renditions" if _RENDITION.fullmatch(name) else "previews"
        case "fingerprints":
            return "fingerprints"
        case "uploads":
            return "open_uploads"
        case _:
            return "other"


async def measure(bucket: R2Bucket, timeout_seconds: float) -> dict[Kind, Stored]:
    """All of the bucket, a page at a time; memory does not grow with it. Raises BindingError."""
    objects, size = dict.fromkeys(LISTED, 0), dict.fromkeys(LISTED, 0)
    cursor = None
    while True:
        async with deadline(timeout_seconds, "VIDEO_BUCKET"):
            page = await bucket.list(cursor=cursor)
        for entry in page.objects:
            kind = kind_of(entry.key)
            objects[kind] += 1
            size[kind] += entry.size
        if not page.truncated:
            return {kind: Stored(objects[kind], size[kind]) for kind in LISTED}
        cursor = page.cursor


def read(row: Mapping[str, Any] | None) -> dict[Kind, Stored] | None:
    """What the row of the duty keeps; None before the first time."""
    if row is None or row["result"] is None:
        return None
    kept = json.loads(row["result"])
    return {kind: Stored(**kept[kind]) if kind in kept else Stored() for kind in LISTED}


@dataclass(frozen=True, slots=True)
class Watch:
    """What one gateway does beside its requests for the dashboard of all."""

    env: Env
    settings: Settings
    metrics: Metrics
    operations: Operations

    async def for_ever(self) -> None:
        """Until cancelled, and once more then. What cannot be reached now is left to the next time."""
        try:
            await asyncio.sleep(START_SECONDS)
            while True:
                await self.once()
                await asyncio.sleep(min(PAUSE_SECONDS, self.settings.storage_interval_seconds or PAUSE_SECONDS))
        finally:
            await self._write_counts()

    async def once(self, now: datetime | None = None) -> None:
        now = now or datetime.now(UTC)
        await self._write_counts()
        try:
            if self.settings.storage_interval_seconds and await self._is_taken(now):
                await self._look(now)
        except BindingError as error:
            log.warning("storage not measured", code=error.code, message=error.message)
        except Exception:
            log.exception("storage not measured")

    async def _write_counts(self) -> None:
        try:
            async with deadline(self.settings.binding_timeout_seconds, "DB"):
                await self.operations.write(self.env.db)
        except BindingError as error:
            log.warning("operations not written", code=error.code, message=error.message)
        except Exception:
            log.exception("operations not written")

    async def _is_taken(self, now: datetime) -> bool:
        """Of all gateways one gets it, once an interval."""
        # Should it fail, or the gateway die of it, another looks soon.
        again = now + timedelta(seconds=min(LOOK_SECONDS, self.settings.storage_interval_seconds))
        async with deadline(self.settings.binding_timeout_seconds, "DB"):
            taken = self.env.db.prepare(queries.TAKE_DUTY).bind(timestamp(now), timestamp(again))
            return (await taken.run()).meta.changes > 0

    async def _look(self, now: datetime) -> None:
        found = await measure(self.env.video_bucket, self.settings.transfer_timeout_seconds)
        kept = {kind: {"objects": each.objects, "bytes": each.bytes} for kind, each in found.items()}
        for kind, each in found.items():
            self.metrics.stored_bytes.labels(kind).set(each.bytes)
        async with deadline(self.settings.binding_timeout_seconds, "DB"):
            again = timestamp(now + timedelta(seconds=self.settings.storage_interval_seconds))
            await self.env.db.prepare(queries.DUTY_DONE).bind(timestamp(), json.dumps(kept), again).run()
        log.info("storage measured", objects=sum(each.objects for each in found.values()))
