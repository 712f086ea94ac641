"""What the stores hold, page by page: memory holds a page or two, however much there is.

Objects and the rows that name them are walked side by side, both in the order of their keys.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer import doctor_queries
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import R2Error
from wrangler_compat.r2.types import R2Bucket, R2Object


@dataclass(frozen=True, slots=True)
class Stretch:
    """One page of a listing, and the keys after which it begins and with which it ends."""

    objects: tuple[R2Object, ...]
    after: str
    upto: str

    def older_than(self, before: datetime) -> list[R2Object]:
        return [found for found in self.objects if found.uploaded < before]


async def stretches(bucket: R2Bucket, prefix: str) -> AsyncIterator[Stretch]:
    """Every object under the prefix; together the stretches cover every key under it. Raises R2Error."""
    after, cursor = prefix, None
    while True:
        page = await bucket.list(prefix=prefix, cursor=cursor)
        keys = [after, *(found.key for found in page.objects)]
        if any(second < first for first, second in itertools.pairwise(keys)):
            raise R2Error("The bucket's listing is not in the order of its keys.", code="LISTING_UNORDERED")
        # "0" follows "/": after all keys under the prefix.
        upto = keys[-1] if page.truncated else f"{prefix[:-1]}0"
        yield Stretch(page.objects, after, upto)
        if not page.truncated:
            return
        after, cursor = upto, page.cursor


async def rows_named(db: D1Database, sql: str, stretch: Stretch, before: str) -> AsyncIterator[Row]:
    """Rows (id, object_key) whose key lies in the stretch. sql: of doctor_queries. before: a moment."""
    after = stretch.after
    while True:
        rows = (await db.prepare(sql).bind(after, stretch.upto, before).all()).results
        for row in rows:
            yield row
        if len(rows) < doctor_queries.PAGE:
            return
        after = rows[-1]["object_key"]


async def in_chunks(ids: AsyncIterator[str], size: int) -> AsyncIterator[list[str]]:
    chunk: list[str] = []
    async for each in ids:
        chunk.append(each)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def rows_after(db: D1Database, sql: str, column: str, *values: str | int) -> AsyncIterator[Sequence[Row]]:
    """Pages of rows ordered by the column, which ?1 bounds from below."""
    last = ""
    while rows := (await db.prepare(sql).bind(last, *values).all()).results:
        yield rows
        last = rows[-1][column]


async def known_among(db: D1Database, video_ids: Sequence[str]) -> set[str]:
    """Those that have a row, as a video or a search, are being purged, or are about to come of a resumable upload."""
    return await _among(db, doctor_queries.KNOWN, video_ids)


async def resumable_among(db: D1Database, upload_ids: Sequence[str]) -> set[str]:
    """Those of resumable uploads that are no videos yet."""
    return await _among(db, doctor_queries.RESUMABLE, upload_ids)


async def resumable_parts_among(db: D1Database, multipart_ids: Sequence[str]) -> set[str]:
    """Those that belong to resumable uploads that are no videos yet."""
    return await _among(db, doctor_queries.RESUMABLE_PARTS, multipart_ids)


async def renditions_among(db: D1Database, video_ids: Sequence[str]) -> set[str]:
    """Those whose rendition is made, or wanted."""
    return await _among(db, doctor_queries.RENDITIONS, video_ids)


async def _among(db: D1Database, sql: str, ids: Sequence[str]) -> set[str]:
    rows = (await db.prepare(sql).bind(json.dumps(list(ids))).all()).results if ids else []
    return {row["id"] for row in rows}


async def statuses_of(db: D1Database, video_ids: Sequence[str]) -> dict[str, str]:
    rows = (await db.prepare(doctor_queries.STATUSES).bind(json.dumps(list(video_ids))).all()).results
    return {row["id"]: row["status"] for row in rows}
